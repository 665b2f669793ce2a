import COpenSSL
import SRUP

/// A node's own RSA private key: loaded and parsed once, kept for the life of the process. Signs, and opens what was
/// sealed to it (Unsealing.swift).
///
/// `@unchecked Sendable`: as for `PublicKey`.
public final class IdentityKey: Signer, @unchecked Sendable {
    let handle: OpaquePointer

    /// The key in a PEM file, PKCS#1 or PKCS#8, not under a passphrase.
    /// - Throws: `KeyError`: among others where the file is not ours alone (design rule: never read a key that others can).
    public init(pemFile path: String) throws {
        handle = try KeyFile.parse(path, isPrivate: true) { cossl_read_private_key($0) }
    }

    init(adopting handle: OpaquePointer) { self.handle = handle }

    deinit { EVP_PKEY_free(handle) }

    /// The public half.
    public var publicKey: PublicKey {
        EVP_PKEY_up_ref(handle)
        return PublicKey(adopting: handle)
    }

    /// Why a signature could not be made: ours, never a peer's.
    public enum SigningError: Error, Equatable { case refused }

    /// RSASSA-PKCS1-v1_5 with SHA-256; deterministic, so the same message gives the same bytes.
    /// - Throws: `SigningError` where OpenSSL, or the hardware behind it, would not sign.
    public func signature(over parts: [ArraySlice<UInt8>]) throws -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw SigningError.refused }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, handle) == 1 else { throw SigningError.refused }
        for part in parts {
            guard part.withUnsafeBytes({ EVP_DigestUpdate(context, $0.baseAddress, $0.count) }) == 1 else {
                throw SigningError.refused
            }
        }
        var length = Int(EVP_PKEY_get_size(handle))
        let signature = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            guard EVP_DigestSignFinal(context, buffer.baseAddress, &length) == 1 else { throw SigningError.refused }
            count = length
        }
        return signature
    }
}
