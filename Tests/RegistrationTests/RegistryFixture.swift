import BootTime
import Foundation
import Keys
import SRUP
import TestVectors
import Testing
import enum Enrolling.Statement

@testable import Bench
@testable import Registration

/// A registry with the test's clock, in a folder that is removed with the test. The device is `id`; its identity key is
/// `dev_2048`, its second one `obs_2048`; the C2 server's is `c2_2048`.
final class RegistryFixture {
    static let id = "5f1e2d3c4b5a6978"
    static let c2 = Identifier(0x9a8b_7c6d_5e4f_3021)
    static let service = Identifier(0xace0_0000_0000_0001)
    /// The service's name in statements.
    static let place = Statement.Service(name: service.topicForm, host: "localhost")
    static let device = Roles.device.key
    static let second = Roles.beacon.key
    static let stranger = Roles.stranger.key

    let folder: TemporaryFolder
    let registry: Registry
    let clock: TestClock
    private let lines: Lines

    /// A folder as `registry init` creates it: keys take long to make, so there is only one.
    private static let template: [String: Data] = {
        do {
            return try TemporaryFolder.with { folder in
                let path = folder.path("registry")
                try plan(path).make(passphrase: nil)
                return try Dictionary(
                    uniqueKeysWithValues: FileManager.default.contentsOfDirectory(atPath: path).map {
                        ($0, try Data(contentsOf: URL(filePath: "\(path)/\($0)")))
                    })
            }
        } catch { preconditionFailure("no registry was made: \(error)") }
    }()

    static func plan(_ path: String) throws -> RegistryPlan {
        var plan = try RegistryPlan(
            folder: path, host: "localhost", broker: "mqtts://localhost:8883", c2: c2,
            c2KeyFile: TestKeys.file("c2_2048.pub").path)
        (plan.bits, plan.identity, plan.certifiesBroker) = (2_048, service, true)
        return plan
    }

    static func with(_ body: (RegistryFixture) throws -> Void) throws { try with(policy: RegistryPolicy(), body) }

    static func with(_ change: (inout RegistryPolicy) -> Void, _ body: (RegistryFixture) throws -> Void) throws {
        var policy = RegistryPolicy()
        change(&policy)
        try with(policy: policy, body)
    }

    private static func with(policy: RegistryPolicy, _ body: (RegistryFixture) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            for (name, data) in template { try folder.write(data, to: name) }
            try body(RegistryFixture(folder, policy))
        }
    }

    init(_ folder: TemporaryFolder, _ policy: RegistryPolicy) throws {
        self.folder = folder
        let (clock, lines) = (TestClock(), Lines())
        (self.clock, self.lines) = (clock, lines)
        registry = try Registry(
            in: RegistryFolder(existing: folder.url.path), policy: policy, passphrase: nil, clock: clock.clock
        ) { lines.all.append($0) }
    }

    var said: [String] { lines.all }

    var admin: RegistryAdmin {
        get throws { try RegistryAdmin(RegistryFolder(existing: folder.url.path), clock: clock.clock) }
    }

    func token(
        _ role: RegistryRole, type: String? = nil, uses: Int64? = nil, label: String? = nil, hours: Int64 = 1
    ) throws -> String {
        try admin.token(role, type: type, uses: uses, label: label, hours: hours)
    }

    // MARK: Requests

    func get(_ path: String, token: String? = nil) -> RegistryReply {
        registry.answer(
            RegistryRequest(
                method: "GET", path: "/KeyEx/register/\(path)", authorization: token.map { "Bearer \($0)" },
                address: "127.0.0.1"))
    }

    func post(_ path: String, raw: String, token: String? = nil) -> RegistryReply {
        registry.answer(
            RegistryRequest(
                method: "POST", path: "/KeyEx/register/\(path)", authorization: token.map { "Bearer \($0)" },
                body: Array(raw.utf8), address: "127.0.0.1"))
    }

    func post(_ path: String, _ members: [String: String], token: String? = nil) -> RegistryReply {
        guard let data = try? JSONEncoder().encode(members) else { preconditionFailure("texts make JSON") }
        return post(path, raw: String(decoding: data, as: UTF8.self), token: token)
    }

    func register(
        _ id: String = RegistryFixture.id, _ key: IdentityKey = RegistryFixture.device, type: String = "thing",
        token: String? = nil
    ) -> RegistryReply {
        var members = ["identity": id, "key": text(key.publicKey.der), "type": type]
        members["token"] = token
        return post("register", members)
    }

    func validate(_ id: String = RegistryFixture.id, _ key: IdentityKey = RegistryFixture.device) throws
        -> RegistryReply
    {
        post("validate", ["identity": id, "signature": text(try key.pssSignature(over: Array(id.utf8)))])
    }

    func access(
        _ id: String = RegistryFixture.id, _ key: IdentityKey = RegistryFixture.device, request: [UInt8]
    ) throws -> RegistryReply {
        post(
            "access",
            ["identity": id, "csr": text(request), "signature": text(try key.pssSignature(over: request))])
    }

    func access(_ second: IdentityKey = RegistryFixture.second) throws -> RegistryReply {
        try access(request: CertificateRequest(for: second, commonName: RegistryFixture.id).pem)
    }

    /// Registered and validated.
    func enrol() throws {
        #expect(register().status == 201)
        #expect(try validate().status == 200)
    }

    /// The certificate in a reply to `access`.
    func certificate(in reply: RegistryReply) throws -> Certificate {
        let members = try #require(reply.members)
        return try Certificate(pem: Array(try #require(Data(base64Encoded: members["certificate"] ?? ""))))
    }
}

func text(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

/// The test's time. `@unchecked Sendable`: a test uses it on one thread.
final class TestClock: @unchecked Sendable {
    var seconds = Int64(Date().timeIntervalSince1970)

    var clock: RegistryClock {
        RegistryClock(seconds: { self.seconds }, now: { Instant(.seconds(self.seconds)) })
    }
}

/// What was logged. `@unchecked Sendable`: a test uses it on one thread.
private final class Lines: @unchecked Sendable { var all: [String] = [] }

extension RegistryReply {
    var text: String { String(decoding: body, as: UTF8.self) }
    var members: [String: String]? { try? JSONDecoder().decode([String: String].self, from: Data(body)) }
}
