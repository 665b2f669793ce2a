import COpenSSL
import SRUP

/// An X.509 certificate: the broker's, ours for the broker, or its issuer's.
///
/// `@unchecked Sendable`: not changed after it has been made.
public final class Certificate: @unchecked Sendable {
    let handle: OpaquePointer

    /// A certificate in PEM, from outside: the first one where there are several.
    /// - Throws: `EncodingError`.
    public convenience init(pem bytes: [UInt8]) throws(EncodingError) {
        self.init(adopting: try parsed(bytes, cossl_read_certificate))
    }

    init(adopting handle: OpaquePointer) { self.handle = handle }

    deinit { X509_free(handle) }

    /// As PEM.
    public var pem: [UInt8] { Keys.written { PEM_write_bio_X509($0, handle) } }

    /// SHA-256 of the whole certificate in DER, 32 bytes: what `openssl x509 -fingerprint -sha256` prints.
    public var fingerprint: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            precondition(X509_digest(handle, EVP_sha256(), digest.baseAddress, nil) == 1, "OpenSSL made no SHA-256")
            count = 32
        }
    }

    /// The subject's common name, where it has exactly one. What else is in the subject is ignored.
    public var commonName: String? { soleCommonName(X509_get_subject_name(handle)) }

    /// The key that it certifies.
    /// - Throws: `EncodingError`: among others if the certificate is for another kind of key than RSA.
    public func publicKey() throws(EncodingError) -> PublicKey {
        defer { ERR_clear_error() }
        guard let key = X509_get_pubkey(handle) else { throw .malformed }
        let publicKey = PublicKey(adopting: key)
        try publicKey.checkUse()
        return publicKey
    }

    /// The end of its validity, in seconds since 1970 in UTC.
    public var notAfter: Int64 { cossl_seconds(X509_get0_notAfter(handle)) }

    /// The start of its validity, in seconds since 1970 in UTC.
    public var notBefore: Int64 { cossl_seconds(X509_get0_notBefore(handle)) }

    /// Whether the issuer's key has signed it.
    public func isSigned(by issuer: Certificate) -> Bool {
        defer { ERR_clear_error() }
        guard let key = X509_get0_pubkey(issuer.handle), PublicExponent.isUsable(in: key) != false else { return false }
        return X509_verify(handle, key) == 1 && X509_check_issued(issuer.handle, handle) == X509_V_OK
    }

    /// Whether it may sign others: it says so, or is a self-signed one of version 1, which could not say it.
    public var isAuthority: Bool {
        defer { ERR_clear_error() }
        return [1, 3].contains(X509_check_ca(handle))
    }
}
