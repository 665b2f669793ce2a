import COpenSSL

/// SHA-256 of bytes: what keys, certificates and tokens are known by where they themselves need not be kept.
public func sha256(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
        let made = SHA256(bytes, bytes.count, digest.baseAddress)
        precondition(made != nil, "OpenSSL made no SHA-256")
        count = 32
    }
}
