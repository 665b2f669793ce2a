import COpenSSL
import Files
import Glibc
import OperatorText
import SRUP

/// Why a key could not be made or written to disk: for the operator to fix.
public enum KeyMakingError: OperatorError, Equatable {
    /// A size that no frame can carry, or that is too weak.
    case size(bits: Int)
    /// OpenSSL made no key.
    case refused
    /// The TPM made none; OpenSSL's error text.
    case noTPM(why: String)
    /// There is a file already, and a key never overwrites a file.
    case exists(path: String)
    /// The system would not let us write; its error text.
    case unwritable(path: String, why: String)

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .size(let bits): "an RSA key must have 2048 to 16384 bits, not \(bits)"
        case .refused: "OpenSSL made no key"
        case .noTPM(let why): "the TPM made no key: \(why)"
        case .exists(let path): "\(path) exists already, and no key is written over it"
        case .unwritable(let path, let why): "\(path) cannot be written: \(why)"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .size: "ask for 3072 bits"
        case .refused: "try it with openssl genrsa 3072, which tells more"
        case .noTPM:
            "install tpm2-openssl, let our user use /dev/tpmrm0 (group tss), and ask for --bits 2048: many TPMs have no more"
        case .exists(let path): "use it, choose another place, or move it away yourself: mv \(path) \(path).old"
        case .unwritable(let path, _): "check that the folder of \(path) exists and that we may write there"
        }
    }
}

extension IdentityKey {
    /// A new RSA key, in memory only.
    /// - Parameter bits: of the modulus: 2,048 to 16,384.
    /// - Throws: `KeyMakingError`.
    public static func make(bits: Int) throws(KeyMakingError) -> IdentityKey {
        guard (2_048...16_384).contains(bits) else { throw .size(bits: bits) }
        defer { ERR_clear_error() }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) else { throw .refused }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw .refused }
        return IdentityKey(adopting: key)
    }

    /// A new RSA key, made in this machine's TPM 2.0, in its owner's hierarchy: what `write` stores is of use to this
    /// TPM only.
    /// - Parameter bits: of the modulus: 2,048, or more where the TPM has it.
    /// - Throws: `KeyMakingError`.
    public static func makeInTPM(bits: Int) throws(KeyMakingError) -> IdentityKey {
        defer { ERR_clear_error() }
        var key: OpaquePointer?
        guard let library = TPM.library,
            let context = EVP_PKEY_CTX_new_from_name(library, "RSA", "provider=tpm2")
        else { throw .noTPM(why: TPM.whyNot) }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw .noTPM(why: opensslReason()) }
        guard let made = LoadedKey(inHardware: key, at: .wrapped) else {
            EVP_PKEY_free(key)
            throw .noTPM(why: "it does not give its public half")
        }
        return IdentityKey(adopting: made)
    }

    /// Copies an operator's key file to a new place, mode 0600: the key itself, or the line that names it.
    /// - Throws: `KeyError`, `KeyMakingError`.
    public static func copyFile(_ path: String, to place: String) throws {
        _ = try IdentityKey(pemFile: path)
        try KeyFile.read(path, isPrivate: true) { try writeNewFile(place, mode: 0o600, $0) }
    }

    /// Writes the private key as PEM (PKCS#8; for a TPM's key: the wrapped key), mode 0600: the whole file or none, and never
    /// over another.
    /// - Parameter passphrase: what it is encrypted with; without one it is not.
    /// - Throws: `KeyMakingError`.
    public func write(pemFile path: String, passphrase: Passphrase? = nil) throws(KeyMakingError) {
        try writePEM(path, mode: 0o600) {
            if let passphrase { return passphrase.write(handle, to: $0) }
            return PEM_write_bio_PrivateKey($0, handle, nil, nil, 0, nil, nil)
        }
    }
}

extension PublicKey {
    /// Writes the key as PEM (SPKI), mode 0644: the whole file or none, and never over another.
    /// - Throws: `KeyMakingError`.
    public func write(pemFile path: String) throws(KeyMakingError) {
        try writePEM(path, mode: 0o644) { PEM_write_bio_PUBKEY($0, handle) }
    }
}

/// Lets OpenSSL write PEM into memory, puts that on disk, and wipes it.
private func writePEM(_ path: String, mode: mode_t, _ writer: (OpaquePointer) -> Int32) throws(KeyMakingError) {
    defer { ERR_clear_error() }
    guard let bio = BIO_new(BIO_s_mem()) else { throw .refused }
    defer { BIO_free(bio) }
    guard writer(bio) == 1 else { throw .refused }
    // BIO_get_mem_data is a macro around this call.
    var memory: UnsafeMutableRawPointer?
    let length = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &memory)
    guard length > 0, let memory else { throw .refused }
    let bytes = UnsafeMutableRawBufferPointer(start: memory, count: length)
    defer { wipe(bytes) }
    try writeNewFile(path, mode: mode, UnsafeRawBufferPointer(bytes))
}

/// Writes a key's file, whole or not at all, and never over another.
private func writeNewFile(_ path: String, mode: mode_t, _ bytes: UnsafeRawBufferPointer) throws(KeyMakingError) {
    do throws(FileError) { try File.create(path, bytes, mode: mode) } catch {
        throw error == .system(EEXIST) ? .exists(path: path) : .unwritable(path: path, why: "\(error)")
    }
}
