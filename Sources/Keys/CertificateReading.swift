import COpenSSL
import OperatorText

// What an operator is told about a certificate of a file.
extension Certificate {
    /// The first common name of the subject: the user's name at a mosquitto with `use_identity_as_username`.
    package var firstCommonName: String? {
        var name = [CChar](repeating: 0, count: 65)
        let length = X509_NAME_get_text_by_NID(
            X509_get_subject_name(handle), NID_commonName, &name, Int32(name.count))
        guard length > 0 else { return nil }
        return printable(name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
    }

    /// Whether its issuer has its own name: a root, or a certificate that nobody else has issued.
    package var isSelfIssued: Bool { X509_NAME_cmp(X509_get_subject_name(handle), X509_get_issuer_name(handle)) == 0 }

    /// Whether it may be used by a TLS client.
    package var isForClients: Bool {
        defer { ERR_clear_error() }
        return X509_check_purpose(handle, X509_PURPOSE_SSL_CLIENT, 0) == 1
    }

    /// Whether OpenSSL lets it sign others.
    package var maySignOthers: Bool {
        defer { ERR_clear_error() }
        return X509_check_ca(handle) != 0
    }

    /// Whether another one is its issuer's, by names and key ids; the signature is not looked at.
    package func names(issuer: Certificate) -> Bool { X509_check_issued(issuer.handle, handle) == X509_V_OK }
}
