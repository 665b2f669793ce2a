import Foundation
import SRUP
import TestVectors
import Testing

@testable import Keys

@Suite("Sealed values")
struct SealedTests {
    private func secret(_ bytes: some Sequence<UInt8>) throws -> Secret { try #require(Secret(Array(bytes))) }

    private func seal(_ plainText: [UInt8], to key: PublicKey) throws -> [UInt8] {
        try plainText.withUnsafeBytes { try key.seal(plainText: $0) }
    }

    @Test(
        "a sealed value opens with its key, and is as long as the format says",
        arguments: [("dev_2048", 332), ("dev_3072", 460), ("dev_4096", 588)])
    func roundTrip(name: String, length: Int) throws {
        let value = Secret.random()
        let sealed = try TestKeys.publicKey(name).seal(value)
        #expect(sealed.count == length)
        for form in TestKeys.Form.allCases {
            #expect(try TestKeys.privateKey(name, form).unseal(sealed) == value)
        }
    }

    @Test("two seals of the same value have no key, vector or ciphertext in common")
    func fresh() throws {
        let (key, value) = (try TestKeys.publicKey("dev_2048"), Secret.random())
        let (first, second) = (try key.seal(value), try key.seal(value))
        for part in [4..<260, 260..<276, 284..<332] { #expect(first[part] != second[part]) }
    }

    @Test("the reference's sealed values open, or do not contain a value", arguments: try Vectors.envelopes())
    func reference(vector: SealedVector) throws {
        let key = try TestKeys.privateKey(vector.to)
        if let value = vector.value {
            #expect(try key.unseal(vector.envelopeHex.bytes) == value)
        } else {
            #expect(throws: UnsealingError.value) { try key.unseal(vector.envelopeHex.bytes) }
        }
    }

    @Test("14 sealed values of the reference, of which 8 hold a value")
    func complete() throws {
        let vectors = try Vectors.envelopes()
        #expect(vectors.count == 14)
        #expect(vectors.filter { $0.value != nil }.count == 8)
    }

    @Test("the openssl command opens what we seal, to 32 lower-case digits", arguments: SigningTests.names)
    func openssl(name: String) throws {
        let bytes = randomBytes(16)
        let sealed = try TestKeys.publicKey(name).seal(secret(bytes))
        let size = try TestKeys.publicKey(name).modulusLength
        func number(at offset: Int) -> Int { sealed[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) } }
        #expect(number(at: 0) == size && number(at: 20 + size) == 48 && number(at: 24 + size) == 32)
        try TemporaryFolder.with { folder in
            let path = try folder.privateCopy(of: TestKeys.file("\(name).pkcs8"))
            try folder.write(Data(sealed[4..<4 + size]), to: "wrapped")
            try folder.write(Data(sealed[(28 + size)...]), to: "ciphertext")
            let key = try folder.openssl("pkeyutl -decrypt -inkey \(path) -in wrapped")
            let vector = hexadecimal(sealed[4 + size..<20 + size])
            let plain = try folder.openssl("enc -d -aes-256-cbc -K \(hexadecimal(key)) -iv \(vector) -in ciphertext")
            #expect(String(decoding: plain, as: UTF8.self) == hexadecimal(bytes))
        }
    }

    @Test("only 16 bytes and 32 digits are a value", arguments: 0...70)
    func lengths(count: Int) throws {
        let (key, plain) = (try TestKeys.privateKey("dev_2048"), [UInt8](repeating: UInt8(ascii: "a"), count: count))
        let sealed = try seal(plain, to: key.publicKey)
        switch count {
        case 16: #expect(try key.unseal(sealed) == secret(plain))
        case 32: #expect(try key.unseal(sealed) == secret([UInt8](repeating: 0xAA, count: 16)))
        default: #expect(throws: UnsealingError.value) { try key.unseal(sealed) }
        }
    }

    @Test(
        "another key of any size does not open it", arguments: ["wrong_2048", "c2_2048", "dev_3072", "c2_4096"])
    func anotherKey(name: String) throws {
        let sealed = try TestKeys.publicKey("dev_2048").seal(.random())
        #expect(throws: UnsealingError.seal) { try TestKeys.privateKey(name).unseal(sealed) }
    }

    @Test("a sealed value cut at any length, or with a byte more, does not open")
    func torn() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let sealed = try key.publicKey.seal(.random())
        for length in 0..<sealed.count {
            #expect(throws: UnsealingError.seal) { try key.unseal(Array(sealed[..<length])) }
        }
        for extra in [1, 16] {
            #expect(throws: UnsealingError.seal) { try key.unseal(sealed + [UInt8](repeating: 0, count: extra)) }
        }
    }

