import COpenSSL

extension CertificateAuthority {
    /// A revoked certificate.
    public struct Revocation: Equatable, Sendable {
        /// The certificate's serial number.
        public let serial: [UInt8]
        /// Since when, in seconds since 1970.
        public let time: Int64

        /// The certificate with this number, since this time.
        public init(serial: [UInt8], time: Int64) { (self.serial, self.time) = (serial, time) }
    }

    /// A list of revoked certificates (CRL, version 2), in PEM.
    /// - Parameters:
    ///   - number: greater than in every list before.
    ///   - end: when a newer one is due; after that those who check it refuse every certificate.
    /// - Throws: `Fault`.
    public func revocationList(
        of revoked: [Revocation], number: Int64, from start: Int64, until end: Int64
    ) throws(Fault) -> [UInt8] {
        defer { ERR_clear_error() }
        guard let list = X509_CRL_new() else { throw .refused }
        defer { X509_CRL_free(list) }
        guard X509_CRL_set_version(list, 1) == 1,
            X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate.handle)) == 1,
            CertificateAuthority.set(start, { X509_CRL_set1_lastUpdate(list, $0) }),
            CertificateAuthority.set(end, { X509_CRL_set1_nextUpdate(list, $0) })
        else { throw .refused }
        for entry in revoked { try CertificateAuthority.add(entry, to: list) }
        X509_CRL_sort(list)
        guard let counted = ASN1_INTEGER_new() else { throw .refused }
        defer { ASN1_INTEGER_free(counted) }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, certificate.handle, nil, nil, list, 0)
        guard ASN1_INTEGER_set_int64(counted, number) == 1,
            X509_CRL_add1_ext_i2d(list, NID_crl_number, counted, 0, 0) == 1,
            let issuer = X509V3_EXT_conf_nid(nil, &context, NID_authority_key_identifier, "keyid:always")
        else { throw .refused }
        defer { X509_EXTENSION_free(issuer) }
        guard X509_CRL_add_ext(list, issuer, -1) == 1, X509_CRL_sign(list, key.handle, EVP_sha256()) > 0 else {
            throw .refused
        }
        return written { PEM_write_bio_X509_CRL($0, list) }
    }

    private static func set(_ time: Int64, _ setter: (UnsafeMutablePointer<ASN1_TIME>) -> Int32) -> Bool {
        guard let made = ASN1_TIME_set(nil, Int(time)) else { return false }
        defer { ASN1_TIME_free(made) }
        return setter(made) == 1
    }

    private static func add(_ entry: Revocation, to list: OpaquePointer) throws(Fault) {
        guard let revoked = X509_REVOKED_new() else { throw .refused }
        guard let serial = serialNumber(entry.serial) else {
            X509_REVOKED_free(revoked)
            throw .refused
        }
        defer { ASN1_INTEGER_free(serial) }
        guard X509_REVOKED_set_serialNumber(revoked, serial) == 1,
            set(entry.time, { X509_REVOKED_set_revocationDate(revoked, $0) }),
            X509_CRL_add0_revoked(list, revoked) == 1
        else {
            X509_REVOKED_free(revoked)
            throw .refused
        }
    }
}
