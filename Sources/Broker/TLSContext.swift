import COpenSSL
import Glibc

/// TLS to a broker: which CA its certificate must come from, and our own certificate. TLS 1.2 or later.
public struct TLSFiles: Equatable, Sendable {
    /// PEM: the CA certificates that the broker's must lead to.
    public var authority: String
    /// PEM: our certificate, and the intermediate ones up to the CA.
    public var certificate: String
    /// PEM: the certificate's private key.
    public var key: String

    /// These three files.
    public init(authority: String, certificate: String, key: String) {
        (self.authority, self.certificate, self.key) = (authority, certificate, key)
    }

    /// Whether all three can be used together; what `--check` asks.
    /// - Throws: `BrokerFault.badFile`.
    public func check() throws(BrokerFault) {
        var status = stat()
        // OpenSSL would block on a FIFO.
        for file in [authority, certificate, key] where stat(file, &status) == 0 && status.st_mode & S_IFMT != S_IFREG {
            throw .badFile(file, why: "it is not a regular file")
        }
        _ = try TLSContext(self, host: "localhost")
    }
}

/// An SSL_CTX of one connection. It is created again for each, so that renewed files are used; libmosquitto checks no host
/// name if the context is ours, so it is checked here. It also is given a numeric address, so the name that TLS tells the broker
/// (SNI) is set here.
final class TLSContext {
    let handle: OpaquePointer
    private let peer = UnsafeMutablePointer<cossl_peer>.allocate(capacity: 1)

    init(_ files: TLSFiles, host: String) throws(BrokerFault) {
        peer.initialize(to: cossl_peer())
        guard let context = SSL_CTX_new(TLS_client_method()) else { preconditionFailure("OpenSSL made no context") }
        handle = context
        ERR_clear_error()
        _ = cossl_set_min_tls_1_2(context)
        cossl_verify_peer(context, peer)
        guard SSL_CTX_load_verify_locations(context, files.authority, nil) == 1 else {
            throw .badFile(files.authority, why: TLSContext.lastError())
        }
        guard SSL_CTX_use_certificate_chain_file(context, files.certificate) == 1 else {
            throw .badFile(files.certificate, why: TLSContext.lastError())
        }
        SSL_CTX_set_default_passwd_cb(context, cossl_no_passphrase)
        guard SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM) == 1,
            SSL_CTX_check_private_key(context) == 1
        else { throw .badFile(files.key, why: TLSContext.lastError()) }
        let parameters = SSL_CTX_get0_param(context)
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1
        guard isAddress || X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1 else {
            throw .unknownHost(host)
        }
        // An address is not a name that TLS tells (RFC 6066, section 3).
        if !isAddress { cossl_tell_name(peer, host) }
        ERR_clear_error()
    }

    deinit {
        // libmosquitto holds a reference of its own and may outlive this object: it must no longer find our `peer`.
        SSL_CTX_set_ex_data(handle, 0, nil)
        SSL_CTX_free(handle)
        peer.deallocate()
    }

    /// What the last handshake found wrong with the broker's certificate, if anything.
    var refusal: BrokerFault? { peer.pointee.error == 0 ? nil : .untrusted(Int(peer.pointee.error)) }

    private static func lastError() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        return ERR_reason_error_string(code).map { String(cString: $0) }
            ?? (code == 0 ? "unknown" : String(cString: strerror(Int32(code & 0x7F_FFFF))))
    }
}
