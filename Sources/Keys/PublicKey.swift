import COpenSSL
import SRUP

/// Another node's RSA public key, parsed once and kept.
///
/// `@unchecked Sendable`: an EVP_PKEY is not changed after it has been made, and OpenSSL counts its references atomically.
public final class PublicKey: @unchecked Sendable {
    let handle: OpaquePointer

    /// The key in a PEM file (SPKI).
    /// - Throws: `KeyError`, which says what is wrong with the file.
    public init(pemFile path: String) throws {
        handle = try KeyFile.parse(path, isPrivate: false) { cossl_read_public_key($0) }
    }

    /// Takes over a reference to a key.
    init(adopting handle: OpaquePointer) { self.handle = handle }

    deinit { EVP_PKEY_free(handle) }

    /// The size of the modulus in bits.
    public var bits: Int { Int(EVP_PKEY_get_bits(handle)) }

    /// The size of the modulus in bytes, which is the length of a signature and of a wrapped key.
    public var modulusLength: Int { (Int(EVP_PKEY_get_bits(handle)) + 7) / 8 }

    /// Whether the signature is RSASSA-PKCS1-v1_5 with SHA-256 over the parts one after the other, by this key.
    public func verifies(_ signature: ArraySlice<UInt8>, over parts: [ArraySlice<UInt8>]) -> Bool {
        guard signature.count == modulusLength, let context = EVP_MD_CTX_new() else { return false }
        // A failed check leaves its reason in the thread's error queue, where the next user of OpenSSL would find it.
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, handle) == 1 else { return false }
        for part in parts {
            guard part.withUnsafeBytes({ EVP_DigestUpdate(context, $0.baseAddress, $0.count) }) == 1 else {
                return false
            }
        }
        return signature.withUnsafeBufferPointer {
            EVP_DigestVerifyFinal(context, $0.baseAddress, $0.count)
        } == 1
    }
}

/// The public keys of the nodes that we listen to.
public struct PublicKeys: Keyring, Sendable {
    private var keys: [Identifier: PublicKey]

    /// A keyring of these keys.
    public init(_ keys: [Identifier: PublicKey] = [:]) { self.keys = keys }

    /// The key of a node, where we hold one.
    public subscript(node: Identifier) -> PublicKey? {
        get { keys[node] }
        set { keys[node] = newValue }
    }

    /// Whose keys we hold.
    public var nodes: [Identifier] { Array(keys.keys) }

    /// The one signature check (docs/protocol.md, section 1).
    public func check(
        _ signature: ArraySlice<UInt8>, over parts: [ArraySlice<UInt8>], of sender: Identifier
    ) throws(VerificationError) {
        guard let key = keys[sender] else { throw .unknownSender(sender) }
        guard key.verifies(signature, over: parts) else { throw .badSignature(sender) }
    }
}

extension PublicKey {
    /// SHA-256 of its DER, in hexadecimal digits: for files and reports that name a key.
    package var fingerprint: String { hexadecimal(sha256(der)) }
}
