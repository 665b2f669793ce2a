import COpenSSL
import SRUP

/// A node's own RSA private key: loaded once, kept for the life of the process. Signs, and opens what was sealed to it
/// (Sealed.swift). Its file holds it, or names it in hardware, which it never leaves.
///
/// `@unchecked Sendable`: as for `PublicKey`. What is in hardware is used by one thread at a time (`exclusively`): OpenSSL's provider for
/// TPMs keeps no lock.
public final class IdentityKey: Signer, @unchecked Sendable {
    let handle: OpaquePointer
    /// Where it is.
    public let home: KeyLocation
    /// The public half, in memory wherever the private one is.
    public let publicKey: PublicKey

    /// The key in a PEM file, PKCS#1 or PKCS#8, not under a passphrase; or the one in hardware that the file names (`KeyLocation`).
    /// - Throws: `KeyError`: among others if other users can access the file (a key that others can read is never used).
    public convenience init(pemFile path: String) throws {
        self.init(
            adopting: try KeyFile.read(path, isPrivate: true) { bytes in
                let home = KeyLocation(bytes)
                return home == .file
                    ? LoadedKey(inMemory: try KeyFile.parse(bytes, of: path, isPrivate: true, cossl_read_private_key))
                    : try home.exclusively { try home.load(bytes, of: path) }
            })
        try checkUses(path)
    }

    init(adopting key: LoadedKey) { (handle, home, publicKey) = (key.handle, key.home, key.publicKey) }

    /// A key in memory.
    convenience init(adopting handle: OpaquePointer) { self.init(adopting: LoadedKey(inMemory: handle)) }

    deinit { home.exclusively { EVP_PKEY_free(handle) } }

    /// Why a signature could not be made: our fault, never a peer's.
    public enum SigningError: Error, Equatable { case refused }

    /// RSASSA-PKCS1-v1_5 with SHA-256; deterministic, so the same message gives the same bytes.
    /// - Throws: `SigningError` if OpenSSL, or the hardware behind it, would not sign.
    public func signature(over parts: [ArraySlice<UInt8>]) throws -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw SigningError.refused }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { throw SigningError.refused }
        for part in parts {
            guard part.withUnsafeBytes({ EVP_DigestUpdate(context, $0.baseAddress, $0.count) }) == 1 else {
                throw SigningError.refused
            }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw SigningError.refused }
        return try signature(overDigest: digest) { EVP_PKEY_CTX_set_rsa_padding($0, RSA_PKCS1_PADDING) }
    }

    /// A signature over a SHA-256 that we have made: hardware is not asked to hash.
    func signature(
        overDigest digest: [UInt8], padding: (OpaquePointer) -> Int32
    ) throws(SigningError) -> [UInt8] {
        try home.exclusively { () throws(SigningError) in try signatureHere(overDigest: digest, padding: padding) }
    }

    private func signatureHere(
        overDigest digest: [UInt8], padding: (OpaquePointer) -> Int32
    ) throws(SigningError) -> [UInt8] {
        defer { ERR_clear_error() }
        guard let context = EVP_PKEY_CTX_new_from_pkey(home.library, handle, home.properties) else { throw .refused }
        defer { EVP_PKEY_CTX_free(context) }
        var length = roomForOne
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_PKEY_sign_init(context) == 1, padding(context) == 1,
            EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1,
            EVP_PKEY_sign(context, &signature, &length, digest, digest.count) == 1, length == publicKey.modulusLength
        else { throw .refused }
        return Array(signature[..<length])
    }

    /// The size of a buffer for a signature or an opened value: what a provider reports for its keys is not always enough, or
    /// too much.
    var roomForOne: Int { max(Int(EVP_PKEY_get_size(handle)), publicKey.modulusLength) }

    /// Whether what is sealed to this key can be opened with it now: hardware may have gone away, or be busy.
    public var opens: Bool { (try? unseal(publicKey.seal(.random()))) != nil }

    /// A key in hardware may be for one use only; this finds out now rather than at the first request.
    private func checkUses(_ path: String) throws {
        guard home != .file else { return }
        let message = randomBytes(32)
        let signs =
            (try? signature(over: [message[...]])).map { publicKey.verifies($0[...], over: [message[...]]) } ?? false
        let opens = opens
        guard signs, opens else { throw KeyError.uselessHardwareKey(path: path, signs: signs, opens: opens) }
    }
}
