import OperatorText
import enum Enrolling.Statement
import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@testable import Bench
@testable import Registration

@Suite("Revoking and deregistering an identity")
struct RevocationTests {
    /// Ways to end the device's identity.
    enum Way: CaseIterable { case operatorsOrder, ownWord, serversWord }

    private func end(_ fixture: RegistryFixture, _ way: Way) throws {
        switch way {
        case .operatorsOrder: try fixture.registry.end(Roles.device.id)
        case .ownWord:
            let signature = try RegistryFixture.device.pssSignature(
                over: Statement.deregister(Roles.device.id).bytes(for: RegistryFixture.place))
            let members = ["identity": RegistryFixture.id, "signature": text(signature)]
            #expect(fixture.post("deregister", members).text == #"{"identity":"\#(RegistryFixture.id)"}"#)
            #expect(fixture.post("deregister", members).status == 200, "the reply may have been lost")
        case .serversWord:
            let token = try fixture.token(.c2)
            #expect(fixture.post("deregister", ["identity": RegistryFixture.id], token: token).status == 200)
            #expect(fixture.post("deregister", ["identity": RegistryFixture.id], token: token).status == 200)
        }
    }

    @Test("removes key and certificates permanently, in each of the ways to request it", arguments: Way.allCases)
    func ends(way: Way) throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let made = try fixture.certificate(in: try fixture.access())
            try fixture.folder.write(Data(made.pem), to: "made.pem")
            try fixture.registry.maintain()
            let check = "verify -CAfile ca.pem -CRLfile crl.pem -crl_check made.pem"
            try fixture.folder.openssl(check)
            try end(fixture, way)
            #expect(throws: VectorFault.self, "the list names it") { try fixture.folder.openssl(check) }
            let reader = try fixture.token(.read)
            #expect(fixture.get("get_key/\(RegistryFixture.id)", token: reader).status == 404)
            #expect(fixture.get("get_type/\(RegistryFixture.id)", token: reader).status == 404)
            #expect(try fixture.access().status == 400)
            #expect(try fixture.validate().status == 400)
            #expect(fixture.register().status == 400)
            #expect(fixture.register(RegistryFixture.id, RegistryFixture.stranger).status == 400)
            #expect(fixture.register("abc").status == 400, "its key cannot be registered by another node either")
            fixture.clock.seconds += 7_200
            try fixture.registry.maintain()
            #expect(fixture.register(RegistryFixture.id, RegistryFixture.stranger).status == 400)
        }
    }

    @Test("is refused with another's signature, one over another text, a reader's or an enrolment token")
    func refused() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            for signature in [
                try RegistryFixture.stranger.pssSignature(
                    over: Statement.deregister(Roles.device.id).bytes(for: RegistryFixture.place)),
                try RegistryFixture.device.pssSignature(over: Array(RegistryFixture.id.utf8)),
                try RegistryFixture.device.pssSignature(
                    over: Statement.deregister(Identifier(0xabc)).bytes(for: RegistryFixture.place)),
                // For another registry, or without a recipient.
                try RegistryFixture.device.pssSignature(over: Array("deregister \(RegistryFixture.id)".utf8)),
                try RegistryFixture.device.pssSignature(
                    over: Statement.deregister(Roles.device.id).bytes(
                        for: Statement.Service(name: "ace0000000000002", host: "localhost"))),
                try RegistryFixture.device.pssSignature(
                    over: Statement.deregister(Roles.device.id).bytes(
                        for: Statement.Service(name: RegistryFixture.service.topicForm, host: "evil.example"))),
            ] {
                let members = ["identity": RegistryFixture.id, "signature": text(signature)]
                #expect(fixture.post("deregister", members).status == 400)
                // A token does not make up for a wrong signature.
                #expect(fixture.post("deregister", members, token: try fixture.token(.c2)).status == 400)
            }
            for token in [nil, "", "c2-00", try fixture.token(.read), try fixture.token(.enrol)] {
                #expect(fixture.post("deregister", ["identity": RegistryFixture.id], token: token).status == 401)
            }
            #expect(try fixture.access().status == 200)
        }
    }

    @Test("is refused without a validation: the identity stays free for its owner")
    func waiting() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register(RegistryFixture.id, RegistryFixture.stranger).status == 201)
            let signature = try RegistryFixture.stranger.pssSignature(
                over: Statement.deregister(Roles.device.id).bytes(for: RegistryFixture.place))
            #expect(
                fixture.post("deregister", ["identity": RegistryFixture.id, "signature": text(signature)]).status == 400
            )
            fixture.clock.seconds += 3_601
            #expect(fixture.register().status == 201)
        }
    }

    @Test("of an unknown identity is an error")
    func unknown() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.post("deregister", ["identity": "abc"], token: try fixture.token(.c2)).status == 400)
            #expect(throws: OperatorFault.self) { try fixture.registry.end(Identifier(0xabc)) }
        }
    }

    @Test(
        "revocation lists have rising numbers, and are renewed each day, 29 days before they expire; a missing one at once"
    )
    func lists() throws {
        try RegistryFixture.with { fixture throws in
            func number() throws -> Int64 { try #require(try fixture.registry.list()).number }
            try fixture.registry.maintain(writesList: true)
            let (first, start) = (try number(), fixture.clock.seconds)
            #expect(try fixture.registry.list()?.end == start + 30 * 86_400)
            let shown = try fixture.folder.openssl("crl -in crl.pem -noout -CAfile ca.pem -crlnumber")
            #expect(
                String(decoding: shown, as: UTF8.self).uppercased().contains(
                    "\(String(first, radix: 16, uppercase: true))\n"))
            fixture.clock.seconds = start + 86_399
            try fixture.registry.maintain()
            #expect(try number() == first)
            fixture.clock.seconds = start + 86_400
            try fixture.registry.maintain()
            #expect(try number() == first + 1)
            #expect(try fixture.registry.list()?.end == start + 31 * 86_400)
            try FileManager.default.removeItem(atPath: fixture.folder.path("crl.pem"))
            try fixture.registry.maintain()
            #expect(try number() == first + 2)
            try fixture.folder.openssl("crl -in crl.pem -noout -CAfile ca.pem")
            // Another process, as of `revoke`.
            try fixture.enrol()
            try RegistryFixture(fixture.folder, RegistryPolicy()).registry.end(Roles.device.id)
            #expect(try number() == first + 3)
        }
    }

    @Test("if the list cannot be written, nothing is revoked and the peer gets an error")
    func unwritable() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let list = fixture.folder.path("crl.pem")
            try FileManager.default.removeItem(atPath: list)
            try FileManager.default.createDirectory(atPath: list + "/in-the-way", withIntermediateDirectories: true)
            let signature = try RegistryFixture.device.pssSignature(
                over: Statement.deregister(Roles.device.id).bytes(for: RegistryFixture.place))
            #expect(
                fixture.post("deregister", ["identity": RegistryFixture.id, "signature": text(signature)]).status == 503
            )
            #expect(try fixture.access().status == 200)
        }
    }
}
