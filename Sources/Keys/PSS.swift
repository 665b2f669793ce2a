import COpenSSL
import SRUP

// RSA-PSS with SHA-256 and MGF1-SHA-256: what a registration is proved with (the paper's §4.4; the reference's wire,
// section 6). SRUP frames are signed in another way: `signature(over:)`.

extension IdentityKey {
    /// A PSS signature with the longest salt that the key allows, which is what the reference expects. A TPM takes one as long as
    /// the digest, whatever it is asked for: `srup-bench registry` takes both.
    /// - Throws: `SigningError`.
    public func pssSignature(over message: [UInt8]) throws(SigningError) -> [UInt8] {
        try signature(overDigest: sha256(message)) {
            EVP_PKEY_CTX_set_rsa_padding($0, RSA_PKCS1_PSS_PADDING) == 1
                ? EVP_PKEY_CTX_set_rsa_pss_saltlen($0, RSA_PSS_SALTLEN_MAX) : 0
        }
    }
}

extension PublicKey {
    /// Whether the signature is RSA-PSS over the message by this key, with a salt of any length.
    public func verifiesPSS(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        guard signature.count == modulusLength, let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        var options: OpaquePointer?
        return EVP_DigestVerifyInit(context, &options, EVP_sha256(), nil, handle) == 1
            && EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_AUTO) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
