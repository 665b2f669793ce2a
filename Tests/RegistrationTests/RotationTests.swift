import Enrolling
import Keys
import SRUP
import TestVectors
import Testing

@testable import Registration

@Suite("A new key for an identity")
struct RotationTests {
    private static let new = Result { try IdentityKey.make(bits: 2_048) }
    private let new: IdentityKey

    init() throws { new = try RotationTests.new.get() }

    /// A request as a device makes it, with the given thing wrong.
    private func rotate(
        _ fixture: RegistryFixture, _ id: String = RegistryFixture.id, by old: IdentityKey = RegistryFixture.device,
        to key: IdentityKey? = nil,
        over statement: [UInt8]? = nil, provedBy prover: IdentityKey? = nil
    ) throws -> RegistryReply {
        let key = key ?? new
        let identity = try #require(Identifier(hexadecimal: id))
        let statement = statement ?? Statement.rotate(identity, newKey: key.publicKey).bytes(for: RegistryFixture.place)
        return fixture.post(
            "rotate",
            [
                "identity": id, "key": text(key.publicKey.der),
                "signature": text(try old.pssSignature(over: statement)),
                "proof": text(try (prover ?? key).pssSignature(over: statement)),
            ])
    }

    @Test("replaces the old one: the new one is given out and gets certificates, and the old one is not valid")
    func replaced() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            #expect(try rotate(fixture).status == 200)
            let reader = try fixture.token(.read)
            #expect(fixture.get("get_key/\(RegistryFixture.id)", token: reader).text == text(new.publicKey.pem))
            let request = try CertificateRequest(for: RegistryFixture.second, commonName: RegistryFixture.id).pem
            #expect(try fixture.access(RegistryFixture.id, RegistryFixture.device, request: request).status == 400)
            #expect(try fixture.access(RegistryFixture.id, new, request: request).status == 200)
            #expect(try fixture.validate(RegistryFixture.id, RegistryFixture.device).status == 400)
            #expect(try fixture.validate(RegistryFixture.id, new).status == 200)
            #expect(fixture.said.contains("registry: rotated the key of \(RegistryFixture.id)"))
        }
    }

    @Test("is answered in the same way when it is repeated, and counts once")
    func again() throws {
        try RegistryFixture.with({ $0.certificatesAnHour = 1 }) { fixture throws in
            try fixture.enrol()
            for _ in 0..<3 { #expect(try rotate(fixture).status == 200) }
            #expect(fixture.said.count { $0.contains("rotated") } == 1)
        }
    }

    @Test("is refused without both signatures, each over this identity, this key and this registry")
    func signatures() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let other = Statement.rotate(Roles.device.id, newKey: RegistryFixture.stranger.publicKey).bytes(
                for: RegistryFixture.place)
            let elsewhere = [
                Array("rotate \(RegistryFixture.id) \(hexadecimal(sha256(new.publicKey.der)))".utf8),
                Statement.rotate(Roles.device.id, newKey: new.publicKey).bytes(
                    for: Statement.Service(name: "ace0000000000002", host: "localhost")),
                Statement.rotate(Roles.device.id, newKey: new.publicKey).bytes(
                    for: Statement.Service(name: RegistryFixture.service.topicForm, host: "evil.example")),
            ]
            for statement in elsewhere { #expect(try rotate(fixture, over: statement).status == 400) }
            #expect(try rotate(fixture, by: RegistryFixture.stranger).status == 400)
            #expect(try rotate(fixture, by: new).status == 400)
            #expect(try rotate(fixture, provedBy: RegistryFixture.device).status == 400)
            #expect(try rotate(fixture, over: other).status == 400)
            #expect(try rotate(fixture, over: Array("deregister \(RegistryFixture.id)".utf8)).status == 400)
            #expect(
                fixture.post("rotate", ["identity": RegistryFixture.id, "key": text(new.publicKey.der)]).status == 400)
            #expect(fixture.get("rotate").status == 405)
            #expect(try fixture.validate().status == 200, "nothing has changed")
        }
    }

    @Test("is refused for an identity that is unknown, not validated or revoked")
    func standing() throws {
        try RegistryFixture.with { fixture throws in
            #expect(try rotate(fixture).status == 400)
            #expect(fixture.register().status == 201)
            #expect(try rotate(fixture).status == 400)
            #expect(try fixture.validate().status == 200)
            try fixture.registry.end(#require(Identifier(hexadecimal: RegistryFixture.id)))
            #expect(try rotate(fixture).status == 400)
        }
    }

    @Test("cannot be a key that is or was in use: another node's, the servers', one for the broker, a former one")
    func usedKeys() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 201)
            #expect(try fixture.access().status == 200)
            for used in [RegistryFixture.stranger, RegistryFixture.second, Roles.c2.key] {
                #expect(try rotate(fixture, to: used).status == 400)
            }
            #expect(try rotate(fixture).status == 200)
            #expect(try rotate(fixture, by: new, to: RegistryFixture.device).status == 400, "back to the old one")
            #expect(fixture.register("abd", RegistryFixture.device).status == 400, "the old one for another identity")
            let request = try CertificateRequest(for: RegistryFixture.device, commonName: RegistryFixture.id).pem
            #expect(try fixture.access(RegistryFixture.id, new, request: request).status == 400)
        }
    }

    @Test("is limited a number of times an hour")
    func rate() throws {
        try RegistryFixture.with({ $0.certificatesAnHour = 1 }) { fixture throws in
            try fixture.enrol()
            #expect(try rotate(fixture).status == 200)
            let third = try IdentityKey.make(bits: 2_048)
            let refused = try rotate(fixture, by: new, to: third)
            #expect(refused.status == 429)
            #expect((1...3_600).contains(refused.retryAfter ?? 0))
            fixture.clock.seconds += 3_601
            #expect(try rotate(fixture, by: new, to: third).status == 200)
        }
    }
}
