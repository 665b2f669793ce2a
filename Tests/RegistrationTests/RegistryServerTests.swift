import Foundation
import TestVectors
import Testing

@testable import Registration

@Suite("The C2 server of the reference at the registry")
struct RegistryServerTests {
    private let server = RegistryFixture.c2.topicForm

    @Test(
        "finds itself without a token; others learn with --open-keys, or as readers, which identities are not servers")
    func check() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            #expect(fixture.get("c2_check/\(server)").status == 200)
            for id in [RegistryFixture.id, "abc"] { #expect(fixture.get("c2_check/\(id)").status == 401) }
            for role in [RegistryRole.read, .c2] {
                let token = try fixture.token(role)
                #expect(fixture.get("c2_check/\(RegistryFixture.id)", token: token).status == 400)
                #expect(fixture.get("c2_check/abc", token: token).status == 404)
            }
        }
        try RegistryFixture.with({ $0.hasOpenKeys = true }) { fixture throws in
            #expect(fixture.register().status == 201)
            #expect(fixture.get("c2_check/\(server)").status == 200)
            #expect(fixture.get("c2_check/\(RegistryFixture.id)").status == 400, "also before it is validated")
            #expect(fixture.get("c2_check/\(RegistryFixture.service.topicForm)").status == 400)
            #expect(fixture.get("c2_check/abc").status == 404 && fixture.get("c2_check/ABC").status == 400)
            #expect(fixture.post("c2_check/\(server)", [:]).status == 405)
        }
    }

    @Test(
        "is told 201 with its own key, as the reference posts it; no other server is added", arguments: ["c2/", "c2"])
    func add(path: String) throws {
        try RegistryFixture.with({ $0.hasOpenKeys = true }) { fixture throws in
            let own = text(Roles.c2.key.publicKey.der)
            func post(_ identity: String, _ key: String) -> RegistryReply {
                fixture.post(path, ["identity": identity, "key": key, "signature": "of the registry's operator"])
            }
            #expect(post(server, own).status == 201)
            #expect(post(server, text(RegistryFixture.stranger.publicKey.der)).status == 403)
            #expect(post("abc", own).status == 403 && post("abc", own).text.contains("registry init --c2"))
            #expect(post(server, "no key").status == 400)
            #expect(fixture.get(path).status == 405 && fixture.post("c2/more", [:]).status == 404)
        }
    }

    @Test(
        "gets the broker in the form that it understands where the port is 8883, and as it was written otherwise",
        arguments: [
            ("mqtts://localhost:8883", "mqtt://localhost"), ("mqtts://localhost", "mqtt://localhost"),
            ("mqtt://localhost", "mqtt://localhost"), ("mqtts://[::1]:8883", "mqtt://[::1]"),
            ("mqtts://localhost:1883", "mqtts://localhost:1883"), ("mqtt://b:1883", "mqtt://b:1883"),
        ])
    func broker(url: String, told: String) throws {
        #expect(try BrokerURL(url).reply == told)
    }
}
