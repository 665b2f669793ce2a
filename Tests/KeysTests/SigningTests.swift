import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@Suite("Signing and verifying")
struct SigningTests {
    static let names = ["dev_2048", "dev_3072", "dev_4096"]

    @Test("a signature is the reference's, byte for byte", arguments: TestKeys.Form.allCases)
    func reference(form: TestKeys.Form) throws {
        for name in ["dev_2048", "c2_2048", "dev_3072", "c2_3072"] {
            let key = try TestKeys.privateKey(name, form)
            let vectors = try Vectors.allFrames().filter { $0.key == name }
            #expect(!vectors.isEmpty)
            for vector in vectors {
                let (signed, signature) = (try #require(vector.signedHex), try #require(vector.signatureHex))
                #expect(try key.signature(over: [signed.bytes[...]]) == signature.bytes, "\(vector)")
                #expect(key.publicKey.verifies(signature.bytes[...], over: [signed.bytes[...]]), "\(vector)")
            }
        }
    }

    @Test("a signature is the one that the openssl command makes, from PKCS#1 as from PKCS#8", arguments: names)
    func openssl(name: String) throws {
        try TemporaryFolder.with { folder in
            let content = Array("what was said".utf8)
            try folder.write(Data(content), to: "content")
            let path = try folder.privateCopy(of: TestKeys.file("\(name).pkcs8"))
            let expected = try folder.openssl("dgst -sha256 -sign \(path) content")
            for form in TestKeys.Form.allCases {
                #expect(try TestKeys.privateKey(name, form).signature(over: [content[...]]) == expected)
            }
            let key = try TestKeys.publicKey(name)
            #expect(expected.count == key.modulusLength)
            #expect(key.verifies(expected[...], over: [content[...]]))
        }
    }

    @Test("how the content is cut into parts makes no difference")
    func parts() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let content = Array(UInt8.min...UInt8.max)
        let whole = try key.signature(over: [content[...]])
        for cut in [0, 1, 63, 64, 255, 256] {
            let parts = [content[..<cut], [], content[cut...]]
            #expect(try key.signature(over: parts) == whole)
            #expect(key.publicKey.verifies(whole[...], over: parts))
        }
        #expect(!key.publicKey.verifies(whole[...], over: [content[128...], content[..<128]]))
    }

    @Test("a signature over nothing is a signature over nothing")
    func nothing() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let signature = try key.signature(over: [])
        #expect(key.publicKey.verifies(signature[...], over: []))
        #expect(!key.publicKey.verifies(signature[...], over: [[0]]))
    }

    @Test("a signature by another key, of another length, or over other bytes is not valid")
    func wrong() throws {
        let key = try TestKeys.publicKey("dev_2048")
        let content: [UInt8] = [1, 2, 3]
        let good = try TestKeys.privateKey("dev_2048").signature(over: [content[...]])
        #expect(key.verifies(good[...], over: [content[...]]))
        #expect(!key.verifies(good[...], over: [[1, 2, 4]]))
        for name in ["wrong_2048", "c2_2048", "dev_3072"] {
            let other = try TestKeys.privateKey(name).signature(over: [content[...]])
            #expect(!key.verifies(other[...], over: [content[...]]))
        }
        let misshapen = [[], Array(good.dropLast()), [0] + good, good + [0], [UInt8](repeating: 0, count: 256)]
        for signature in misshapen + [[UInt8](repeating: 255, count: 256)] {
            #expect(!key.verifies(signature[...], over: [content[...]]))
        }
    }

    @Test("a signature with another scheme or digest is not valid")
    func schemes() throws {
        try TemporaryFolder.with { folder in
            let content: [UInt8] = [1, 2, 3]
            try folder.write(Data(content), to: "content")
            let path = try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"))
            let key = try TestKeys.publicKey("dev_2048")
            for options in ["-sha1", "-sha384", "-sha512", "-sha256 -sigopt rsa_padding_mode:pss"] {
                let signature = try folder.openssl("dgst \(options) -sign \(path) content")
                #expect(signature.count == 256)
                #expect(!key.verifies(signature[...], over: [content[...]]), "\(options)")
            }
        }
    }

    @Test("a keyring verifies each sender with its own key only, and no unknown sender")
    func keyring() throws {
        let (dev, c2) = (Identifier(1), Identifier(2))
        var keyring = PublicKeys([dev: try TestKeys.publicKey("dev_2048")])
        let signature = try TestKeys.privateKey("dev_2048").signature(over: [[7]])
        try keyring.check(signature[...], over: [[7]], of: dev)
        #expect(throws: VerificationError.unknownSender(c2)) {
            try keyring.check(signature[...], over: [[7]], of: c2)
        }
        keyring[c2] = try TestKeys.publicKey("c2_2048")
        #expect(throws: VerificationError.badSignature(c2)) {
            try keyring.check(signature[...], over: [[7]], of: c2)
        }
        #expect(keyring[c2] != nil)
        keyring[dev] = nil
        #expect(throws: VerificationError.unknownSender(dev)) {
            try keyring.check(signature[...], over: [[7]], of: dev)
        }
    }

    @Test("a key has the length in its name", arguments: [("dev_2048", 256), ("c2_3072", 384), ("c2_4096", 512)])
    func length(name: String, bytes: Int) throws {
        #expect(try TestKeys.publicKey(name).modulusLength == bytes)
        #expect(try TestKeys.privateKey(name).publicKey.modulusLength == bytes)
    }
}
