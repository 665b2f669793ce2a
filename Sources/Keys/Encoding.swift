import COpenSSL
import SRUP

/// Why bytes from outside are not a key or certificate that we can use: a peer's fault.
public enum EncodingError: Error, Equatable, Sendable {
    /// More bytes than any key or certificate has.
    case tooLong(bytes: Int)
    /// Not the expected encoding, or bytes are left over.
    case malformed
    /// A key of another kind than RSA.
    case notRSA
    /// An RSA key of fewer than 2,048 bits or more than 16,384.
    case wrongSize(bits: Int)
    /// A public exponent that is even, 1, or longer than 64 bits: with a huge one, each check of a signature is slow.
    case wrongExponent
    /// Numbers that OpenSSL's check of public keys refuses, such as an even modulus.
    case weak

    /// What was met, in words for a log line or a reply: lower case.
    public var message: String {
        switch self {
        case .tooLong(let bytes): "\(bytes) bytes are too many"
        case .malformed: "it cannot be read"
        case .notRSA: "it is not an RSA key"
        case .wrongSize(let bits): "it has \(bits) bits, wanted 2048 to 16384"
        case .wrongExponent: "its public exponent is not an odd number from 3 to 2^64"
        case .weak: "its numbers do not make a safe RSA key"
        }
    }
}

extension PublicKey {
    /// The key in PEM (SPKI), as registration services hand it out (the reference's wire, section 6).
    /// - Throws: `EncodingError`.
    public convenience init(pem bytes: [UInt8]) throws(EncodingError) {
        self.init(adopting: try parsed(bytes, cossl_read_public_key))
        try checkUse()
    }

    /// The key in DER (SPKI), nothing left over.
    /// - Throws: `EncodingError`.
    public convenience init(der bytes: [UInt8]) throws(EncodingError) {
        try self.init(readingDER: bytes)
        try checkUse()
    }

    /// A key in PEM that this program has stored after `init(pem:)` or `init(der:)` had checked it, or that it read from a keyring. Its
    /// numbers are not checked again: that takes OpenSSL 3 ms, and a store of thousands of keys is read at each start. The caller must
    /// keep the store where only its own user can write. Anyone else who can write there needs no weak key: a key of their own
    /// passes the check as well.
    /// - Throws: `EncodingError`, if it is damaged, or not an RSA key of a usable size and exponent.
    package convenience init(storedPEM bytes: [UInt8]) throws(EncodingError) {
        self.init(adopting: try parsed(bytes, cossl_read_public_key))
        try checkKind()
    }

    /// A key in DER, under the same conditions.
    /// - Throws: `EncodingError`, if it is damaged, or not an RSA key of a usable size and exponent.
    package convenience init(storedDER bytes: [UInt8]) throws(EncodingError) {
        try self.init(readingDER: bytes)
        try checkKind()
    }

    private convenience init(readingDER bytes: [UInt8]) throws(EncodingError) {
        guard bytes.count <= KeyFile.maximumLength else { throw .tooLong(bytes: bytes.count) }
        defer { ERR_clear_error() }
        let key = bytes.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var cursor = buffer.baseAddress
            let key = d2i_PUBKEY(nil, &cursor, buffer.count)
            guard let key, cursor == buffer.baseAddress.map({ $0 + buffer.count }) else {
                EVP_PKEY_free(key)
                return nil
            }
            return key
        }
        guard let key else { throw .malformed }
        self.init(adopting: key)
    }

    /// The key as PEM (SPKI).
    public var pem: [UInt8] { written { PEM_write_bio_PUBKEY($0, handle) } }

    /// The key as DER (SPKI), as it is sent to a registration service.
    public var der: [UInt8] { written { i2d_PUBKEY_bio($0, handle) } }

    /// Whether it is the same key.
    public func equals(_ other: PublicKey) -> Bool { EVP_PKEY_eq(handle, other.handle) == 1 }

    /// An RSA key of a usable size and exponent.
    private func checkKind() throws(EncodingError) {
        guard EVP_PKEY_get_base_id(handle) == EVP_PKEY_RSA else { throw .notRSA }
        let bits = Int(EVP_PKEY_get_bits(handle))
        guard (2_048...16_384).contains(bits) else { throw .wrongSize(bits: bits) }
        guard PublicExponent.isUsable(in: handle) == true else { throw .wrongExponent }
    }

    /// An RSA key of a usable size whose numbers are sound.
    func checkUse() throws(EncodingError) {
        try checkKind()
        defer { ERR_clear_error() }
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, handle, nil) else { throw .malformed }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_public_check(context) == 1 else { throw .weak }
    }
}

/// One PEM object out of bytes from outside: bounded, and never asking for a passphrase.
func parsed(
    _ bytes: [UInt8], _ reader: (OpaquePointer) -> OpaquePointer?
) throws(EncodingError) -> OpaquePointer {
    guard bytes.count <= KeyFile.maximumLength else { throw .tooLong(bytes: bytes.count) }
    defer { ERR_clear_error() }
    guard let bio = BIO_new_mem_buf(bytes, Int32(bytes.count)) else { throw .malformed }
    defer { BIO_free(bio) }
    guard let object = reader(bio) else { throw .malformed }
    return object
}

/// OpenSSL's encoding of something public. A failure to write into memory is a programming error, so a crash.
func written(_ writer: (OpaquePointer) -> Int32) -> [UInt8] {
    let bio = BIO_new(BIO_s_mem())
    guard let bio, writer(bio) == 1 else { preconditionFailure("OpenSSL wrote no key or certificate into memory") }
    defer { BIO_free(bio) }
    var memory: UnsafeMutableRawPointer?
    let length = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &memory)  // BIO_get_mem_data is a macro around it
    return Array(UnsafeRawBufferPointer(start: memory, count: length))
}
