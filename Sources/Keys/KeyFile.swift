import COpenSSL
import Files
import Glibc
import SRUP

/// Reading key files: bounded, without following links, and for private keys only where nobody else can read them.
enum KeyFile {
    /// In bytes: an RSA-16384 private key in PEM takes 13 KiB.
    static let maximumLength = File.smallLength

    /// The file's bytes in a buffer that is wiped after `body` has returned.
    static func read<Result>(
        _ path: String, isPrivate: Bool, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let file: Int32
        do throws(FileError) { file = try File.open(path, O_RDONLY) } catch {
            switch error {
            case .irregular: throw KeyError.notAFile(path: path)
            case _ where error.isMissing: throw KeyError.missing(path: path)
            case .system, .tooLong, .noInodes: throw KeyError.unreadable(path: path, why: "\(error)")
            }
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw KeyError.unreadable(path: path, why: "\(FileError.last)") }
        if isPrivate, !isCredential(path, status, of: getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) }) {
            guard status.st_uid == geteuid() else { throw KeyError.foreignOwner(path: path, owner: status.st_uid) }
            guard status.st_mode & 0o077 == 0 else { throw KeyError.exposed(path: path, mode: status.st_mode & 0o7777) }
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: maximumLength + 1, alignment: 1)
        defer {
            wipe(buffer)
            buffer.deallocate()
        }
        let length: Int
        do throws(FileError) { length = try File.read(descriptor: file, into: buffer) } catch {
            switch error {
            case .tooLong: throw KeyError.tooLong(path: path)
            case .irregular, .system, .noInodes: throw KeyError.unreadable(path: path, why: "\(error)")
            }
        }
        return try body(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
    }

    /// Whether it is a credential of our service (systemd.exec(5), "LoadCredential"): in a folder that only we can enter, it
    /// belongs to root, and an access list lets us read it, which shows as the group's right to read.
    static func isCredential(_ path: String, _ status: stat, of folder: String?) -> Bool {
        guard let folder, !folder.isEmpty, path.hasPrefix(folder + "/") else { return false }
        let isDirectlyInIt = !path.dropFirst(folder.utf8.count + 1).contains("/")
        return isDirectlyInIt && status.st_uid == 0 && status.st_mode & 0o337 == 0
    }

    /// Parses PEM with one of OpenSSL's readers and checks that what it held is an RSA key of a usable size.
    static func parse(
        _ path: String, isPrivate: Bool, _ reader: (OpaquePointer) -> OpaquePointer?
    ) throws -> OpaquePointer {
        try read(path, isPrivate: isPrivate) { try parse($0, of: path, isPrivate: isPrivate, reader) }
    }

    /// The same, of a file's bytes.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, of path: String, isPrivate: Bool, _ reader: (OpaquePointer) -> OpaquePointer?
    ) throws -> OpaquePointer {
        defer { ERR_clear_error() }
        guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
            throw KeyError.notAKey(path: path)
        }
        defer { BIO_free(bio) }
        guard let key = reader(bio) else {
            let wanted: KeyContent = isPrivate ? .privateKey : .publicKey
            guard let found = KeyContent(bytes), found != wanted else { throw KeyError.notAKey(path: path) }
            throw KeyError.otherContent(path: path, found: found, wantsPrivate: isPrivate)
        }
        return try checked(key, of: path)
    }

    /// Frees a key that is not an RSA key of a usable size.
    /// - Parameter isInHardware: then providers report no exponent, or 0 for the usual one.
    static func checked(
        _ key: OpaquePointer, of path: String, isInHardware: Bool = false
    ) throws -> OpaquePointer {
        do {
            guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else { throw KeyError.notRSA(path: path) }
            let bits = Int(EVP_PKEY_get_bits(key))
            guard (2_048...16_384).contains(bits) else { throw KeyError.wrongSize(path: path, bits: bits) }
            guard isInHardware || PublicExponent.isUsable(in: key) == true else {
                throw KeyError.wrongExponent(path: path)
            }
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
        return key
    }
}

/// Checks that only we can access a private key's file, whatever kind of key is in it: for the TLS key, which OpenSSL reads.
/// - Throws: `KeyError`.
public func checkPrivateKeyFile(_ path: String) throws { try KeyFile.read(path, isPrivate: true) { _ in } }
