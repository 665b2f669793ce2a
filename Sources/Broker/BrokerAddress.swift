import COpenSSL
import Glibc
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
    /// The numeric addresses that the name resolves to.
    /// - Throws: `BrokerFault.unknownHost`.
    public func numericHosts() throws(BrokerFault) -> [String] {
        try eachAddress { address in
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    address.ai_addr, address.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private func eachAddress<Result>(_ body: (addrinfo) -> Result?) throws(BrokerFault) -> [Result] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let list else { throw .unknownHost(host) }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0.pointee.ai_next }).compactMap { body($0.pointee) }
    }

    /// A connection that waits no longer than this for anything.
    private func connected(within seconds: Int) throws(BrokerFault) -> Int32 {
        var fault = BrokerFault.silent
        var found: Int32?
        _ = try eachAddress { address -> Void? in
            guard found == nil else { return nil }
            let socket = Glibc.socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0 else { return nil }
            var limit = timeval(tv_sec: seconds, tv_usec: 0)
            for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
                setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            if connect(socket, address.ai_addr, address.ai_addrlen) == 0 {
                found = socket
            } else {
                fault = errno == EINPROGRESS ? .silent : .unreachable(String(cString: strerror(errno)))
                close(socket)
            }
            return nil
        }
        guard let found else { throw fault }
        return found
    }

    /// Whether a service accepts connections there.
    /// - Throws: `BrokerFault`: `.unknownHost`, `.unreachable`, `.silent`.
    public func reach() throws(BrokerFault) { close(try connected(within: 5)) }

    /// A TLS handshake: the version that was agreed on, and the time of the broker's certificate, in seconds since 1970.
    /// - Throws: `BrokerFault`.
    public func shakeHands(_ files: TLSFiles) throws(BrokerFault) -> (
        version: String, notBefore: Int64, notAfter: Int64
    ) {
        let context = try TLSContext(files, host: host)
        let socket = try connected(within: 5)
        defer { close(socket) }
        guard let ssl = SSL_new(context.handle) else { preconditionFailure("OpenSSL made no connection") }
        defer {
            SSL_free(ssl)
            ERR_clear_error()
        }
        cossl_set_host_name(ssl, host)
        SSL_set_fd(ssl, socket)
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
