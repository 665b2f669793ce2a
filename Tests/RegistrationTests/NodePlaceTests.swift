import Foundation
import Testing

@testable import Bench
@testable import Registration

@Suite("Who enrolled an identity, and what it is called")
struct NodePlaceTests {
    private func register(_ fixture: RegistryFixture, _ members: [String: String]) -> RegistryReply {
        let key = text(RegistryFixture.device.publicKey.der)
        return fixture.post(
            "register", ["identity": RegistryFixture.id, "key": key, "type": "thing"].merging(members) { $1 })
    }

    @Test("the token's number and label are kept with the identity, also after the token is deleted; the token is not")
    func token() throws {
        try RegistryFixture.with { fixture throws in
            let place = NodePlace(name: "North gate", site: "harbour", position: "51.95,4.14")
            let token = try fixture.admin.token(.enrol, uses: 1, label: "batch 7", place: place, hours: 1)
            let number = try #require(try fixture.admin.tokens().first?.number)
            #expect(try fixture.admin.tokens().first?.place == place)
            #expect(register(fixture, ["token": token]).status == 201)
            _ = try fixture.admin.withdraw(number)
            let entry = try #require(try fixture.admin.entries().first)
            #expect(entry.token == .init(number: number, label: "batch 7") && entry.place == place)
            #expect(!RegistryEntry.json([entry]).contains(token))
            for name in try FileManager.default.contentsOfDirectory(atPath: fixture.folder.url.path) {
                let bytes = try Data(contentsOf: fixture.folder.url.appending(path: name))
                #expect(bytes.range(of: Data(token.utf8)) == nil, "\(name)")
            }
        }
    }

    @Test("what the node sends of itself completes the operator's words, and does not replace them")
    func own() throws {
        try RegistryFixture.with { fixture throws in
            let token = try fixture.admin.token(.enrol, uses: 1, place: NodePlace(name: "North gate"), hours: 1)
            #expect(register(fixture, ["token": token, "name": "me", "site": "harbour"]).status == 201)
            #expect(try fixture.admin.entries().first?.place == NodePlace(name: "North gate", site: "harbour"))
        }
        try RegistryFixture.with { fixture throws in
            #expect(register(fixture, ["name": "Kai 7 Süd"]).status == 201)
            let entry = try fixture.admin.entries().first
            #expect(entry?.place.name == "Kai 7 Süd" && entry?.token == nil)
        }
    }

    @Test(
        "text that is too long or not printable is refused, and nothing is registered",
        arguments: [
            ("name", String(repeating: "a", count: 65)), ("site", String(repeating: "ä", count: 33)), ("name", ""),
            ("position", String(repeating: "a", count: 129)), ("name", "a\u{1B}[2J"), ("site", "a\nb"),
            ("position", "a\u{202E}b"),
        ])
    func refused(member: String, value: String) throws {
        try RegistryFixture.with { fixture throws in
            let reply = register(fixture, [member: value])
            #expect(reply.status == 400 && reply.text.hasPrefix("the \(member) is not 1 to "), "\(reply.text)")
            #expect(try fixture.admin.entries().isEmpty)
        }
    }

    @Test("list --json has one object for each identity, with the documented keys and no others")
    func json() throws {
        try RegistryFixture.with { fixture throws in
            let place = NodePlace(name: "North gate", site: "harbour", position: "51.95,4.14")
            let token = try fixture.admin.token(.enrol, uses: 1, label: "batch 7", place: place, hours: 1)
            #expect(register(fixture, ["token": token]).status == 201)
            #expect(try fixture.validate().status == 200)
            #expect(try fixture.access().status == 200)
            let array = try #require(
                try JSONSerialization.jsonObject(with: Data(RegistryEntry.json(try fixture.admin.entries()).utf8))
                    as? [[String: String]])
            let first = try #require(array.first)
            let keys = [
                "identity", "state", "type", "registered", "validated", "certificate_until", "token", "token_label",
                "name", "site", "position",
            ]
            #expect(array.count == 1 && Set(first.keys) == Set(keys), "\(first)")
            #expect(first["identity"] == RegistryFixture.id && first["state"] == "validated")
            #expect(first["name"] == "North gate" && first["token_label"] == "batch 7")
            try fixture.registry.end(fixture.admin.entries()[0].identity)
            #expect(RegistryEntry.json(try fixture.admin.entries()).contains(#""state" : "revoked""#))
            #expect(RegistryEntry.json([]).filter { !$0.isWhitespace } == "[]")
        }
    }
}
