import Foundation
import Keys
import TestVectors
import Testing

@Suite("RSA-PSS, which proves a registration")
struct PSSTests {
    private static let content = Array("2f0e1d2c3b4a5968".utf8)
    private static let scheme = "-sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha256"

    @Test(
        "a signature is what the openssl command verifies, with the longest salt and SHA-256 in both places",
        arguments: [("dev_2048", 222), ("dev_3072", 350), ("dev_4096", 478)])
    func signed(name: String, salt: Int) throws {
        let signature = try TestKeys.privateKey(name).pssSignature(over: PSSTests.content)
        try TemporaryFolder.with { folder in
            try folder.write(Data(PSSTests.content), to: "content")
            try folder.write(Data(signature), to: "signature")
            let key = TestKeys.file("\(name).pub").path
            let verify = "-verify \(key) -signature signature content"
            #expect(throws: Never.self) {
                try folder.openssl("dgst -sha256 \(PSSTests.scheme) -sigopt rsa_pss_saltlen:\(salt) \(verify)")
            }
            for wrong in [
                "-sha256 \(PSSTests.scheme) -sigopt rsa_pss_saltlen:32",
                "-sha1 \(PSSTests.scheme) -sigopt rsa_pss_saltlen:\(salt)",
                "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1 -sigopt rsa_pss_saltlen:\(salt)",
            ] {
                #expect(throws: (any Error).self) { try folder.openssl("dgst \(wrong) \(verify)") }
            }
        }
    }

    @Test("a signature by the openssl command is valid, with a salt of any length", arguments: ["max", "digest", "0"])
    func verified(salt: String) throws {
        try TemporaryFolder.with { folder in
            try folder.write(Data(PSSTests.content), to: "content")
            let path = try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"))
            let signature = try folder.openssl(
                "dgst -sha256 \(PSSTests.scheme) -sigopt rsa_pss_saltlen:\(salt) -sign \(path) content")
            #expect(try TestKeys.publicKey("dev_2048").verifiesPSS(signature, over: PSSTests.content))
        }
    }

    @Test("a signature with another digest, mask or scheme is not valid")
    func schemes() throws {
        try TemporaryFolder.with { folder in
            try folder.write(Data(PSSTests.content), to: "content")
            let path = try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"))
            let key = try TestKeys.publicKey("dev_2048")
            for options in [
                "-sha256", "-sha1 \(PSSTests.scheme)", "-sha512 \(PSSTests.scheme)",
                "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1",
            ] {
                let signature = try folder.openssl("dgst \(options) -sign \(path) content")
                #expect(!key.verifiesPSS(signature, over: PSSTests.content), "\(options)")
            }
        }
    }

    @Test("a signature by another key, of another length, with a flipped bit, or over other bytes is not valid")
    func wrong() throws {
        let key = try TestKeys.publicKey("dev_2048")
        let good = try TestKeys.privateKey("dev_2048").pssSignature(over: PSSTests.content)
        #expect(key.verifiesPSS(good, over: PSSTests.content))
        #expect(!key.verifiesPSS(good, over: []))
        #expect(!key.verifiesPSS(good, over: PSSTests.content + [0]))
        for name in ["wrong_2048", "c2_2048", "dev_3072"] {
            let other = try TestKeys.privateKey(name).pssSignature(over: PSSTests.content)
            #expect(!key.verifiesPSS(other, over: PSSTests.content))
        }
        for position in stride(from: 0, to: good.count, by: 17) {
            var flipped = good
            flipped[position] ^= 1
            #expect(!key.verifiesPSS(flipped, over: PSSTests.content))
        }
        for misshapen in [[], Array(good.dropLast()), [0] + good, good + [0], [UInt8](repeating: 255, count: 256)] {
            #expect(!key.verifiesPSS(misshapen, over: PSSTests.content))
        }
    }

    @Test("two signatures over the same bytes differ, and none is valid for a frame")
    func salted() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let (first, second) = (
            try key.pssSignature(over: PSSTests.content), try key.pssSignature(over: PSSTests.content)
        )
        #expect(first != second)
        #expect(!key.publicKey.verifies(first[...], over: [PSSTests.content[...]]))
        let frame = try key.signature(over: [PSSTests.content[...]])
        #expect(!key.publicKey.verifiesPSS(frame, over: PSSTests.content))
    }
}
