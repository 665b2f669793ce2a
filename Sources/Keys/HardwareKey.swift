import COpenSSL
import Glibc
import OperatorText
import SRUP

// Keys in hardware, by OpenSSL's own mechanisms: tpm2-openssl's provider for a TPM 2.0, libp11's engine for PKCS#11 tokens.
// Neither is linked: a missing one affects only those who name it.

extension KeyLocation {
    private nonisolated(unsafe) static let hardware: UnsafeMutablePointer<pthread_mutex_t> = {
        let made = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        pthread_mutex_init(made, nil)
        return made
    }()

    /// Does something with a key; with one in hardware, when no other thread does. A reload loads keys beside the loop, which signs.
    func exclusively<Result, Fault: Error>(_ body: () throws(Fault) -> Result) throws(Fault) -> Result {
        guard self != .file else { return try body() }
        pthread_mutex_lock(KeyLocation.hardware)
        defer { pthread_mutex_unlock(KeyLocation.hardware) }
        return try body()
    }

    /// The key in hardware that a file's bytes name.
    /// - Throws: `KeyError`.
    func load(_ bytes: UnsafeRawBufferPointer, of path: String) throws -> LoadedKey {
        defer { ERR_clear_error() }
        let key =
            switch self {
            case .file: preconditionFailure("a key in a file is not in hardware")
            case .wrapped: try KeyLocation.wrappedKey(bytes, of: path)
            case .tpm: try KeyLocation.storedKey(KeyLocation.line(bytes, of: path), of: path)
            case .token: try TokenAddress(KeyLocation.line(bytes, of: path), of: path).key(of: path)
            }
        guard let loaded = LoadedKey(inHardware: try KeyFile.checked(key, of: path, isInHardware: true), at: self)
        else {
            EVP_PKEY_free(key)
            throw KeyError.refused(path: path, home: self, why: "it does not give its public half")
        }
        return loaded
    }

    /// The OpenSSL library context of the algorithms that work on this key; nil: the default one.
    var library: OpaquePointer? { self == .wrapped || self == .tpm ? TPM.library : nil }

    /// The options that OpenSSL gets with each operation; nil: none.
    var properties: String? { self == .wrapped || self == .tpm ? TPM.properties : nil }

    private static func line(_ bytes: UnsafeRawBufferPointer, of path: String) throws -> String {
        var line = bytes[...]
        while let last = line.last, last == 0x0A || last == 0x0D || last == 0x20 { line = line.dropLast() }
        guard line.isVisibleASCII else {
            throw KeyError.badLine(path: path, why: "it is more than one line, or has a space in it")
        }
        return String(decoding: line, as: UTF8.self)
    }

    // MARK: - A TPM

    private static func wrappedKey(_ bytes: UnsafeRawBufferPointer, of path: String) throws -> OpaquePointer {
        let library = try TPM.opened(for: path, .wrapped)
        guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
            throw KeyError.notAKey(path: path)
        }
        defer { BIO_free(bio) }
        guard let key = cossl_read_private_key_in(bio, library, TPM.properties) else {
            throw KeyLocation.tpmFault(path, .wrapped)
        }
        return key
    }

    private static func storedKey(_ handle: String, of path: String) throws -> OpaquePointer {
        let library = try TPM.opened(for: path, .tpm)
        // Only a persistent object: OpenSSL's stores decide what else an address may be.
        guard handle.wholeMatch(of: /handle:0x81[0-9A-Fa-f]{6}/) != nil else {
            throw KeyError.badLine(path: path, why: "it is not handle:0x81 and six hexadecimal digits")
        }
        guard let store = OSSL_STORE_open_ex(handle, library, TPM.properties, nil, nil, nil, nil, nil) else {
            throw KeyError.refused(path: path, home: .tpm, why: opensslReason())
        }
        defer { OSSL_STORE_close(store) }
        while OSSL_STORE_eof(store) == 0, let found = OSSL_STORE_load(store) {
            defer { OSSL_STORE_INFO_free(found) }
            if let key = OSSL_STORE_INFO_get1_PKEY(found) { return key }
        }
        throw KeyLocation.tpmFault(path, .tpm)
    }

    private static func tpmFault(_ path: String, _ home: KeyLocation) -> KeyError {
        cossl_tpm_is_foreign() != 0
            ? .notThisTPM(path: path, home: home, why: opensslReason())
            : .refused(path: path, home: home, why: opensslReason())
    }
}

/// A private key as OpenSSL has it, and its public half in memory.
struct LoadedKey {
    let handle: OpaquePointer
    let home: KeyLocation
    let publicKey: PublicKey

    init(inMemory handle: OpaquePointer) {
        (self.handle, home) = (handle, .file)
        EVP_PKEY_up_ref(handle)
        publicKey = PublicKey(adopting: handle)
    }

    init?(inHardware handle: OpaquePointer, at home: KeyLocation) {
        defer { ERR_clear_error() }
        guard let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard i2d_PUBKEY_bio(bio, handle) == 1, let key = d2i_PUBKEY_bio(bio, nil) else { return nil }
        (self.handle, self.home, publicKey) = (handle, home, PublicKey(adopting: key))
    }
}

/// The OpenSSL library context with the TPM's algorithms: a separate one, so that the TPM does nothing else.
enum TPM {
    static let properties = "?provider=tpm2,tpm2.digest!=yes,tpm2.cipher!=yes"

    private struct Opened: @unchecked Sendable {  // made once, and kept for the life of the process
        let library: OpaquePointer?
        let why: String
    }

    private static let opened: Opened = {
        guard let library = OSSL_LIB_CTX_new() else { return Opened(library: nil, why: opensslReason()) }
        guard OSSL_PROVIDER_load(library, "default") != nil, OSSL_PROVIDER_load(library, "tpm2") != nil else {
            let why = opensslReason()
            OSSL_LIB_CTX_free(library)
            return Opened(library: nil, why: why)
        }
        return Opened(library: library, why: "")
    }()

    static var library: OpaquePointer? { opened.library }

    /// Why there is no context, or why it has just refused something.
    static var whyNot: String { opened.library == nil ? opened.why : opensslReason() }

    static func opened(for path: String, _ home: KeyLocation) throws -> OpaquePointer {
        guard let library = opened.library else { throw KeyError.noWay(path: path, home: home, why: opened.why) }
        return library
    }
}

/// OpenSSL's error text for a refusal.
/// - Parameter isFirst: the first error: an engine's own comes before OpenSSL's "failed loading".
func opensslReason(first isFirst: Bool = false) -> String {
    var (data, flags) = (UnsafePointer<CChar>?.none, Int32(0))
    let code = isFirst ? ERR_peek_error_data(&data, &flags) : ERR_peek_last_error_data(&data, &flags)
    guard code != 0 else { return "OpenSSL does not say why" }
    let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
    guard let data, flags & ERR_TXT_STRING != 0, data.pointee != 0 else { return reason }
    return "\(reason) (\(printable(String(cString: data).utf8)))"
}
