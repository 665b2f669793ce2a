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

    /// A request as a device makes it, with whatever is to be wrong with it.
    private func rotate(
        _ office: Office, _ id: String = Office.id, by old: IdentityKey = Office.device, to key: IdentityKey? = nil,
        over statement: [UInt8]? = nil, provedBy prover: IdentityKey? = nil
    ) throws -> RegistryReply {
        let key = key ?? new
        let identity = try #require(Identifier(hexadecimal: id))
        let statement = statement ?? Statement.rotate(identity, newKey: key.publicKey).bytes(for: Office.place)
        return office.post(
            "rotate",
            [
                "identity": id, "key": text(key.publicKey.der),
                "signature": text(try old.pssSignature(over: statement)),
                "proof": text(try (prover ?? key).pssSignature(over: statement)),
            ])
    }

    @Test("takes the old one's place: the new one is given out, gets certificates, and the old one counts for nothing")
    func replaced() throws {
        try Office.with { office throws in
            try office.enrol()
            #expect(try rotate(office).status == 200)
            let reader = try office.token(.read)
            #expect(office.get("get_key/\(Office.id)", token: reader).text == text(new.publicKey.pem))
            let request = try CertificateRequest(for: Office.second, commonName: Office.id).pem
            #expect(try office.access(Office.id, Office.device, request: request).status == 400)
            #expect(try office.access(Office.id, new, request: request).status == 200)
            #expect(try office.validate(Office.id, Office.device).status == 400)
            #expect(try office.validate(Office.id, new).status == 200)
            #expect(office.said.contains("registry: rotated the key of \(Office.id)"))
        }
    }

    @Test("is answered in the same way when it is asked for again, and counts once")
    func again() throws {
        try Office.with({ $0.certificatesAnHour = 1 }) { office throws in
            try office.enrol()
            for _ in 0..<3 { #expect(try rotate(office).status == 200) }
            #expect(office.said.count { $0.contains("rotated") } == 1)
        }
    }

    @Test("is refused without both signatures, each over this identity, this key and this registry")
    func signatures() throws {
        try Office.with { office throws in
            try office.enrol()
            let other = Statement.rotate(Cast.device.id, newKey: Office.stranger.publicKey).bytes(for: Office.place)
            let elsewhere = [
                Array("rotate \(Office.id) \(hexadecimal(sha256(new.publicKey.der)))".utf8),
                Statement.rotate(Cast.device.id, newKey: new.publicKey).bytes(
                    for: Statement.Service(name: "ace0000000000002", host: "localhost")),
                Statement.rotate(Cast.device.id, newKey: new.publicKey).bytes(
                    for: Statement.Service(name: Office.service.topicForm, host: "evil.example")),
            ]
            for statement in elsewhere { #expect(try rotate(office, over: statement).status == 400) }
            #expect(try rotate(office, by: Office.stranger).status == 400)
            #expect(try rotate(office, by: new).status == 400)
            #expect(try rotate(office, provedBy: Office.device).status == 400)
            #expect(try rotate(office, over: other).status == 400)
            #expect(try rotate(office, over: Array("deregister \(Office.id)".utf8)).status == 400)
            #expect(office.post("rotate", ["identity": Office.id, "key": text(new.publicKey.der)]).status == 400)
            #expect(office.get("rotate").status == 405)
            #expect(try office.validate().status == 200, "nothing has changed")
        }
    }

    @Test("is refused for who is unknown, not validated or revoked")
    func standing() throws {
        try Office.with { office throws in
            #expect(try rotate(office).status == 400)
            #expect(office.register().status == 201)
            #expect(try rotate(office).status == 400)
            #expect(try office.validate().status == 200)
            try office.registry.end(#require(Identifier(hexadecimal: Office.id)))
            #expect(try rotate(office).status == 400)
        }
    }

    @Test("is never a key that is, or was, in use: another's, the servers', one for the broker, a former one")
    func usedKeys() throws {
        try Office.with { office throws in
            try office.enrol()
            #expect(office.register("abc", Office.stranger).status == 201)
            #expect(try office.access().status == 200)
            for used in [Office.stranger, Office.second, Cast.c2.key] {
                #expect(try rotate(office, to: used).status == 400)
            }
            #expect(try rotate(office).status == 200)
            #expect(try rotate(office, by: new, to: Office.device).status == 400, "back to the old one")
            #expect(office.register("abd", Office.device).status == 400, "the old one for another identity")
            let request = try CertificateRequest(for: Office.device, commonName: Office.id).pem
            #expect(try office.access(Office.id, new, request: request).status == 400)
        }
    }

    @Test("comes so often an hour")
    func rate() throws {
        try Office.with({ $0.certificatesAnHour = 1 }) { office throws in
            try office.enrol()
            #expect(try rotate(office).status == 200)
            let third = try IdentityKey.make(bits: 2_048)
            let refused = try rotate(office, by: new, to: third)
            #expect(refused.status == 429)
            #expect((1...3_600).contains(refused.retryAfter ?? 0))
            office.clock.seconds += 3_601
            #expect(try rotate(office, by: new, to: third).status == 200)
        }
    }
}
