import Keys
import Enrolling
import Fetching
import Foundation
import OperatorText
import SRUP
import Synchronization
import TestVectors
import Testing

@Suite("An enrolment, without a network")
struct EnrolmentTests {
    private func enrolment(
        in path: String, answering answer: @escaping @Sendable (Registry.Question) throws(HTTPFault) -> HTTPReply
    ) -> Enrolment {
        Enrolment(folder: CredentialFolder(path: path), registry: Registry(asking: answer)) { _ in }
    }

    private func wish() throws -> Enrolment.Wish {
        var wish = Enrolment.Wish(address: try WebAddress("https://register.example"))
        wish.bits = 2_048
        return wish
    }

    private static let active = HTTPReply(status: 200, body: Array(#"{"active": true, "identity": "5e"}"#.utf8))
    private static let unknown = HTTPReply(status: 404, body: [])

    @Test("a service that does not answer leaves nothing behind")
    func unreachable() throws {
        try TemporaryFolder.with { folder in
            let enrolment = enrolment(in: folder.path("keys")) { _ throws(HTTPFault) in throw .unknownHost("x") }
            #expect(throws: OperatorFault.self) { try enrolment.run(wish(), authority: nil, now: 0) }
            #expect(!FileManager.default.fileExists(atPath: folder.path("keys")))
        }
    }

    @Test("later attempts use the identity and the key of the first one")
    func sameIdentity() throws {
        try TemporaryFolder.with { folder in
            let asked = Mutex<[[UInt8]]>([])
            let enrolment = enrolment(in: folder.path("keys")) { question throws(HTTPFault) in
                switch question {
                case .get("status"): return EnrolmentTests.active
                case .post("register", let body):
                    asked.withLock { $0.append(body) }
                    throw .tooSlow("no reply")
                default: return EnrolmentTests.unknown
                }
            }
            for _ in 0..<3 {
                #expect(throws: OperatorFault.self) { try enrolment.run(wish(), authority: nil, now: 0) }
            }
            let bodies = asked.withLock { $0 }
            #expect(bodies.count == 3)
            #expect(Set(bodies).count == 1)
            let identity = try #require(try Enrolment.identity(in: CredentialFolder(path: folder.path("keys"))))
            #expect(identity.number >= 0x10)
        }
    }

    @Test("a damaged or invalid record is refused and not overwritten")
    func damaged() throws {
        for content in ["", "{}", "{\"identity\": \"../x\"}", String(repeating: "[", count: 5_000)] {
            try TemporaryFolder.with { folder in
                try FileManager.default.createDirectory(
                    atPath: folder.path("keys"), withIntermediateDirectories: false,
                    attributes: [.posixPermissions: 0o700])
                try folder.write(Data(content.utf8), to: "keys/enrolment.json")
                let enrolment = enrolment(in: folder.path("keys")) { _ in EnrolmentTests.active }
                #expect(throws: OperatorFault.self) { try enrolment.run(wish(), authority: nil, now: 0) }
                #expect(try String(contentsOfFile: folder.path("keys/enrolment.json"), encoding: .utf8) == content)
            }
        }
    }

    @Test("a folder that is open to others is refused, and so is a key without a known identity")
    func places() throws {
        try TemporaryFolder.with { folder in
            let keys = folder.path("keys")
            try FileManager.default.createDirectory(
                atPath: keys, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o750])
            let enrolment = enrolment(in: keys) { _ in EnrolmentTests.active }
            let open = #expect(throws: OperatorFault.self) { try enrolment.run(wish(), authority: nil, now: 0) }
            #expect(open?.hint(for: .beacon) == "restrict it: chmod 0700 \(keys)")
            try folder.set(mode: 0o700, of: "keys")
            _ = try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"), as: "keys/identity.key.pem")
            let unnamed = #expect(throws: OperatorFault.self) { try enrolment.run(wish(), authority: nil, now: 0) }
            #expect(unnamed?.message.contains("nothing says whose it is") == true)
        }
    }

    @Test("a partial key of a killed process is removed, and nothing else")
    func leftovers() throws {
        try TemporaryFolder.with { folder in
            let keys = folder.path("keys")
            try FileManager.default.createDirectory(
                atPath: keys, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            try folder.write(Data(), to: "keys/identity.key.pem.0123456789abcdef")
            try folder.write(Data(), to: "keys/notes.pem.mine")
            let enrolment = enrolment(in: keys) { question throws(HTTPFault) in
                guard question == .get("status") else { throw .tooSlow("") }
                return EnrolmentTests.active
            }
            #expect(throws: OperatorFault.self) { try enrolment.run(wish(), authority: nil, now: 0) }
            let names = try FileManager.default.contentsOfDirectory(atPath: keys)
            #expect(!names.contains("identity.key.pem.0123456789abcdef"))
            #expect(names.contains("notes.pem.mine"))
        }
    }
}
