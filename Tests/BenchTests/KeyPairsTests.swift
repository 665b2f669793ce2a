import Bench
import Foundation
import Keys
import OperatorText
import SRUP
import Testing
import TestVectors

@Suite("keys")
struct KeyPairsTests {
    private let node = Identifier(0x00ab)

    @Test("A pair is two matching files with names in topic form, and only the owner can read the private one")
    func pair() throws {
        try TemporaryFolder.with { folder in
            let keys = folder.path("keys")
            try KeyPairs.make(in: keys, for: [node], bits: 2_048)
            #expect(try FileManager.default.contentsOfDirectory(atPath: keys).sorted() == ["ab.key.pem", "ab.pub.pem"])
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(keys)/ab.key.pem")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let key = try IdentityKey(pemFile: "\(keys)/ab.key.pem")
            let signature = try key.signature(over: [[1, 2, 3]])
            let known = try KeyPairs.known(in: keys)
            #expect(known[node]?.verifies(signature[...], over: [[1, 2, 3]]) == true)
            #expect(known[node]?.modulusLength == 256)
        }
    }

    @Test("Many devices share a few keys in turn, each with files of its own")
    func shared() throws {
        try TemporaryFolder.with { folder in
            let keys = folder.path("keys")
            try KeyPairs.makeShared(in: keys, for: (0x20..<0x25).map { Identifier($0) }, pool: 2, bits: 2_048)
            #expect(try FileManager.default.contentsOfDirectory(atPath: keys).count == 10)
            let text = try ["20", "21", "22"].map {
                try String(contentsOfFile: "\(keys)/\($0).key.pem", encoding: .utf8)
            }
            #expect(text[0] == text[2] && text[0] != text[1])
            #expect(throws: KeyMakingError.exists(path: "\(keys)/24.key.pem")) {
                try KeyPairs.makeShared(in: keys, for: [Identifier(0x30), Identifier(0x24)], pool: 1, bits: 2_048)
            }
            #expect(try KeyPairs.known(in: keys).count == 5)
        }
    }

    @Test(
        "An existing file is not overwritten, and nothing is made beside it", arguments: ["ab.key.pem", "ab.pub.pem"])
    func neverOver(name: String) throws {
        try TemporaryFolder.with { folder in
            let there = try folder.write(Data("mine".utf8), to: name)
            #expect(throws: KeyMakingError.exists(path: folder.path(name))) {
                try KeyPairs.make(in: folder.url.path, for: [Identifier(1), node], bits: 2_048)
            }
            #expect(try String(contentsOfFile: there, encoding: .utf8) == "mine")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [name])
        }
    }

    @Test("A key file never replaces another one, however that one came to be there")
    func neverOverAtLast() throws {
        try TemporaryFolder.with { folder in
            let there = try folder.write(Data("mine".utf8), to: "x.pem")
            #expect(throws: KeyMakingError.exists(path: there)) { try Roles.device.key.write(pemFile: there) }
            #expect(try String(contentsOfFile: there, encoding: .utf8) == "mine")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["x.pem"])
        }
    }

    @Test("A size that no frame can carry is refused", arguments: [0, 1_024, 20_000])
    func size(bits: Int) {
        #expect(throws: KeyMakingError.size(bits: bits)) { try IdentityKey.make(bits: bits) }
    }

    @Test("A folder without keys, or with a key whose owner is not named, is an error for the operator")
    func keyring() throws {
        try TemporaryFolder.with { folder in
            #expect(throws: OperatorFault.self) { try KeyPairs.known(in: folder.path("nowhere")) }
            #expect(throws: OperatorFault.self) { try KeyPairs.known(in: folder.url.path) }
            try folder.write(Data(contentsOf: TestKeys.file("c2_2048.pub")), to: "server.pub.pem")
            #expect(throws: OperatorFault.self) { try KeyPairs.known(in: folder.url.path) }
        }
    }
}
