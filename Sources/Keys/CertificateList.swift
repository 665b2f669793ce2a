import COpenSSL
import SRUP

// Several certificates in one PEM text: a certificate with the intermediate ones up to its CA, or the CAs of a file.
extension Certificate {
    /// All certificates of a PEM text from outside, in their order. What is not a certificate is skipped, as OpenSSL does.
    /// - Parameter limit: how many bytes there may be: a file of a system's CAs has more than others.
    /// - Throws: `EncodingError`: also if one of them cannot be read, or if there is none.
    public static func all(
        pem bytes: [UInt8], atMost limit: Int = 65_536
    ) throws(EncodingError) -> [Certificate] {
        guard bytes.count <= limit, bytes.count <= Int(Int32.max) else { throw .tooLong(bytes: bytes.count) }
        defer { ERR_clear_error() }
        guard let bio = BIO_new_mem_buf(bytes, Int32(bytes.count)) else { throw .malformed }
        defer { BIO_free(bio) }
        ERR_clear_error()
        var found: [Certificate] = []
        while let handle = cossl_read_certificate(bio) { found.append(Certificate(adopting: handle)) }
        // At the end of the text OpenSSL misses the beginning of another object, and nothing else.
        guard ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE, !found.isEmpty else { throw .malformed }
        return found
    }

    /// These certificates as one PEM text.
    public static func pem(_ certificates: [Certificate]) -> [UInt8] { certificates.flatMap(\.pem) }

    /// Whether it is the same certificate.
    public func equals(_ other: Certificate) -> Bool { X509_cmp(handle, other.handle) == 0 }

    /// Whether one of these CAs has signed it, or has signed a CA that did, over any number of intermediate ones.
    /// - Parameter intermediates: in any order; those that are not a CA's do not count.
    public func leads(to authorities: [Certificate], over intermediates: [Certificate]) -> Bool {
        var reached = self
        for _ in 0...intermediates.count {
            if authorities.contains(where: reached.isSigned(by:)) { return true }
            guard let next = intermediates.first(where: { $0.isAuthority && reached.isSigned(by: $0) }) else {
                return false
            }
            reached = next
        }
        return false
    }

    /// The whole subject in one line, as for an operator: `CN = SRUP registration 1f, O = Example`.
    public var subject: String {
        // The text begins with a byte of ours: an empty subject would have none.
        let text = written { cossl_print_name($0, X509_get_subject_name(handle)) >= 0 ? BIO_puts($0, " ") : 0 }
        return String(decoding: text.dropLast().map { (0x20...0x7E).contains($0) ? $0 : 0x2E }, as: UTF8.self)
    }
}
