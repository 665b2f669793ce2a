import COpenSSL
import Foundation
import Keys
import SRUP
import TestVectors
import Testing

/// The calling thread's queue of OpenSSL errors.
enum OpenSSLErrors {
    static var none: Bool { ERR_peek_error() == 0 }
}

@Suite("Tags and random bytes")
struct RandomTests {
    /// HMAC fills a short key up with zeros, so the RFC's four-byte key is a 16-byte one as well.
    @Test("the tag is RFC 4231's, test case 2")
    func rfc4231() throws {
        let key = try #require(Secret(Array("Jefe".utf8) + [UInt8](repeating: 0, count: 12)))
        let tag = hmacSHA256(key, Array("what do ya want for nothing?".utf8))
        #expect(hexadecimal(tag) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test("the tag is the one that the openssl command makes", arguments: [0, 1, 63, 64, 65, 1_000])
    func openssl(count: Int) throws {
        var random = Seeded(UInt64(count))
        let (key, message) = (random.bytes(16), random.bytes(count))
        try TemporaryFolder.with { folder in
            try folder.write(Data(message), to: "message")
            let options = "dgst -sha256 -mac HMAC -macopt hexkey:\(hexadecimal(key)) -binary message"
            #expect(try folder.openssl(options) == hmacSHA256(#require(Secret(key)), message))
        }
    }

    @Test("another value or another message makes another tag")
    func different() throws {
        let tag = hmacSHA256(try #require(Secret(Array(0..<16))), [1, 2])
        #expect(tag != hmacSHA256(try #require(Secret(Array(1..<17))), [1, 2]))
        #expect(tag != hmacSHA256(try #require(Secret(Array(0..<16))), [1, 2, 0]))
    }

    @Test("random bytes have the requested number, and differ each time")
    func random() {
        #expect(randomBytes(0).isEmpty)
        #expect(randomBytes(37).count == 37)
        #expect(randomBytes(32) != randomBytes(32))
        #expect(Secret.random() != Secret.random())
    }
}
