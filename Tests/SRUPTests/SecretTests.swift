import TestVectors
import Testing

@testable import SRUP

@Suite("Secrets")
struct SecretTests {
    private static let bytes: [UInt8] = [
        0xA7, 0x01, 0x52, 0xFE, 0x33, 0x9B, 0xC4, 0x6D, 0x88, 0x10, 0xEF, 0x7A, 0x25, 0xD1, 0x4C, 0xB0,
    ]

    private func secret(plainText: some Sequence<UInt8>) -> Secret? {
        Array(plainText).withUnsafeBytes { Secret(plainText: $0) }
    }

    @Test("a secret has the same description, whatever its value and however it is requested")
    func notShown() throws {
        let shown = try [SecretTests.bytes, SecretTests.bytes.reversed(), [UInt8](repeating: 0, count: 16)].map {
            let secret = try #require(Secret($0))
            var dumped = ""
            dump(secret, to: &dumped)
            let nested = "\(Optional(secret) as Any) \([secret]) \((secret, 1))"
            return [secret.description, "\(secret)", String(reflecting: secret), dumped, nested]
        }
        #expect(shown[0] == shown[1] && shown[1] == shown[2])
        #expect(shown[0][..<3] == [String](repeating: "secret (16 bytes, not shown)", count: 3)[...])
        for digits in SecretTests.bytes.flatMap({ [hexadecimal([$0]), String($0)] }) where digits.count > 2 {
            #expect(!shown[0].joined().contains(digits))
        }
    }

    @Test("a mirror of a secret has no children")
    func mirror() throws {
        #expect(try Mirror(reflecting: #require(Secret(SecretTests.bytes))).children.isEmpty)
    }

    @Test("a secret cannot be encoded or hashed")
    func notCodable() throws {
        let secret: Any = try #require(Secret(SecretTests.bytes))
        #expect(!(secret is any Encodable))
        #expect(!(secret is any Hashable))
    }

    @Test("secrets are equal if all their bytes are, and differ if one bit does")
    func equality() throws {
        let secret = try #require(Secret(SecretTests.bytes))
        #expect(secret == Secret(SecretTests.bytes))
        for bit in 0..<128 {
            var other = SecretTests.bytes
            other[bit / 8] ^= 1 << (bit % 8)
            #expect(secret != Secret(other))
        }
    }

    @Test("byte sequences of different lengths are not equal, even if one begins with the other")
    func lengths() {
        #expect(equalInConstantTime([1, 2, 3], [1, 2, 3]))
        #expect(!equalInConstantTime([1, 2, 3], [1, 2]))
        #expect(!equalInConstantTime([], [0]))
        #expect(equalInConstantTime([UInt8](), []))
        #expect(equalInConstantTime([9, 1, 2][1...], [1, 2]))
    }

    @Test("16 raw bytes are a secret, and no other number of them", arguments: 0...64)
    func raw(count: Int) throws {
        var random = Seeded(UInt64(count))
        let bytes = random.bytes(count)
        guard count == 16 else {
            #expect(Secret(bytes) == nil)
            return
        }
        #expect(try #require(Secret(bytes)).withBytes { Array($0) } == bytes)
        #expect(secret(plainText: bytes) == Secret(bytes))
    }

    @Test("32 hexadecimal digits of either case are the same secret as the bytes that they stand for")
    func digits() {
        let lower = hexadecimal(SecretTests.bytes)
        #expect(secret(plainText: lower.utf8) == Secret(SecretTests.bytes))
        #expect(secret(plainText: lower.uppercased().utf8) == Secret(SecretTests.bytes))
        #expect(
            secret(plainText: (lower.prefix(7) + lower.uppercased().dropFirst(7)).utf8) == Secret(SecretTests.bytes))
    }

    @Test("32 bytes with one that is not a hexadecimal digit are not a secret", arguments: 0..<32)
    func notDigits(index: Int) {
        for wrong in UInt8.min...UInt8.max where !Array("0123456789abcdefABCDEF".utf8).contains(wrong) {
            var text = Array(hexadecimal(SecretTests.bytes).utf8)
            text[index] = wrong
            #expect(secret(plainText: text) == nil)
        }
    }

    @Test(
        "a plain text of any other length is not a secret",
        arguments: Array(0...15) + Array(17...31) + [33, 36, 48, 64])
    func otherLengths(count: Int) {
        #expect(secret(plainText: [UInt8](repeating: UInt8(ascii: "a"), count: count)) == nil)
    }

    @Test("wiping a buffer fills it with zeros, and changes nothing around it")
    func wiped() {
        var buffer = [UInt8](repeating: 0xEE, count: 64)
        buffer.withUnsafeMutableBytes { wipe(UnsafeMutableRawBufferPointer(rebasing: $0[8..<56])) }
        let edge = [UInt8](repeating: 0xEE, count: 8)
        #expect(buffer == edge + [UInt8](repeating: 0, count: 48) + edge)
        wipe(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    }
}
