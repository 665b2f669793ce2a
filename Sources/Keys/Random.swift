import COpenSSL
import SRUP

/// Random bytes from OpenSSL's generator.
public func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        fillWithRandomBytes(UnsafeMutableRawBufferPointer(buffer))
        filled = count
    }
}

/// Nothing here is safe without randomness, and it does not fail on a Linux that has booted: so a failure is a crash.
func fillWithRandomBytes(_ buffer: UnsafeMutableRawBufferPointer) {
    let result = RAND_bytes(buffer.bindMemory(to: UInt8.self).baseAddress, Int32(buffer.count))
    precondition(result == 1, "the system gave no random bytes")
}

/// HMAC-SHA256 under a value: what the proof link's tags are made with (docs/proof-link.md, "The tags").
public func hmacSHA256(_ key: Secret, _ message: [UInt8]) -> [UInt8] {
    key.withBytes { bytes in
        [UInt8](unsafeUninitializedCapacity: 32) { tag, count in
            var length: UInt32 = 0
            let made = HMAC(
                EVP_sha256(), bytes.baseAddress, Int32(bytes.count), message, message.count, tag.baseAddress, &length)
            precondition(made != nil && length == 32, "OpenSSL made no HMAC-SHA256")
            count = 32
        }
    }
}

extension Secret {
    /// A new value for an observed join.
    public static func random() -> Secret {
        var bytes = randomBytes(Secret.length)
        defer { bytes.withUnsafeMutableBytes { wipe($0) } }
        guard let secret = Secret(bytes) else { preconditionFailure("16 bytes make a secret") }
        return secret
    }
}

extension Identifier {
    /// A new identity: 64 random bits; never below 0x10, since those are reserved.
    package static func random() -> Identifier {
        let number = randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return number >= 0x10 ? Identifier(number) : random()
    }
}
