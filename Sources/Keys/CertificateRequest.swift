import COpenSSL
import SRUP

/// A request for a certificate (PKCS#10): who asks, for which key, signed with that key.
///
/// `@unchecked Sendable`: not changed after it has been made.
public final class CertificateRequest: @unchecked Sendable {
    let handle: OpaquePointer
    /// The key to be certified; its private half has signed the request.
    public let publicKey: PublicKey

    /// A request that came from outside, in PEM.
    /// - Throws: `EncodingError`: among others if the request is not signed by its own key.
    public init(pem bytes: [UInt8]) throws(EncodingError) {
        handle = try parsed(bytes, cossl_read_request)
        defer { ERR_clear_error() }
        guard let key = X509_REQ_get_pubkey(handle) else {
            X509_REQ_free(handle)
            throw .malformed
        }
        publicKey = PublicKey(adopting: key)
        // From here on deinit frees the handle.
        try publicKey.checkUse()
        guard X509_REQ_verify(handle, key) == 1 else { throw .malformed }
    }

    /// A request of ours, signed with SHA-256: the subject is one common name.
    /// - Parameter commonName: up to 64 bytes, ASCII: an identifier as it is in topics.
    /// - Throws: `IdentityKey.SigningError`.
    public init(for key: IdentityKey, commonName: String) throws(IdentityKey.SigningError) {
        defer { ERR_clear_error() }
        guard let made = X509_REQ_new() else { throw .refused }
        handle = made
        publicKey = key.publicKey
        let named = Array(commonName.utf8)
        guard X509_REQ_set_version(made, 0) == 1,
            X509_NAME_add_entry_by_NID(
                X509_REQ_get_subject_name(made), NID_commonName, MBSTRING_ASC, named, Int32(named.count), -1, 0) == 1,
            X509_REQ_set_pubkey(made, key.handle) == 1, X509_REQ_sign(made, key.handle, EVP_sha256()) > 0
        else { throw .refused }
    }

    deinit { X509_REQ_free(handle) }

    /// As PEM.
    public var pem: [UInt8] { Keys.written { PEM_write_bio_X509_REQ($0, handle) } }

    /// The subject's common name, where it has exactly one. What else is in the subject is ignored.
    public var commonName: String? { soleCommonName(X509_REQ_get_subject_name(handle)) }
}

/// The common name of a subject that has exactly one: with two, two readers might not take the same one.
func soleCommonName(_ name: OpaquePointer?) -> String? {
    guard let name else { return nil }
    let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
    guard index >= 0, X509_NAME_get_index_by_NID(name, NID_commonName, index) == -1,
        let data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index))
    else { return nil }
    let length = Int(ASN1_STRING_length(data))
    guard (1...64).contains(length), let bytes = ASN1_STRING_get0_data(data) else { return nil }
    let text = UnsafeBufferPointer(start: bytes, count: length)
    // Only printable characters that cannot be mistaken for others: no zero byte, no wide characters.
    return text.isVisibleASCII ? String(decoding: text, as: UTF8.self) : nil
}
