import COpenSSL
import Files
import Glibc

/// SHA-256 of bytes: identifies keys, certificates and tokens where they themselves need not be kept.
public func sha256(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
        let made = SHA256(bytes, bytes.count, digest.baseAddress)
        precondition(made != nil, "OpenSSL made no SHA-256")
        count = 32
    }
}

/// SHA-256 of a file from its first byte to its last, whatever its length.
/// - Parameter descriptor: read from its beginning on; its position is moved.
/// - Returns: nil if it cannot be read.
public func sha256(ofFile descriptor: Int32) -> [UInt8]? {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { return nil }
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("OpenSSL made no context") }
    defer { EVP_MD_CTX_free(context) }
    precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "OpenSSL has no SHA-256")
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { return nil }
        guard count > 0 else { break }
        precondition(EVP_DigestUpdate(context, buffer, count) == 1, "OpenSSL made no SHA-256")
    }
    return [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
        precondition(EVP_DigestFinal_ex(context, digest.baseAddress, nil) == 1, "OpenSSL made no SHA-256")
        count = 32
    }
}

/// SHA-256 of a regular file.
/// - Parameter isFollowing: whether it may be reached over a link: for files that the operator names.
/// - Returns: nil if it is not a regular file, or cannot be read. A FIFO is not waited for.
public func sha256(ofFile path: String, isFollowing: Bool = false) -> [UInt8]? {
    guard let file = try? File.open(path, O_RDONLY, isFollowing: isFollowing) else { return nil }
    defer { close(file) }
    return sha256(ofFile: file)
}

/// The name and version of the OpenSSL that is loaded.
public var opensslVersion: String {
    String(cString: OpenSSL_version(OPENSSL_VERSION)).split(separator: " ").prefix(2).joined(separator: " ")
}
