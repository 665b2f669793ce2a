import OperatorText

/// An HTTP address, split into its parts and put together again, so that the address used is the one checked.
public struct WebAddress: Equatable, Sendable, CustomStringConvertible {
    /// Whether TLS protects it.
    public let isSecure: Bool
    /// A name in lower case, or an address without brackets.
    public let host: String
    /// 443 or 80 if the text has no port.
    public let port: UInt16
    /// Empty, or begins with `/` and does not end with one.
    public let path: String

    /// What is wrong with an address.
    public enum Fault: OperatorError, Equatable {
        /// Neither `https://` nor `http://`.
        case scheme
        /// A user name or a password.
        case credentials
        /// No host, or one with invalid characters.
        case host
        /// Not 1 to 65535.
        case port
        /// Characters that are not allowed in a path, `..`, a query or a fragment.
        case path

        /// What is wrong: one line, lower case.
        public var message: String {
            switch self {
            case .scheme: "the address does not begin with https://"
            case .credentials: "the address holds a user name, and none is sent"
            case .host: "the address names no host"
            case .port: "the address's port is not a number from 1 to 65535"
            case .path: "the address's path holds what no path may: a space, .., ?, # or the like"
            }
        }

        /// What to do about it, as an imperative.
        public func hint(for names: SettingNames) -> String { "write it as https://host or https://host:port/path" }
    }

    /// Parses `https://host[:port][/path]`.
    /// - Throws: `Fault`.
    public init(_ text: String) throws(Fault) {
        let rest: Substring
        if text.lowercased().hasPrefix("https://") {
            (isSecure, rest) = (true, text.dropFirst(8))
        } else if text.lowercased().hasPrefix("http://") {
            (isSecure, rest) = (false, text.dropFirst(7))
        } else {
            throw .scheme
        }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else { throw .credentials }
        do throws(HostAndPort.Fault) {
            // Lower case afterwards: some characters beyond ASCII would become letters of ASCII.
            let place = try HostAndPort(authority, defaultPort: isSecure ? 443 : 80)
            (host, port) = (place.host.lowercased(), place.port)
        } catch {
            throw error == .port ? .port : .host
        }
        var path = rest.dropFirst(authority.count)
        while path.hasSuffix("/") { path = path.dropLast() }
        let isGood = path.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "%") || byte == UInt8(ascii: "/") || WebAddress.isPlain(byte)
        }
        guard isGood, !path.split(separator: "/").contains(where: { $0 == ".." || $0 == "." }) else { throw .path }
        self.path = String(path)
    }

    private init(isSecure: Bool, host: String, port: UInt16, path: String) {
        (self.isSecure, self.host, self.port, self.path) = (isSecure, host, port, path)
    }

    /// An address below this one. The parts are our own, or have been checked with `isPlain`.
    public func appending(_ parts: String) -> WebAddress {
        precondition(parts.utf8.allSatisfy { $0 == UInt8(ascii: "/") || WebAddress.isPlain($0) }, "not a plain path")
        return WebAddress(isSecure: isSecure, host: host, port: port, path: path + "/" + parts)
    }

    /// Whether a character stands for itself in a path: letters, digits, `-._~`.
    public static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Whether it is this machine itself.
    public var isLoopback: Bool { host == "localhost" || host == "::1" || host == "127.0.0.1" }

    /// The whole address.
    public var description: String {
        let isUsual = port == (isSecure ? 443 : 80)
        return (isSecure ? "https://" : "http://") + HostAndPort.bracketed(host) + (isUsual ? "" : ":\(port)") + path
    }
}
