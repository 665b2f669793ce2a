import Foundation
import Keys
import Testing
import TestVectors

@testable import Registration

@Suite("Reading keys and types")
struct RegistryReadingTests {
    @Test("is for those with a reader's token, once the identity is validated")
    func reading() throws {
        try Office.with { office throws in
            let reader = try office.token(.read)
            #expect(office.register().status == 201)
            #expect(office.get("get_key/\(Office.id)", token: reader).status == 404)
            #expect(try office.validate().status == 200)
            let reply = office.get("get_key/\(Office.id)", token: reader)
            #expect(reply.status == 200)
            #expect(Data(base64Encoded: reply.text).map(Array.init) == Office.device.publicKey.pem)
            #expect(office.get("get_type/\(Office.id)", token: reader).text == "thing")
            #expect(office.get("get_type/\(Office.id)", token: try office.token(.c2)).status == 200)
        }
    }

    @Test("is for nobody without one, with an enrolment token, with one that is over, or in another form")
    func refused() throws {
        try Office.with { office throws in
            try office.enrol()
            let over = try office.token(.read, hours: 1)
            office.clock.seconds += 3_600
            for token in [nil, "", over, try office.token(.enrol), "read-00", String(repeating: "x", count: 4_000)] {
                for route in ["get_key", "get_type"] {
                    #expect(office.get("\(route)/\(Office.id)", token: token).status == 401)
                    #expect(office.get("\(route)/abc", token: token).status == 401, "nor who is registered")
                }
            }
        }
    }

    @Test("is for everybody where keys are open, and the service's and the C2 server's always are")
    func open() throws {
        try Office.with({ $0.hasOpenKeys = true }) { office throws in
            try office.enrol()
            #expect(office.get("get_key/\(Office.id)").status == 200)
            #expect(office.get("get_type/\(Office.id)").text == "thing")
            #expect(office.get("get_key/abc").status == 404)
            #expect(office.get("get_key/ABC").status == 400)
        }
        try Office.with { office throws in
            let reply = office.get("get_key/\(Office.c2.topicForm)")
            #expect(Data(base64Encoded: reply.text).map(Array.init) == Cast.c2.key.publicKey.pem)
            #expect(office.get("get_key/\(Office.service.topicForm)").status == 200)
            #expect(office.get("get_type/\(Office.c2.topicForm)").status == 401)
        }
    }
}
