import Fetching
import Foundation
import Keys
import Testing
import TestVectors

@testable import Registration

@Suite("Reading keys and types")
struct RegistryReadingTests {
    @Test("needs a reader's token, and a validated identity")
    func reading() throws {
        try RegistryFixture.with { fixture throws in
            let reader = try fixture.token(.read)
            #expect(fixture.register().status == 201)
            #expect(fixture.get("get_key/\(RegistryFixture.id)", token: reader).status == 404)
            #expect(try fixture.validate().status == 200)
            let reply = fixture.get("get_key/\(RegistryFixture.id)", token: reader)
            #expect(reply.status == 200)
            #expect(Data(base64Encoded: reply.text).map(Array.init) == RegistryFixture.device.publicKey.pem)
            #expect(fixture.get("get_type/\(RegistryFixture.id)", token: reader).text == "thing")
            #expect(fixture.get("get_type/\(RegistryFixture.id)", token: try fixture.token(.c2)).status == 200)
        }
    }

    @Test("is refused without one, with an enrolment token, with an expired one, or in another form")
    func refused() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let over = try fixture.token(.read, hours: 1)
            fixture.clock.seconds += 3_600
            for token in [nil, "", over, try fixture.token(.enrol), "read-00", String(repeating: "x", count: 4_000)] {
                for route in ["get_key", "get_type"] {
                    #expect(fixture.get("\(route)/\(RegistryFixture.id)", token: token).status == 401)
                    #expect(fixture.get("\(route)/abc", token: token).status == 401, "nor which nodes are registered")
                }
            }
        }
    }

    @Test("needs no token with --open-keys, and never for the service's and the C2 server's keys")
    func open() throws {
        try RegistryFixture.with({ $0.hasOpenKeys = true }) { fixture throws in
            try fixture.enrol()
            #expect(fixture.get("get_key/\(RegistryFixture.id)").status == 200)
            #expect(fixture.get("get_type/\(RegistryFixture.id)").text == "thing")
            #expect(fixture.get("get_key/abc").status == 404)
            #expect(fixture.get("get_key/ABC").status == 400)
        }
        try RegistryFixture.with { fixture throws in
            let reply = fixture.get("get_key/\(RegistryFixture.c2.topicForm)")
            #expect(Data(base64Encoded: reply.text).map(Array.init) == Roles.c2.key.publicKey.pem)
            #expect(fixture.get("get_key/\(RegistryFixture.service.topicForm)").status == 200)
            #expect(fixture.get("get_type/\(RegistryFixture.c2.topicForm)").status == 401)
        }
    }

    @Test("of the CA's certificate needs no token: a node compares it with the fingerprint in its code")
    func authority() throws {
        try RegistryFixture.with { fixture throws in
            let reply = fixture.get("ca")
            #expect(reply.status == 200)
            let certificates = try Certificate.all(pem: Array(reply.text.utf8))
            #expect(certificates.count == 1 && certificates[0].isAuthority)
            let folder = try RegistryFolder(existing: fixture.folder.url.path)
            let code = try folder.code(at: nil, token: "enrol-1f")
            #expect(code.authority == certificates[0].fingerprint)
            #expect(code.text.hasPrefix("https://localhost:8443#ca=") && code.text.hasSuffix("&token=enrol-1f"))
            #expect(try folder.code(at: "https://[::1]:1/x/", token: nil).address.description == "https://[::1]:1/x")
            for place in ["register.example.org", "https://a@b"] {
                #expect(throws: WebAddress.Fault.self) { try folder.code(at: place, token: nil) }
            }
        }
    }
}
