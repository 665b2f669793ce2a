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
            throw .badFile(file, .notRegular)
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

    /// - Parameter keyLog: a descriptor to which the connections' keys are written, for `BrokerLink.Settings.keyLog`.
    init(_ files: TLSFiles, host: String, keyLog: Int32? = nil) throws(BrokerFault) {
        peer.initialize(to: cossl_peer())
        guard let context = SSL_CTX_new(TLS_client_method()) else { preconditionFailure("OpenSSL made no context") }
        handle = context
        ERR_clear_error()
        _ = cossl_set_min_tls_1_2(context)
        cossl_verify_peer(context, peer)
        if let keyLog { cossl_log_keys(context, peer, keyLog) }
        let parameters = SSL_CTX_get0_param(context)
        try trust(files.authority, parameters)
        try present(files)
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1
        guard isAddress || X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1 else {
            throw .unknownHost(host)
        }
        // An address is not a name that TLS tells (RFC 6066, section 3).
        if !isAddress { cossl_tell_name(peer, host) }
        ERR_clear_error()
    }

    /// Each CA of the file is trusted for what it has issued, whether it is a root or not: an operator who puts the CA in that
    /// issues the brokers' certificates means that one, and no other that its root may have (decisions/0023). All else is
    /// checked as ever: names, times, purposes, keys, and that what has issued another certificate is a CA's.
    private func trust(_ authority: String, _ parameters: OpaquePointer?) throws(BrokerFault) {
        guard SSL_CTX_load_verify_locations(handle, authority, nil) == 1 else {
            throw .badFile(authority, TLSContext.lastFault())
        }
        X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        for place in 0..<cossl_anchors(handle) {
            guard let certificate = cossl_anchor(handle, place), X509_check_ca(certificate) == 0 else { continue }
            let subject = X509_get_subject_name(certificate)
            // The broker's own certificate, where it issued itself, stands for itself alone.
            guard X509_NAME_cmp(subject, X509_get_issuer_name(certificate)) != 0 else { continue }
            var line = [CChar](repeating: 0, count: 120)
            cossl_copy_name(subject, &line, Int32(line.count))
            let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw .badFile(authority, .notAuthority(String(decoding: text, as: UTF8.self)))
        }
    }

    /// Our own certificate, what goes with it, and its key.
    private func present(_ files: TLSFiles) throws(BrokerFault) {
        guard SSL_CTX_use_certificate_chain_file(handle, files.certificate) == 1 else {
            throw .badFile(files.certificate, TLSContext.lastFault())
        }
        SSL_CTX_set_default_passwd_cb(handle, cossl_no_passphrase)
        let isRead = SSL_CTX_use_PrivateKey_file(handle, files.key, SSL_FILETYPE_PEM) == 1
        guard !isRead || SSL_CTX_check_private_key(handle) != 1 else { return }
        let fault = TLSContext.lastFault()
        guard isRead || fault == .otherKey else {
            throw .badFile(files.key, TLSContext.notPrivate(files.key) ?? fault)
        }
        if let place = TLSContext.place(of: files.key, in: files.certificate) {
            throw .badFile(files.certificate, .order(place: place))
        }
        throw .badFile(files.key, .otherKey)
    }

    /// Whether a file holds something else than a private key that can be read: what OpenSSL says of that is about its decoders.
    private static func notPrivate(_ key: String) -> TLSFileFault? {
        defer { ERR_clear_error() }
        guard let file = BIO_new_file(key, "r") else { return nil }
        defer { BIO_free(file) }
        var line = [CChar](repeating: 0, count: 256)
        var label: String?
        for _ in 0..<1_000 {
            guard BIO_gets(file, &line, Int32(line.count)) > 0 else { break }
            let text = String(decoding: line.prefix { $0 > 0x1F }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if label != nil { return text.hasPrefix("Proc-Type: 4,ENCRYPTED") ? .passphrase : nil }
            guard text.hasPrefix("-----BEGIN ") else { continue }
            let found = String(text.dropFirst("-----BEGIN ".count).prefix { $0 != "-" })
            if found == "ENCRYPTED PRIVATE KEY" { return .passphrase }
            if !found.hasSuffix("PRIVATE KEY") { return .notPrivate(found) }
            label = found
        }
        return nil
    }

    /// Which certificate of a file is the key's, from 1.
    private static func place(of key: String, in certificates: String) -> Int? {
        defer { ERR_clear_error() }
        guard let keyFile = BIO_new_file(key, "r"), let file = BIO_new_file(certificates, "r") else { return nil }
        defer {
            BIO_free(keyFile)
            BIO_free(file)
        }
        guard let key = cossl_read_private_key(keyFile) else { return nil }
        defer { EVP_PKEY_free(key) }
        for place in 1...16 {
            guard let certificate = cossl_read_certificate(file) else { return nil }
            defer { X509_free(certificate) }
            if X509_check_private_key(certificate, key) == 1 { return place }
        }
        return nil
    }

    deinit {
        // libmosquitto holds a reference of its own and may outlive this object: it must no longer find our `peer`.
        SSL_CTX_set_ex_data(handle, 0, nil)
        SSL_CTX_free(handle)
        peer.deallocate()
    }

    /// What the last handshake found wrong with the broker's certificate, if anything.
    var refusal: BrokerFault? { CertificateFault(peer).map { .untrusted($0) } }

    private static func lastFault() -> TLSFileFault {
        defer { ERR_clear_error() }
        return TLSFileFault(ERR_get_error())
    }
}
