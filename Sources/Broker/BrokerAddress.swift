import BootTime
import COpenSSL
import EventLoop
import OperatorText

/// A broker's host and port.
public struct BrokerAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, as it is in the broker's certificate.
    public let host: String
    /// 8883 for MQTT over TLS.
    public let port: UInt16

    /// A broker at a host and port.
    public init(host: String, port: UInt16) { (self.host, self.port) = (host, port) }

    /// The broker that a text names.
    package init(_ place: HostAndPort) { (host, port) = (place.host, place.port) }

    /// `host:port`.
    public var description: String { HostAndPort.text(host, port) }
}

// In single steps, as the doctor checks them.
extension BrokerAddress {
    /// How long each address may take for anything.
    private static let limit = Duration.seconds(5)

    /// The numeric addresses that the name resolves to, in the order in which a link tries them; at most eight.
    /// - Throws: `BrokerFault.unknownHost`.
    public func numericHosts() throws(BrokerFault) -> [String] { try HostAddresses.lookUp(host) }

    /// Whether a service accepts connections there.
    /// - Returns: the address that accepted one.
    /// - Throws: `BrokerFault`: `.unknownHost`, `.unreachable`, `.silent`.
    public func reach() throws(BrokerFault) -> String {
        try reach(AddressRace(try numericHosts()))
    }

    func reach(_ addresses: AddressRace) throws(BrokerFault) -> String {
        var race = addresses
        return try connected(&race).address
    }

    private func connected(
        _ race: inout AddressRace
    ) throws(BrokerFault) -> (address: String, connection: PlainConnection, beaten: [String]) {
        try race.run(wakeup: -1, until: .now + BrokerAddress.limit, interruption: { nil }) {
            address throws(BrokerFault) in try PlainConnection(address, port)
        }
    }

    /// A TLS handshake, over the first address with which it succeeds: the version that was agreed on, and the time of the
    /// broker's certificate, in seconds since 1970.
    /// - Throws: `BrokerFault`.
    public func shakeHands(_ files: TLSFiles) throws(BrokerFault) -> (
        version: String, notBefore: Int64, notAfter: Int64
    ) {
        try shakeHands(files, AddressRace(try numericHosts()))
    }

    func shakeHands(_ files: TLSFiles, _ addresses: AddressRace) throws(BrokerFault) -> (
        version: String, notBefore: Int64, notAfter: Int64
    ) {
        var race = addresses
        while true {
            let context = try TLSContext(files, host: host)
            let (address, connection, _) = try connected(&race)
            do throws(BrokerFault) {
                return try shakeHands(over: connection, context)
            } catch {
                race.failed(address, error, wasReached: true)
            }
        }
    }

    private func shakeHands(
        over connection: PlainConnection, _ context: TLSContext
    ) throws(BrokerFault) -> (version: String, notBefore: Int64, notAfter: Int64) {
        connection.block(for: BrokerAddress.limit)
        guard let ssl = SSL_new(context.handle) else { preconditionFailure("OpenSSL made no connection") }
        defer {
            SSL_free(ssl)
            ERR_clear_error()
        }
        SSL_set_fd(ssl, connection.socket)
        guard SSL_connect(ssl) == 1, let certificate = SSL_get1_peer_certificate(ssl) else {
            let code = ERR_peek_error()
            throw context.refusal
                ?? (code == 0 ? .closed : .tls(logged: "error:" + hexadecimalCode(code) + ":" + words(code)))
        }
        defer { X509_free(certificate) }
        return (
            String(cString: SSL_get_version(ssl)), cossl_seconds(X509_get0_notBefore(certificate)),
            cossl_seconds(X509_get0_notAfter(certificate))
        )
    }

    private func words(_ code: UInt) -> String {
        ERR_reason_error_string(code).map { String(cString: $0) } ?? "no words"
    }

    private func hexadecimalCode(_ code: UInt) -> String {
        let digits = String(code, radix: 16)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}
