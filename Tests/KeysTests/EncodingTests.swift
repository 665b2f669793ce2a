import Foundation
import Keys
import TestVectors
import Testing

@Suite("Public keys from outside")
struct EncodingTests {
    private func pem(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: TestKeys.file(name))) }

    @Test(
        "are read from PEM and DER, and written as the openssl command writes them", arguments: ["dev_2048", "c2_4096"])
    func same(name: String) throws {
        let key = try TestKeys.publicKey(name)
        try TemporaryFolder.with { folder in
            let file = TestKeys.file("\(name).pub").path
            let (pem, der) = (
                try folder.openssl("pkey -pubin -in \(file)"),
                try folder.openssl("pkey -pubin -in \(file) -outform DER")
            )
            #expect(pem == key.pem)
            #expect(der == key.der)
        }
        #expect(try PublicKey(pem: key.pem).equals(key))
        #expect(try PublicKey(der: key.der).equals(key))
        #expect(try !key.equals(TestKeys.publicKey("wrong_2048")))
    }

    @Test("that are cut short, or followed by more, are refused")
    func misshapen() throws {
        let key = try TestKeys.publicKey("dev_2048")
        for length in stride(from: 0, to: key.der.count, by: 13) {
            #expect(throws: EncodingError.malformed) { try PublicKey(der: Array(key.der[..<length])) }
        }
        #expect(throws: EncodingError.malformed) { try PublicKey(der: key.der + [0]) }
        #expect(throws: EncodingError.malformed) { try PublicKey(pem: Array(key.pem.dropLast(40))) }
        for text in ["", "garbage", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"] {
            #expect(throws: EncodingError.malformed) { try PublicKey(pem: Array(text.utf8)) }
        }
        let long = [UInt8](repeating: 0x0A, count: 65_537)
        #expect(throws: EncodingError.tooLong(bytes: 65_537)) { try PublicKey(pem: long) }
        #expect(throws: EncodingError.tooLong(bytes: 65_537)) { try PublicKey(der: long) }
    }

    @Test("are not private keys or certificates")
    func otherObjects() throws {
        for name in ["dev_2048.pkcs1", "dev_2048.pkcs8"] {
            #expect(throws: EncodingError.malformed) { try PublicKey(pem: pem(name)) }
        }
    }

    @Test("of another kind, or too small, are refused")
    func kinds() throws {
        try TemporaryFolder.with { folder in
            try folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem")
            let curve = try folder.openssl("pkey -in ec.pem -pubout")
            #expect(throws: EncodingError.notRSA) { try PublicKey(pem: curve) }
            try folder.openssl("genrsa -out small.pem 1024")
            let small = try folder.openssl("pkey -in small.pem -pubout")
            #expect(throws: EncodingError.wrongSize(bits: 1_024)) { try PublicKey(pem: small) }
        }
    }

    @Test("whose numbers do not make a safe key are refused: an even modulus, an exponent of 1")
    func weak() throws {
        let key = try TestKeys.publicKey("dev_2048")
        var even = key.der
        even[even.count - 6] &= 0xFE  // the modulus ends before 02 03 01 00 01
        #expect(throws: EncodingError.weak) { try PublicKey(der: even) }
        var one = key.der
        one.replaceSubrange(one.count - 3..<one.count, with: [0, 0, 1])
        #expect(throws: EncodingError.self) { try PublicKey(der: one) }
    }

    @Test("that were stored after a check are read without checking their numbers again, and with all other checks")
    func stored() throws {
        let key = try TestKeys.publicKey("dev_2048")
        #expect(try PublicKey(storedPEM: key.pem).equals(key))
        #expect(try PublicKey(storedDER: key.der).equals(key))
        var even = key.der
        even[even.count - 6] &= 0xFE
        let unchecked = try PublicKey(storedDER: even)
        #expect(throws: EncodingError.weak) { try PublicKey(pem: unchecked.pem) }
        #expect(throws: EncodingError.malformed) { try PublicKey(storedPEM: Array(key.pem.dropLast(40))) }
        #expect(throws: EncodingError.malformed) { try PublicKey(storedDER: key.der + [0]) }
        var huge = key.der
        huge.replaceSubrange(huge.count - 3..<huge.count, with: [0, 0, 1])
        #expect(throws: EncodingError.wrongExponent) { try PublicKey(storedDER: huge) }
        try TemporaryFolder.with { folder in
            try folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem")
            let curve = try folder.openssl("pkey -in ec.pem -pubout")
            #expect(throws: EncodingError.notRSA) { try PublicKey(storedPEM: curve) }
        }
    }
}
