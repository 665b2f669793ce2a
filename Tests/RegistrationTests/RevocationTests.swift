import enum Enrolling.Statement
import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@testable import Bench
@testable import Registration

@Suite("The end of an identity")
struct RevocationTests {
    /// Ways to end the device's identity.
    enum Way: CaseIterable { case operatorsOrder, ownWord, serversWord }

    private func end(_ office: Office, _ way: Way) throws {
        switch way {
        case .operatorsOrder: try office.registry.end(Cast.device.id)
        case .ownWord:
            let signature = try Office.device.pssSignature(
                over: Statement.deregister(Cast.device.id).bytes(for: Office.place))
            let members = ["identity": Office.id, "signature": text(signature)]
            #expect(office.post("deregister", members).text == #"{"identity":"\#(Office.id)"}"#)
            #expect(office.post("deregister", members).status == 200, "the reply may have been lost")
        case .serversWord:
            let token = try office.token(.c2)
            #expect(office.post("deregister", ["identity": Office.id], token: token).status == 200)
            #expect(office.post("deregister", ["identity": Office.id], token: token).status == 200)
        }
    }

    @Test("takes key and certificates away for ever, whoever says it", arguments: Way.allCases)
    func ends(way: Way) throws {
        try Office.with { office throws in
            try office.enrol()
            let made = try office.certificate(in: try office.access())
            try office.folder.write(Data(made.pem), to: "made.pem")
            try office.registry.care()
            let check = "verify -CAfile ca.pem -CRLfile crl.pem -crl_check made.pem"
            try office.folder.openssl(check)
            try end(office, way)
            #expect(throws: VectorFault.self, "the list names it") { try office.folder.openssl(check) }
            let reader = try office.token(.read)
            #expect(office.get("get_key/\(Office.id)", token: reader).status == 404)
            #expect(office.get("get_type/\(Office.id)", token: reader).status == 404)
            #expect(try office.access().status == 400)
            #expect(try office.validate().status == 400)
            #expect(office.register().status == 400)
            #expect(office.register(Office.id, Office.stranger).status == 400)
            #expect(office.register("abc").status == 400, "its key is nobody else's either")
            office.clock.seconds += 7_200
            try office.registry.care()
            #expect(office.register(Office.id, Office.stranger).status == 400)
        }
    }

    @Test("is nobody else's to say: another's signature, one over another text, a reader's or an enrolment token")
    func refused() throws {
        try Office.with { office throws in
            try office.enrol()
            for signature in [
                try Office.stranger.pssSignature(over: Statement.deregister(Cast.device.id).bytes(for: Office.place)),
                try Office.device.pssSignature(over: Array(Office.id.utf8)),
                try Office.device.pssSignature(over: Statement.deregister(Identifier(0xabc)).bytes(for: Office.place)),
                // Given to another registry, or to nobody in particular.
                try Office.device.pssSignature(over: Array("deregister \(Office.id)".utf8)),
                try Office.device.pssSignature(
                    over: Statement.deregister(Cast.device.id).bytes(
                        for: Statement.Service(name: "ace0000000000002", host: "localhost"))),
                try Office.device.pssSignature(
                    over: Statement.deregister(Cast.device.id).bytes(
                        for: Statement.Service(name: Office.service.topicForm, host: "evil.example"))),
            ] {
                let members = ["identity": Office.id, "signature": text(signature)]
                #expect(office.post("deregister", members).status == 400)
                // A wrong signature is not made good by a token.
                #expect(office.post("deregister", members, token: try office.token(.c2)).status == 400)
            }
            for token in [nil, "", "c2-00", try office.token(.read), try office.token(.enrol)] {
                #expect(office.post("deregister", ["identity": Office.id], token: token).status == 401)
            }
            #expect(try office.access().status == 200)
        }
    }

    @Test("is not to be had by who has proven nothing: the identity stays free for its owner")
    func waiting() throws {
        try Office.with { office throws in
            #expect(office.register(Office.id, Office.stranger).status == 201)
            let signature = try Office.stranger.pssSignature(
                over: Statement.deregister(Cast.device.id).bytes(for: Office.place))
            #expect(office.post("deregister", ["identity": Office.id, "signature": text(signature)]).status == 400)
            office.clock.seconds += 3_601
            #expect(office.register().status == 201)
        }
    }

    @Test("of nobody is an error to whoever says it")
    func unknown() throws {
        try Office.with { office throws in
            #expect(office.post("deregister", ["identity": "abc"], token: try office.token(.c2)).status == 400)
            #expect(throws: OperatorFault.self) { try office.registry.end(Identifier(0xabc)) }
        }
    }

    @Test("lists count up, and are renewed before they are over")
    func lists() throws {
        try Office.with { office throws in
            func number() throws -> String {
                String(decoding: try office.folder.openssl("crl -in crl.pem -noout -crlnumber"), as: UTF8.self)
            }
            try office.registry.care()
            let first = try number()
            try office.registry.care()
            #expect(try number() != first)
            try office.folder.openssl("crl -in crl.pem -noout -CAfile ca.pem")
        }
    }

    @Test("where the list cannot be written, nothing is revoked and the peer hears that it failed")
    func unwritable() throws {
        try Office.with { office throws in
            try office.enrol()
            let list = office.folder.path("crl.pem")
            try FileManager.default.removeItem(atPath: list)
            try FileManager.default.createDirectory(atPath: list + "/in-the-way", withIntermediateDirectories: true)
            let signature = try Office.device.pssSignature(
                over: Statement.deregister(Cast.device.id).bytes(for: Office.place))
            #expect(office.post("deregister", ["identity": Office.id, "signature": text(signature)]).status == 503)
            #expect(try office.access().status == 200)
        }
    }
}
