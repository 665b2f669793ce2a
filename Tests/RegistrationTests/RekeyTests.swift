import OperatorText
import enum Enrolling.Statement
import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@testable import Registration

@Suite("A new key for an identity whose key is lost")
struct RekeyTests {
    private let id = RegistryFixture.id

    @Test("the token registers the new key once; the old key and its certificates end with the order")
    func whole() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let old = try fixture.certificate(in: try fixture.access())
            try fixture.folder.write(Data(old.pem), to: "old.pem")
            let check = "verify -CAfile ca.pem -CRLfile crl.pem -crl_check "
            let token = try fixture.registry.rekey(Roles.device.id, hours: 1)
            #expect(throws: VectorFault.self, "the list names it") { try fixture.folder.openssl(check + "old.pem") }
            let reader = try fixture.token(.read)
            #expect(fixture.get("get_key/\(id)", token: reader).status == 404)
            // The old key does nothing any more.
            #expect(try fixture.access().status == 400)
            #expect(try fixture.validate().status == 400)
            let resignation = try RegistryFixture.device.pssSignature(
                over: Statement.deregister(Roles.device.id).bytes(for: RegistryFixture.place))
            #expect(fixture.post("deregister", ["identity": id, "signature": text(resignation)]).status == 400)
            #expect(
                fixture.register(token: token).text == "the key is or was used for something else; a new one is needed")

            #expect(fixture.register(id, RegistryFixture.stranger, token: token).status == 201)
            #expect(
                fixture.register(id, RegistryFixture.stranger, token: token).status == 201,
                "the reply may have been lost")
            #expect(fixture.get("get_key/\(id)", token: reader).status == 404, "the new key is not proven yet")
            #expect(try fixture.validate(id, RegistryFixture.stranger).status == 200)
            #expect(fixture.get("get_key/\(id)", token: reader).text == text(RegistryFixture.stranger.publicKey.pem))
            let request = try CertificateRequest(for: RegistryFixture.second, commonName: id).pem
            let made = try fixture.certificate(in: try fixture.access(id, RegistryFixture.stranger, request: request))
            try fixture.folder.write(Data(made.pem), to: "new.pem")
            try fixture.registry.maintain(writesList: true)
            try fixture.folder.openssl(check + "new.pem")
            // The token is used up, and the old key can never be registered again.
            #expect(fixture.register(id, Roles.c2.key, token: token).status == 400)
            #expect(fixture.register("abc", token: nil).status == 400)
        }
    }

    @Test("no other token, no other identity, no other type and no token at all will do")
    func refused() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let earlier = try fixture.registry.rekey(Roles.device.id, hours: 1)
            let token = try fixture.registry.rekey(Roles.device.id, hours: 1)
            let key = RegistryFixture.stranger
            for wrong in [nil, "", earlier, try fixture.token(.enrol), try fixture.token(.read)] {
                #expect(fixture.register(id, key, token: wrong).status == 403, "\(wrong ?? "none")")
            }
            #expect(fixture.register("abc", key, token: token).status == 403, "it registers no new identity")
            #expect(fixture.register(id, key, type: "lamp", token: token).status == 400)
            #expect(fixture.get("get_key/\(id)", token: token).status == 401)
            fixture.clock.seconds += 3_601
            #expect(fixture.register(id, key, token: token).status == 403, "it has expired")
            let again = try fixture.registry.rekey(Roles.device.id, hours: 1)
            #expect(fixture.register(id, key, token: again).status == 201)
        }
    }

    @Test("an identity that waits for a new key, or has not proven it, is never free for others")
    func neverFree() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            var token = try fixture.registry.rekey(Roles.device.id, hours: 1)
            fixture.clock.seconds += 7_200
            try fixture.registry.maintain()
            #expect(fixture.register(id, RegistryFixture.stranger).status == 403)
            token = try fixture.registry.rekey(Roles.device.id, hours: 1)
            #expect(fixture.register(id, RegistryFixture.stranger, token: token).status == 201)
            fixture.clock.seconds += 7_200
            try fixture.registry.maintain()
            #expect(fixture.register(id, Roles.c2.key).status == 400)
            #expect(fixture.register(id, RegistryFixture.second).status == 400)
            #expect(try fixture.validate(id, RegistryFixture.stranger).status == 400, "the time to prove it is over")
            token = try fixture.registry.rekey(Roles.device.id, hours: 1)
            #expect(fixture.register(id, RegistryFixture.second, token: token).status == 201)
            #expect(try fixture.validate(id, RegistryFixture.second).status == 200)
        }
    }

    @Test("one that is unknown or revoked gets none")
    func unknown() throws {
        try RegistryFixture.with { fixture throws in
            #expect(throws: OperatorFault.self) { try fixture.registry.rekey(Roles.device.id, hours: 1) }
            try fixture.enrol()
            try fixture.registry.end(Roles.device.id)
            let fault = #expect(throws: OperatorFault.self) { try fixture.registry.rekey(Roles.device.id, hours: 1) }
            #expect(fault?.message.contains("permanent") == true)
        }
    }
}
