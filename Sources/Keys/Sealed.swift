import COpenSSL
import SRUP

/// Why a sealed value cannot be used. The answer on the wire is the same for both; the log tells them apart.
public enum UnsealingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The envelope is malformed, or not for this key, or its padding is wrong: one answer, whatever was wrong inside.
    case seal
    /// It opens, but contains neither 16 bytes nor 32 hexadecimal digits.
    case value

    /// One line, lower case.
    public var description: String {
        switch self {
        case .seal: "the sealed value does not open"
        case .value: "the sealed value is neither 16 bytes nor 32 hexadecimal digits"
        }
    }
}

/// The parts of a sealed value (docs/protocol.md, section 5). All its lengths have been checked against each other.
private struct Envelope {
    static let keyLength = 32
    static let blockLength = 16

    let wrappedKey: ArraySlice<UInt8>
    let initialisationVector: ArraySlice<UInt8>
    let ciphertext: ArraySlice<UInt8>
    let plainTextLength: Int

    init(_ bytes: [UInt8], modulusLength: Int) throws(UnsealingError) {
        do {
            var reader = Reader(bytes)
            wrappedKey = try reader.take(Int(try reader.littleEndian(Int32.self)))
            initialisationVector = try reader.take(Envelope.blockLength)
            let ciphertextLength = Int(try reader.littleEndian(Int32.self))
            plainTextLength = Int(try reader.littleEndian(Int32.self))
            ciphertext = try reader.take(ciphertextLength)
            try reader.finish()
        } catch { throw .seal }
        // PKCS#7 adds 1 to 16 bytes and fills up the block: the one relation that both lengths must have.
        guard wrappedKey.count == modulusLength, plainTextLength >= 0,
            ciphertext.count == (plainTextLength / Envelope.blockLength + 1) * Envelope.blockLength
        else { throw .seal }
    }
}

extension IdentityKey {
    /// Opens a value that was sealed to this key.
    ///
    /// RSAES-PKCS1-v1_5 inside: so that nobody learns *what* was wrong, a wrapped key that does not open is replaced by
    /// a random one and everything after it is done all the same; the padding is checked without an early exit.
    /// - Throws: `UnsealingError`.
    public func unseal(_ bytes: [UInt8]) throws(UnsealingError) -> Secret {
        let envelope = try Envelope(bytes, modulusLength: publicKey.modulusLength)
        let key = UnsafeMutableRawBufferPointer.allocate(byteCount: Envelope.keyLength, alignment: 1)
        let plain = UnsafeMutableRawBufferPointer.allocate(
            byteCount: envelope.ciphertext.count + Envelope.blockLength, alignment: 1)
        defer {
            for buffer in [key, plain] {
                wipe(buffer)
                buffer.deallocate()
            }
            ERR_clear_error()
        }
        let unwrapped = home.exclusively { unwrap(envelope.wrappedKey, into: key) }
        let decrypted = decrypt(envelope, with: key, into: plain)
        let padded = paddingHolds(plain, envelope)
        guard unwrapped & decrypted & padded == 1 else { throw .seal }
        guard let secret = Secret(plainText: UnsafeRawBufferPointer(rebasing: plain[..<envelope.plainTextLength]))
        else {
            throw .value
        }
        return secret
    }

    /// 1 and the AES key, or 0 and random bytes of the same length.
    private func unwrap(_ wrapped: ArraySlice<UInt8>, into key: UnsafeMutableRawBufferPointer) -> UInt8 {
        fillWithRandomBytes(key)
        guard let context = EVP_PKEY_CTX_new_from_pkey(home.library, handle, home.properties) else { return 0 }
        defer { EVP_PKEY_CTX_free(context) }
        let capacity = roomForOne
        let opened = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
        defer {
            wipe(opened)
            opened.deallocate()
        }
        var length = capacity
        guard EVP_PKEY_decrypt_init(context) == 1, EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 else {
            return 0
        }
        let result = wrapped.withUnsafeBufferPointer {
            EVP_PKEY_decrypt(context, opened.bindMemory(to: UInt8.self).baseAddress, &length, $0.baseAddress, $0.count)
        }
        let good: UInt8 = result == 1 && length == Envelope.keyLength ? 1 : 0
        // Selected without a branch: 0xFF keeps the opened key, 0x00 the random bytes.
        let mask = 0 &- good
        for index in key.indices { key[index] = opened[index] & mask | key[index] & ~mask }
        return good
    }

