import Fetching

/// Where a registration service says that the broker is: `mqtt://host`, and nothing that could be more than host and port.
public struct BrokerPlace: Equatable, Sendable, CustomStringConvertible {
    /// A name in lower case, or an address without brackets.
    public let host: String
    /// 8883 where the text names none.
    public let port: UInt16

    /// Takes the text apart. `mqtt://` means TLS as the others do: the reference says it, and speaks TLS on port 8883.
    /// - Returns: nil where it is no broker's address.
    public init?(_ text: String) {
        let schemes = ["mqtt://", "mqtts://", "ssl://", "tls://"]
        guard text.utf8.count <= 300, let scheme = schemes.first(where: { text.lowercased().hasPrefix($0) }) else {
            return nil
        }
        var rest = text.dropFirst(scheme.count)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        self.init(hostAndPort: rest)
    }

    /// `host` or `host:port`, as an operator writes it.
    public init?(hostAndPort text: Substring) {
        guard let place = HostAndPort(text) else { return nil }
        guard let port = place.port.map({ UInt16($0) }) ?? 8883, port > 0 else { return nil }
        (host, self.port) = (place.host, port)
    }

    /// `host:port`, as the configuration has it.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