    /// The vector, not a fresh value: the outcome of each flip is then the same in every run. A flip in the vector or in
    /// the first block leaves the padding whole; that such a value is not taken is the work of the frame's signature.
    @Test("any error in the wrapped key, the lengths or the padding gives the same answer")
    func sameAnswer() throws {
        let vector = try #require(try Vectors.envelopes().first { $0.name == "env_hex32_obs" })
        let key = try TestKeys.privateKey(vector.to)
        var sealed = vector.envelopeHex.bytes
        let lengths = Array(0..<4) + Array(276..<284)
        let (wrapped, lastBlocks) = (Array(4..<260), Array(300..<332))
        for index in lengths + wrapped + lastBlocks {
            let bits = wrapped.contains(index) ? [index % 8] : Array(0..<8)
            for bit in bits {
                sealed[index] ^= 1 << bit
                #expect(throws: UnsealingError.seal, "bit \(bit) of byte \(index)") { try key.unseal(sealed) }
                sealed[index] ^= 1 << bit
            }
        }
        #expect(try key.unseal(sealed) == vector.value)
    }

    @Test("a correctly wrapped key of another length is answered like a wrapped key that does not open")
    func wrappedLengths() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let sealed = try key.publicKey.seal(.random())
        try TemporaryFolder.with { folder in
            let path = TestKeys.file("dev_2048.pub").path
            for count in [0, 1, 16, 31, 32, 33, 64, 245] {
                try folder.write(Data([UInt8](repeating: 0x6B, count: count)), to: "key")
                let wrapped = try folder.openssl("pkeyutl -encrypt -pubin -inkey \(path) -in key")
                #expect(throws: UnsealingError.seal, "\(count)") {
                    try key.unseal(sealed[..<4] + wrapped + sealed[260...])
                }
            }
        }
    }

    @Test("a wrapped key shorter than the modulus does not open, though it is the same number without its zero byte")
    func shortWrappedKey() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let value = Secret.random()
        // About one sealed value in 256 begins with a zero byte: 10,000 without one do not happen.
        var sealed = try key.publicKey.seal(value)
        for _ in 0..<10_000 where sealed[4] != 0 { sealed = try key.publicKey.seal(value) }
        #expect(try key.unseal(sealed) == value)
        #expect(throws: UnsealingError.seal) { try key.unseal([255, 0, 0, 0] + sealed[5...]) }
    }

    @Test("a refusal leaves nothing in OpenSSL's error queue")
    func errorQueue() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let sealed = try TestKeys.publicKey("wrong_2048").seal(.random())
        #expect(throws: UnsealingError.seal) { try key.unseal(sealed) }
        #expect(OpenSSLErrors.none)
        #expect(!key.publicKey.verifies([UInt8](repeating: 1, count: 256)[...], over: []))
        #expect(OpenSSLErrors.none)
        #expect(throws: KeyError.self) { try PublicKey(pemFile: TestKeys.file("dev_2048.pkcs1").path) }
        #expect(OpenSSLErrors.none)
    }

    @Test("the two refusals are distinguished in the log, each in one line")
    func descriptions() {
        #expect(UnsealingError.seal.description != UnsealingError.value.description)
        for text in [UnsealingError.seal, .value].map(\.description) {
            #expect(text.first?.isLowercase == true && text.last != ".")
        }
    }
}
