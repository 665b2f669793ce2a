import enum Enrolling.Statement
import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@testable import Registration

@Suite("Registering")
struct RegisterTests {
    @Test("status says that the service is active, and gives its identity")
    func status() throws {
        try RegistryFixture.with { fixture throws in
            let text = #"{"active":true,"identity":"ace0000000000001","statements":"named"}"#
            #expect(fixture.get("status").text == text)
            #expect(fixture.get("status").status == 200)
        }
        try RegistryFixture.with({ $0.isActive = false }) { fixture throws in
            let text = #"{"active":false,"identity":"ace0000000000001","statements":"named"}"#
            #expect(fixture.get("status").text == text)
            #expect(fixture.register().status == 403)
        }
    }

    @Test("a device is told the broker, the C2 server and its key, and gets the same answer if it asks again")
    func good() throws {
        try RegistryFixture.with { fixture throws in
            let first = fixture.register()
            #expect(first.status == 201)
            let key = text(try TestKeys.publicKey("c2_2048").pem)
            #expect(
                first.members
                    == ["broker": "mqtt://localhost", "default_c2": "9a8b7c6d5e4f3021", "key": key])
            #expect(fixture.register() == first)
            #expect(try fixture.validate().status == 200)
            #expect(fixture.register() == first)
        }
    }

    @Test("base64 may be broken into lines, and unknown members are ignored")
    func lines() throws {
        try RegistryFixture.with { fixture throws in
            let key = Data(RegistryFixture.device.publicKey.der).base64EncodedString(
                options: [.lineLength76Characters, .endLineWithLineFeed])
            let members = ["identity": RegistryFixture.id, "key": key + "\n", "type": "thing", "colour": "red"]
            #expect(fixture.post("register", members).status == 201)
        }
    }

    @Test(
        "an identity in another form than that of topics is refused",
        arguments: ["", "0", "f", "05", "5F1E", "5f1e ", "0x5f", "5f1e2d3c4b5a69780", "５", "../x", "g1"])
    func identity(text: String) throws {
        try RegistryFixture.with { fixture throws in #expect(fixture.register(text).status == 400) }
    }

    @Test("10 is the smallest identity that is registered")
    func smallest() throws {
        try RegistryFixture.with { fixture throws in #expect(fixture.register("10").status == 201) }
    }

    @Test(
        "a body that is not an object of strings, or lacks one, is refused",
        arguments: [
            "", "null", "[]", "1", "{", "{}", #"{"identity": "5f"}"#, #"{"identity": 5, "key": "a", "type": "b"}"#,
            #"{"identity": "5f", "key": null, "type": "b"}"#, #"{"identity": "5f", "key": ["a"], "type": "b"}"#,
            #"{"identity": "5f", "key": "AAAA"}"#, #"{"identity": "5f", "key": "AAAA", "type": "b", "token": 1}"#,
        ])
    func shapes(body: String) throws {
        try RegistryFixture.with { fixture throws in
            for route in ["register", "validate", "access"] {
                #expect(fixture.post(route, raw: body).status == 400, "\(route)")
            }
        }
    }

    @Test("a body that is nested too deeply is refused without recursion")
    func deep() throws {
        try RegistryFixture.with { fixture throws in
            let body = String(repeating: "[", count: 60_000)
            #expect(fixture.post("register", raw: body).status == 400)
        }
    }

    @Test("a key that is not base64, not a key, too small, too large, or of another kind is refused")
    func keys() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.folder.openssl("genrsa -out weak.pem 1024")
            let weak = try fixture.folder.openssl("rsa -in weak.pem -pubout -outform DER")
            try fixture.folder.openssl("ecparam -name prime256v1 -genkey -noout -out ec.pem")
            let curve = try fixture.folder.openssl("ec -in ec.pem -pubout -outform DER")
            let good = RegistryFixture.device.publicKey.der
            let large = [UInt8](repeating: 0x30, count: 1_101)
            for key in ["*", "AAA", "", text(weak), text(curve), text(good + [0]), text(good.dropLast()), text(large)] {
                let reply = fixture.post("register", ["identity": RegistryFixture.id, "key": key, "type": "thing"])
                #expect(reply.status == 400, "\(key.prefix(20))")
            }
            #expect(fixture.get("status").status == 200)
        }
    }

    @Test("a type is 1 to 64 printable characters", arguments: ["", "a\nb", "ü", String(repeating: "a", count: 65)])
    func types(type: String) throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register(type: type).status == 400)
            #expect(fixture.register(type: String(repeating: "a", count: 64)).status == 201)
        }
    }

    @Test("an identity is registered once: with another key or type it is refused")
    func duplicates() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register().status == 201)
            #expect(fixture.register(RegistryFixture.id, RegistryFixture.stranger).status == 400)
            #expect(fixture.register(type: "other").status == 400)
            #expect(try fixture.validate(RegistryFixture.id, RegistryFixture.stranger).status == 400)
            #expect(try fixture.validate().status == 200)
        }
    }

    @Test("a key belongs to one identity only, and nobody can register the service's or the C2 server's key")
    func reserved() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register().status == 201)
            #expect(fixture.register("abc").status == 400)
            #expect(fixture.register("abc", Roles.c2.key).status == 400)
            #expect(fixture.register(RegistryFixture.c2.topicForm, RegistryFixture.stranger).status == 400)
            #expect(fixture.register(RegistryFixture.service.topicForm, RegistryFixture.stranger).status == 400)
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 201)
        }
    }

    @Test("an identity whose key is not proved in time is forgotten, and free again")
    func forgotten() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register().status == 201)
            fixture.clock.seconds += 3_601
            #expect(try fixture.validate().status == 400)
            #expect(fixture.register(RegistryFixture.id, RegistryFixture.stranger).status == 201)
            #expect(try fixture.validate(RegistryFixture.id, RegistryFixture.stranger).status == 200)
            fixture.clock.seconds += 100_000
            #expect(fixture.register(RegistryFixture.id, RegistryFixture.device).status == 400)
        }
    }

    @Test("a limited number of identities can wait for validation")
    func waiting() throws {
        try RegistryFixture.with({ $0.mostWaiting = 1 }) { fixture throws in
            #expect(fixture.register().status == 201)
            let refused = fixture.register("abc", RegistryFixture.stranger)
            #expect(refused.status == 503)
            #expect(refused.retryAfter != nil)
            #expect(try fixture.validate().status == 200)
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 201)
        }
    }

    @Test("a limited number of identities is known, including revoked ones; known ones are still served")
    func all() throws {
        try RegistryFixture.with({ $0.mostIdentities = 1 }) { fixture throws in
            #expect(fixture.register().status == 201)
            #expect(try fixture.validate().status == 200)
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 503)
            #expect(fixture.register().status == 201)
            #expect(try fixture.access().status == 200)
            _ = try fixture.registry.revoke(Roles.device.id)
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 503)
        }
    }

    @Test("a signature by another key, over another text, in another scheme, or of another length validates nothing")
    func badSignatures() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register().status == 201)
            let id = Array(RegistryFixture.id.utf8)
            let good = try RegistryFixture.device.pssSignature(over: id)
            let bad = [
                try RegistryFixture.stranger.pssSignature(over: id),
                try RegistryFixture.device.pssSignature(over: id + [10]),
                try RegistryFixture.device.signature(over: [id[...]]), good.dropLast(), good + [0],
                [good[0] ^ 1] + good.dropFirst(), [],
            ]
            for signature in bad {
                let reply = fixture.post(
                    "validate", ["identity": RegistryFixture.id, "signature": text(Array(signature))])
                #expect(reply.status == 400)
            }
            #expect(try fixture.access().status == 400)
            #expect(try fixture.validate("abc").status == 400)
        }
    }

    @Test("a key with a huge public exponent is refused, since it would make each signature check slow")
    func exponent() throws {
        try RegistryFixture.with { fixture throws in
            let key = try fixture.folder.openssl(
                "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:18446744073709551629")
            try fixture.folder.write(Data(key), to: "huge.pem")
            let der = try fixture.folder.openssl("pkey -in huge.pem -pubout -outform DER")
            let reply = fixture.post("register", ["identity": RegistryFixture.id, "key": text(der), "type": "thing"])
            #expect(reply.status == 400)
            #expect(reply.text == "the key: its public exponent is not an odd number from 3 to 2^64")
        }
    }

    @Test("a validation names this registry; one that names another, or was given to another, validates nothing")
    func named() throws {
        try RegistryFixture.with({ $0.needsNamedStatements = true }) { fixture throws in
            #expect(fixture.register().status == 201)
            #expect(fixture.get("status").members?["statements"] == nil, "not all of it is text")
            #expect(fixture.get("status").text.contains(#""statements":"named""#))
            let identity = Roles.device.id
            let elsewhere = [
                Statement.Service(name: "ace0000000000002", host: "localhost"),
                Statement.Service(name: RegistryFixture.service.topicForm, host: "evil.example"),
            ]
            for service in elsewhere {
                for name in [service.name, RegistryFixture.service.topicForm] {
                    let signature = try RegistryFixture.device.pssSignature(
                        over: Statement.validate(identity).bytes(for: service))
                    let reply = fixture.post(
                        "validate", ["identity": RegistryFixture.id, "registry": name, "signature": text(signature)])
                    #expect(reply.status == 400)
                }
            }
            #expect(try fixture.validate().status == 400, "the reference's names no node")
            let signature = try RegistryFixture.device.pssSignature(
                over: Statement.validate(identity).bytes(for: RegistryFixture.place))
            let members = [
                "identity": RegistryFixture.id, "registry": RegistryFixture.service.topicForm,
                "signature": text(signature),
            ]
            #expect(fixture.post("validate", members).status == 200)
            #expect(
                String(decoding: Statement.validate(identity).bytes(for: RegistryFixture.place), as: UTF8.self)
                    == "validate 5f1e2d3c4b5a6978 at ace0000000000001 on localhost")
        }
    }

    @Test("the service proves its own key in return")
    func ownProof() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register().status == 201)
            let members = try #require(try fixture.validate().members)
            #expect(members["identity"] == RegistryFixture.service.topicForm)
            let pem = try #require(
                Data(base64Encoded: fixture.get("get_key/\(RegistryFixture.service.topicForm)").text))
            let signature = try #require(Data(base64Encoded: members["signature"] ?? ""))
            #expect(
                try PublicKey(pem: Array(pem))
                    .verifiesPSS(Array(signature), over: Array(RegistryFixture.service.topicForm.utf8)))
        }
    }
}
