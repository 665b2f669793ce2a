import OperatorText

/// The broker's address in a registration service's reply: `mqtt://host`, and nothing that could be more than host and port.
public struct BrokerPlace: Equatable, Sendable, CustomStringConvertible {
    /// A name in lower case, or an address without brackets.
    public let host: String
    /// 8883 if the text has no port.
    public let port: UInt16

    /// Parses the text. `mqtt://` means TLS, as the others do: the reference writes it, and uses TLS on port 8883.
    /// - Returns: nil if it is not a broker's address.
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
    public init?(hostAndPort text: some StringProtocol) {
        // Lower case afterwards: some characters beyond ASCII would become letters of ASCII.
        guard let place = try? HostAndPort(text, defaultPort: 8_883) else { return nil }
        (host, port) = (place.host.lowercased(), place.port)
    }

    /// `host:port`, as in the configuration.
    public var description: String { HostAndPort.text(host, port) }
}