    /// AES-256-CBC without OpenSSL's own padding check, whose answer would come at a different time.
    private func decrypt(
        _ envelope: Envelope, with key: UnsafeMutableRawBufferPointer, into plain: UnsafeMutableRawBufferPointer
    ) -> UInt8 {
        guard let context = EVP_CIPHER_CTX_new() else { return 0 }
        defer { EVP_CIPHER_CTX_free(context) }
        let vector = Array(envelope.initialisationVector)
        var length: Int32 = 0
        guard
            EVP_DecryptInit_ex(
                context, EVP_aes_256_cbc(), nil, key.bindMemory(to: UInt8.self).baseAddress, vector) == 1,
            EVP_CIPHER_CTX_set_padding(context, 0) == 1
        else { return 0 }
        let result = envelope.ciphertext.withUnsafeBufferPointer {
            EVP_DecryptUpdate(
                context, plain.bindMemory(to: UInt8.self).baseAddress, &length, $0.baseAddress, Int32($0.count))
        }
        return result == 1 && Int(length) == envelope.ciphertext.count ? 1 : 0
    }

    /// PKCS#7: as many bytes as the last one says, each of that value, and exactly as many as the length of the text requires.
    private func paddingHolds(_ plain: UnsafeMutableRawBufferPointer, _ envelope: Envelope) -> UInt8 {
        let count = envelope.ciphertext.count - envelope.plainTextLength
        var difference: UInt8 = 0
        for index in envelope.plainTextLength..<envelope.ciphertext.count { difference |= plain[index] ^ UInt8(count) }
        return difference == 0 ? 1 : 0
    }
}

extension PublicKey {
    /// Seals a value to this key in the form that the reference reads: 32 lower-case hexadecimal digits.
    /// - Throws: `SealingError` if OpenSSL fails.
    public func seal(_ value: Secret) throws -> [UInt8] {
        try value.withBytes { raw in
            let digits = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * raw.count, alignment: 1)
            defer {
                wipe(digits)
                digits.deallocate()
            }
            for (index, byte) in raw.enumerated() {
                for (half, nibble) in [byte >> 4, byte & 15].enumerated() {
                    digits[2 * index + half] =
                        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
                }
            }
            return try seal(plainText: UnsafeRawBufferPointer(digits))
        }
    }

    /// Why a value could not be sealed: our fault, never a peer's.
    public enum SealingError: Error, Equatable { case refused }

    /// Seals any plain text: `EVP_Seal`'s form, with a fresh AES-256 key and vector.
    public func seal(plainText: UnsafeRawBufferPointer) throws -> [UInt8] {
        let key = UnsafeMutableRawBufferPointer.allocate(byteCount: Envelope.keyLength, alignment: 1)
        fillWithRandomBytes(key)
        defer {
            wipe(key)
            key.deallocate()
            ERR_clear_error()
        }
        let vector = randomBytes(Envelope.blockLength)
        let wrapped = try wrap(key)
        guard let context = EVP_CIPHER_CTX_new() else { throw SealingError.refused }
        defer { EVP_CIPHER_CTX_free(context) }
        var (first, last): (Int32, Int32) = (0, 0)
        let ciphertext = try [UInt8](unsafeUninitializedCapacity: plainText.count + Envelope.blockLength) {
            out, count in
            guard
                EVP_EncryptInit_ex(
                    context, EVP_aes_256_cbc(), nil, key.bindMemory(to: UInt8.self).baseAddress, vector) == 1,
                EVP_EncryptUpdate(
                    context, out.baseAddress, &first, plainText.bindMemory(to: UInt8.self).baseAddress,
                    Int32(plainText.count)) == 1,
                EVP_EncryptFinal_ex(context, out.baseAddress.map { $0 + Int(first) }, &last) == 1
            else { throw SealingError.refused }
            count = Int(first + last)
        }
        var envelope: [UInt8] = []
        envelope.appendLittleEndian(UInt32(wrapped.count))
        envelope += wrapped + vector
        envelope.appendLittleEndian(UInt32(ciphertext.count))
        envelope.appendLittleEndian(UInt32(plainText.count))
        return envelope + ciphertext
    }

    private func wrap(_ key: UnsafeMutableRawBufferPointer) throws -> [UInt8] {
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, handle, nil) else { throw SealingError.refused }
        defer { EVP_PKEY_CTX_free(context) }
        var length = Int(EVP_PKEY_get_size(handle))
        return try [UInt8](unsafeUninitializedCapacity: length) { out, count in
            guard EVP_PKEY_encrypt_init(context) == 1,
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1,
                EVP_PKEY_encrypt(
                    context, out.baseAddress, &length, key.bindMemory(to: UInt8.self).baseAddress, key.count) == 1
            else { throw SealingError.refused }
            count = length
        }
    }
}
