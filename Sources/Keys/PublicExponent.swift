import COpenSSL

/// The public exponent of an RSA key: a signature is raised to it when it is checked, so a huge one makes each check as slow
/// as making a signature, and slower. OpenSSL bounds it for moduli above 3,072 bits only.
enum PublicExponent {
    /// The same as OpenSSL's bound, for keys of all sizes. Usual exponents have 17 bits.
    static let maximumBits: Int32 = 64

    /// Whether a key's exponent is an odd number, at least 3, of at most 64 bits.
    /// - Returns: nil if the key does not report it: it is of another kind, or in hardware.
    static func isUsable(in key: OpaquePointer) -> Bool? {
        defer { ERR_clear_error() }
        var exponent: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1, let exponent else { return nil }
        defer { BN_free(exponent) }
        return BN_is_odd(exponent) == 1 && BN_is_one(exponent) == 0 && BN_num_bits(exponent) <= maximumBits
    }
}
