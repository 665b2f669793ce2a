import COpenSSL
import OperatorText
import SRUP

/// A small certificate authority: one key that signs certificates and lists the revoked ones.
public final class CertificateAuthority: Sendable {
    let key: IdentityKey
    /// Its own certificate, given to those who check the others.
    public let certificate: Certificate

    /// Why nothing was signed: our fault or the operator's, never a peer's.
    public enum Fault: OperatorError, Equatable {
        /// OpenSSL failed.
        case refused
        /// The key is not the certificate's.
        case keyDoesNotFit

        /// What is wrong: one line, lower case.
        public var message: String {
            switch self {
            case .refused: "OpenSSL could not create a certificate"
            case .keyDoesNotFit: "the key of the certificate authority is not the one in its certificate"
            }
        }

        /// What to do about it, as an imperative.
        public func hint(for names: SettingNames) -> String {
            switch self {
            case .refused: "check that openssl itself works on this machine"
            case .keyDoesNotFit: "restore both from one backup"
            }
        }
    }

    /// What a certificate is for.
    public enum Use: Equatable, Sendable {
        /// To authenticate to a server, such as the broker.
        case client
        /// To be a server under this name: a DNS name or an IP address.
        case server(host: String)
    }

    /// The authority whose key and certificate these are.
    /// - Throws: `Fault`.
    public init(key: IdentityKey, certificate: Certificate) throws(Fault) {
        guard let certified = try? certificate.publicKey(), certified.equals(key.publicKey) else {
            throw .keyDoesNotFit
        }
        (self.key, self.certificate) = (key, certificate)
    }

    /// A new authority, its certificate signed by its own key: for end certificates only (`pathlen:0`).
    /// - Throws: `Fault`.
    public static func make(
        key: IdentityKey, named name: String, from start: Int64, until end: Int64
    ) throws(Fault) -> CertificateAuthority {
        let draft = try Draft(for: key.publicKey, named: name, from: start, until: end)
        try draft.setIssuer(X509_get_subject_name(draft.handle))
        let extensions = [
            (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
            (NID_subject_key_identifier, "hash"),
        ]
        for (kind, value) in extensions { try draft.add(kind, value, issuer: draft.handle) }
        return try CertificateAuthority(key: key, certificate: draft.signed(by: key))
    }

    /// A certificate for another node's key.
    /// - Throws: `Fault`.
    public func certify(
        _ publicKey: PublicKey, named name: String, for use: Use, from start: Int64, until end: Int64
    ) throws(Fault) -> Certificate {
        let draft = try Draft(for: publicKey, named: name, from: start, until: end)
        try draft.setIssuer(X509_get_subject_name(certificate.handle))
        var extensions = [(NID_basic_constraints, "critical,CA:FALSE"), (NID_subject_key_identifier, "hash")]
        extensions.append((NID_authority_key_identifier, "keyid:always"))
        switch use {
        case .client:
            extensions += [(NID_key_usage, "critical,digitalSignature"), (NID_ext_key_usage, "clientAuth")]
        case .server(let host):
            extensions += [
                (NID_key_usage, "critical,digitalSignature,keyEncipherment"), (NID_ext_key_usage, "serverAuth"),
                (NID_subject_alt_name, (CertificateAuthority.isAddress(host) ? "IP:" : "DNS:") + host),
            ]
        }
        for (kind, value) in extensions { try draft.add(kind, value, issuer: certificate.handle) }
        return try draft.signed(by: key)
    }

    /// Whether a server's name is an IP address, which certificates carry in another way.
    private static func isAddress(_ host: String) -> Bool {
        guard let address = a2i_IPADDRESS(host) else {
            ERR_clear_error()
            return false
        }
        ASN1_OCTET_STRING_free(address)
        return true
    }
}

/// A certificate that is not signed yet.
private final class Draft {
    let handle: OpaquePointer
    private var isSigned = false

    init(
        for key: PublicKey, named name: String, from start: Int64, until end: Int64
    ) throws(CertificateAuthority.Fault) {
        defer { ERR_clear_error() }
        guard let made = X509_new() else { throw .refused }
        handle = made
        let named = Array(name.utf8)
        guard X509_set_version(made, 2) == 1, let serial = serialNumber(randomBytes(16)) else { throw .refused }
        defer { ASN1_INTEGER_free(serial) }
        guard X509_set_serialNumber(made, serial) == 1,
            ASN1_TIME_set(X509_getm_notBefore(made), Int(start)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(made), Int(end)) != nil,
            X509_NAME_add_entry_by_NID(
                X509_get_subject_name(made), NID_commonName, MBSTRING_ASC, named, Int32(named.count), -1, 0) == 1,
            X509_set_pubkey(made, key.handle) == 1
        else { throw .refused }
    }

    deinit { if !isSigned { X509_free(handle) } }

    func setIssuer(_ name: OpaquePointer?) throws(CertificateAuthority.Fault) {
        guard X509_set_issuer_name(handle, name) == 1 else { throw .refused }
    }

    func add(_ kind: Int32, _ value: String, issuer: OpaquePointer) throws(CertificateAuthority.Fault) {
        defer { ERR_clear_error() }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, handle, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &context, kind, value) else { throw .refused }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(handle, made, -1) == 1 else { throw .refused }
    }

    func signed(by key: IdentityKey) throws(CertificateAuthority.Fault) -> Certificate {
        defer { ERR_clear_error() }
        guard X509_sign(handle, key.handle, EVP_sha256()) > 0 else { throw .refused }
        isSigned = true  // the certificate frees the handle from here on
        return Certificate(adopting: handle)
    }
}

/// A number for OpenSSL; the caller frees it.
func serialNumber(_ bytes: [UInt8]) -> UnsafeMutablePointer<ASN1_INTEGER>? {
    guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { return nil }
    defer { BN_free(number) }
    return BN_to_ASN1_INTEGER(number, nil)
}

extension Certificate {
    /// The serial number: 16 bytes in our own certificates.
    public var serial: [UInt8] {
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(handle), nil) else { return [] }
        defer { BN_free(number) }
        var bytes = [UInt8](repeating: 0, count: max(16, Int(BN_num_bits(number) + 7) / 8))
        return BN_bn2binpad(number, &bytes, Int32(bytes.count)) >= 0 ? bytes : []
    }

    /// As DER.
    public var der: [UInt8] { Keys.written { i2d_X509_bio($0, handle) } }
}
