import Glibc

/// `host:port` or `[IPv6 address]:port`, as operators write it and as it is printed: only what can be part of a URL, of a
/// configuration file and of a certificate's name.
///
/// A host is a DNS name of at most 253 bytes (letters, digits, `-`, `.`, `_`; it begins with a letter, digit or `_`, and has no two dots in a
/// row), an IPv4 address, or an IPv6 address without a zone. A port is 1 to 65535, in at most five digits.
package struct HostAndPort: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets, as it was written.
    package let host: String
    /// 1 to 65535.
    package let port: UInt16

    /// What is wrong with a text.
    package enum Fault: Error, Equatable, Sendable {
        /// No host, one with invalid characters, or something other than digits in place of a port.
        case host
        /// No port where one is needed, or a number that is not from 1 to 65535.
        case port
    }

    /// Parses the text.
    /// - Parameter defaultPort: the port of a text without one; nil: there must be one.
    /// - Throws: `Fault`.
    package init(_ text: some StringProtocol, defaultPort: UInt16? = nil) throws(Fault) {
        let text = Substring(text)
        let host: Substring
        let rest: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw .host }
            (host, rest) = (text[..<end].dropFirst(), text[end...].dropFirst())
            guard HostAndPort.isIPv6Address(host) else { throw .host }
        } else {
            host = text.prefix { $0 != ":" }
            rest = text[host.endIndex...]
            guard HostAndPort.isName(host) else { throw .host }
        }
        self.host = String(host)
        guard !rest.isEmpty else {
            guard let defaultPort else { throw .port }
            port = defaultPort
            return
        }
        guard rest.first == ":" else { throw .host }
        port = try HostAndPort.port(rest.dropFirst())
    }

    /// A port is digits only: `UInt16` alone would take `+8883`. Anything but digits is a text that is not host and port.
    private static func port(_ text: Substring) throws(Fault) -> UInt16 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            throw .host
        }
        guard text.utf8.count <= 5, let port = UInt16(text), port > 0 else { throw .port }
        return port
    }

    /// Whether a text can be a host alone: a name or an address, without brackets.
    package static func isHost(_ text: some StringProtocol) -> Bool {
        isName(Substring(text)) || isIPv6Address(Substring(text))
    }

    /// Whether a text is an IPv4 or IPv6 address, and not a name.
    package static func isAddress(_ text: String) -> Bool {
        var address = in_addr()
        return !text.utf8.contains(0) && inet_pton(AF_INET, text, &address) == 1 || isIPv6Address(Substring(text))
    }

    /// `host:port`, with brackets around an IPv6 address.
    package var description: String { HostAndPort.text(host, port) }

    /// `host:port`, with brackets around an IPv6 address.
    package static func text(_ host: String, _ port: UInt16) -> String { "\(bracketed(host)):\(port)" }

    /// A host as it stands before a port: an IPv6 address is in brackets.
    package static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

    /// A DNS name or an IPv4 address.
    private static func isName(_ text: Substring) -> Bool {
        guard (1...253).contains(text.utf8.count), let first = text.utf8.first, !text.contains("..") else {
            return false
        }
        guard first != UInt8(ascii: "-"), first != UInt8(ascii: ".") else { return false }
        return text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    /// The C library takes no NUL for the end here, because no address has one.
    private static func isIPv6Address(_ text: Substring) -> Bool {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return false }
        var address = in6_addr()
        return inet_pton(AF_INET6, String(text), &address) == 1
    }
}
