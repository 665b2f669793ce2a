import COpenSSL
import Glibc
import SRUP

/// The passphrase of a private key on disk. Never shown, and wiped when it is released.
///
/// `@unchecked Sendable`: not changed after it has been made.
public final class Passphrase: @unchecked Sendable, CustomStringConvertible {
    /// Shorter ones can be found by trying them all.
    public static let shortest = 12
    static let longest = 1_024

    private let buffer: UnsafeMutableRawBufferPointer  // the bytes and a zero byte
    private let count: Int

    /// The first line of a file that only we can read.
    /// - Returns: nil if the line has fewer than 12 or more than 1,023 bytes, or holds a zero byte.
    /// - Throws: `KeyError`, about the file.
    public static func read(file path: String) throws -> Passphrase? {
        try KeyFile.read(path, isPrivate: true) { bytes in Passphrase(bytes.prefix { $0 != UInt8(ascii: "\n") }) }
    }

    /// Read from the terminal, if there is one; twice for a new passphrase.
    /// - Returns: nil if there is no terminal, if the two were not the same, or if it is too short or too long.
    public static func ask(_ prompt: String, isNew: Bool) -> Passphrase? {
        let typed = UnsafeMutableRawBufferPointer.allocate(byteCount: longest, alignment: 1)
        defer {
            wipe(typed)
            typed.deallocate()
            ERR_clear_error()
        }
        let text = typed.bindMemory(to: CChar.self)
        guard EVP_read_pw_string(text.baseAddress, Int32(longest), prompt, isNew ? 1 : 0) == 0 else { return nil }
        return Passphrase(typed.prefix { $0 != 0 })
    }

    init?(_ bytes: some Collection<UInt8>) {
        guard (Passphrase.shortest..<Passphrase.longest).contains(bytes.count), !bytes.contains(0) else { return nil }
        count = bytes.count
        buffer = .allocate(byteCount: bytes.count + 1, alignment: 1)
        buffer.copyBytes(from: bytes)
        buffer[count] = 0
    }

    deinit {
        wipe(buffer)
        buffer.deallocate()
    }

    /// A fixed text, never the passphrase.
    public var description: String { "a passphrase" }

    /// Reads a key that it encrypts; one that is not encrypted is read as well.
    func readPrivateKey(_ bio: OpaquePointer) -> OpaquePointer? {
        // Without a callback, OpenSSL uses the last argument as the passphrase.
        PEM_read_bio_PrivateKey(bio, nil, nil, buffer.baseAddress)
    }

    /// Writes a key encrypted with it, in PEM (PKCS#8): AES-256, and PBKDF2 with so many rounds that guessing is slow.
    func write(_ key: OpaquePointer, to bio: OpaquePointer) -> Int32 {
        guard let plain = EVP_PKEY2PKCS8(key) else { return 0 }
        defer { PKCS8_PRIV_KEY_INFO_free(plain) }
        var salt = randomBytes(16)
        let text = buffer.bindMemory(to: CChar.self).baseAddress
        guard
            let sealed = PKCS8_encrypt(
                -1, EVP_aes_256_cbc(), text, Int32(count), &salt, Int32(salt.count), 600_000, plain)
        else { return 0 }
        defer { X509_SIG_free(sealed) }
        return PEM_write_bio_PKCS8(bio, sealed)
    }
}

extension IdentityKey {
    /// The key in a PEM file that is encrypted with a passphrase.
    /// - Throws: `KeyError`.
    public convenience init(pemFile path: String, passphrase: Passphrase?) throws {
        guard let passphrase else {
            try self.init(pemFile: path)
            return
        }
        self.init(adopting: try KeyFile.parse(path, isPrivate: true) { passphrase.readPrivateKey($0) })
    }
}
