import enum Enrolling.Statement
import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@testable import Registration

@Suite("Registering")
struct RegisterTests {
    @Test("status says that we register, and who we are")
    func status() throws {
        try Office.with { office throws in
            let text = #"{"active":true,"identity":"ace0000000000001","statements":"named"}"#
            #expect(office.get("status").text == text)
            #expect(office.get("status").status == 200)
        }
        try Office.with({ $0.isActive = false }) { office throws in
            let text = #"{"active":false,"identity":"ace0000000000001","statements":"named"}"#
            #expect(office.get("status").text == text)
            #expect(office.register().status == 403)
        }
    }

    @Test("a device is told the broker, the C2 server and its key; the same again is told the same, at any time")
    func good() throws {
        try Office.with { office throws in
            let first = office.register()
            #expect(first.status == 201)
            let key = text(try TestKeys.publicKey("c2_2048").pem)
            #expect(
                first.members
                    == ["broker": "mqtts://localhost:8883", "default_c2": "9a8b7c6d5e4f3021", "key": key])
            #expect(office.register() == first)
            #expect(try office.validate().status == 200)
            #expect(office.register() == first)
        }
    }

    @Test("base64 may be broken into lines, and members that nobody knows are ignored")
    func lines() throws {
        try Office.with { office throws in
            let key = Data(Office.device.publicKey.der).base64EncodedString(
                options: [.lineLength76Characters, .endLineWithLineFeed])
            let members = ["identity": Office.id, "key": key + "\n", "type": "thing", "colour": "red"]
            #expect(office.post("register", members).status == 201)
        }
    }

    @Test(
        "an identity in another form than topics have is refused",
        arguments: ["", "0", "f", "05", "5F1E", "5f1e ", "0x5f", "5f1e2d3c4b5a69780", "５", "../x", "g1"])
    func identity(text: String) throws {
        try Office.with { office throws in #expect(office.register(text).status == 400) }
    }

    @Test("10 is the smallest identity that is registered")
    func smallest() throws {
        try Office.with { office throws in #expect(office.register("10").status == 201) }
    }

    @Test(
        "a body that is no object of texts, or lacks one, is refused",
        arguments: [
            "", "null", "[]", "1", "{", "{}", #"{"identity": "5f"}"#, #"{"identity": 5, "key": "a", "type": "b"}"#,
            #"{"identity": "5f", "key": null, "type": "b"}"#, #"{"identity": "5f", "key": ["a"], "type": "b"}"#,
            #"{"identity": "5f", "key": "AAAA"}"#, #"{"identity": "5f", "key": "AAAA", "type": "b", "token": 1}"#,
        ])
    func shapes(body: String) throws {
        try Office.with { office throws in
            for route in ["register", "validate", "access"] {
                #expect(office.post(route, raw: body).status == 400, "\(route)")
            }
        }
    }

    @Test("a body that is deeper than a stack is refused, not recursed into")
    func deep() throws {
        try Office.with { office throws in
            let body = String(repeating: "[", count: 60_000)
            #expect(office.post("register", raw: body).status == 400)
        }
    }

    @Test("a key that is no base64, no key, too small, too large, or of another kind is refused")
    func keys() throws {
        try Office.with { office throws in
            try office.folder.openssl("genrsa -out weak.pem 1024")
            let weak = try office.folder.openssl("rsa -in weak.pem -pubout -outform DER")
            try office.folder.openssl("ecparam -name prime256v1 -genkey -noout -out ec.pem")
            let curve = try office.folder.openssl("ec -in ec.pem -pubout -outform DER")
            let good = Office.device.publicKey.der
            let large = [UInt8](repeating: 0x30, count: 1_101)
            for key in ["*", "AAA", "", text(weak), text(curve), text(good + [0]), text(good.dropLast()), text(large)] {
                let reply = office.post("register", ["identity": Office.id, "key": key, "type": "thing"])
                #expect(reply.status == 400, "\(key.prefix(20))")
            }
            #expect(office.get("status").status == 200)
        }
    }

    @Test("a type is 1 to 64 printable characters", arguments: ["", "a\nb", "ü", String(repeating: "a", count: 65)])
    func types(type: String) throws {
        try Office.with { office throws in
            #expect(office.register(type: type).status == 400)
            #expect(office.register(type: String(repeating: "a", count: 64)).status == 201)
        }
    }

    @Test("an identity is registered once: with another key or type it is refused")
    func duplicates() throws {
        try Office.with { office throws in
            #expect(office.register().status == 201)
            #expect(office.register(Office.id, Office.stranger).status == 400)
            #expect(office.register(type: "other").status == 400)
            #expect(try office.validate(Office.id, Office.stranger).status == 400)
            #expect(try office.validate().status == 200)
        }
    }

    @Test("a key is one identity's only, and neither the service's own nor the C2 server's are anybody's")
    func reserved() throws {
        try Office.with { office throws in
            #expect(office.register().status == 201)
            #expect(office.register("abc").status == 400)
            #expect(office.register("abc", Cast.c2.key).status == 400)
            #expect(office.register(Office.c2.topicForm, Office.stranger).status == 400)
            #expect(office.register(Office.service.topicForm, Office.stranger).status == 400)
            #expect(office.register("abc", Office.stranger).status == 201)
        }
    }

    @Test("who does not prove the key in time is forgotten, and the identity is free")
    func forgotten() throws {
        try Office.with { office throws in
            #expect(office.register().status == 201)
            office.clock.seconds += 3_601
            #expect(try office.validate().status == 400)
            #expect(office.register(Office.id, Office.stranger).status == 201)
            #expect(try office.validate(Office.id, Office.stranger).status == 200)
            office.clock.seconds += 100_000
            #expect(office.register(Office.id, Office.device).status == 400)
        }
    }

    @Test("only so many may wait for their validation")
    func waiting() throws {
        try Office.with({ $0.mostWaiting = 1 }) { office throws in
            #expect(office.register().status == 201)
            let refused = office.register("abc", Office.stranger)
            #expect(refused.status == 503)
            #expect(refused.retryAfter != nil)
            #expect(try office.validate().status == 200)
            #expect(office.register("abc", Office.stranger).status == 201)
        }
    }

    @Test("only so many are known in all, the revoked ones too; who is known goes on")
    func all() throws {
        try Office.with({ $0.mostIdentities = 1 }) { office throws in
            #expect(office.register().status == 201)
            #expect(try office.validate().status == 200)
            #expect(office.register("abc", Office.stranger).status == 503)
            #expect(office.register().status == 201)
            #expect(try office.access().status == 200)
            _ = try office.registry.revoke(Cast.device.id)
            #expect(office.register("abc", Office.stranger).status == 503)
        }
    }

    @Test("a signature by another key, over another text, in another scheme, or of another length validates nothing")
    func badSignatures() throws {
        try Office.with { office throws in
            #expect(office.register().status == 201)
            let id = Array(Office.id.utf8)
            let good = try Office.device.pssSignature(over: id)
            let bad = [
                try Office.stranger.pssSignature(over: id), try Office.device.pssSignature(over: id + [10]),
                try Office.device.signature(over: [id[...]]), good.dropLast(), good + [0],
                [good[0] ^ 1] + good.dropFirst(), [],
            ]
            for signature in bad {
                let reply = office.post("validate", ["identity": Office.id, "signature": text(Array(signature))])
                #expect(reply.status == 400)
            }
            #expect(try office.access().status == 400)
            #expect(try office.validate("abc").status == 400)
        }
    }

    @Test("a key with a huge public exponent is refused, with which each check of a signature would be slow")
    func exponent() throws {
        try Office.with { office throws in
            let key = try office.folder.openssl(
                "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:18446744073709551629")
            try office.folder.write(Data(key), to: "huge.pem")
            let der = try office.folder.openssl("pkey -in huge.pem -pubout -outform DER")
            let reply = office.post("register", ["identity": Office.id, "key": text(der), "type": "thing"])
            #expect(reply.status == 400)
            #expect(reply.text == "the key: its public exponent is not an odd number from 3 to 2^64")
        }
    }

    @Test("a validation names this registry; one that names another, or was given to another, validates nothing")
    func named() throws {
        try Office.with({ $0.needsNamedStatements = true }) { office throws in
            #expect(office.register().status == 201)
            #expect(office.get("status").members?["statements"] == nil, "not all of it is text")
            #expect(office.get("status").text.contains(#""statements":"named""#))
            let identity = Cast.device.id
            let elsewhere = [
                Statement.Service(name: "ace0000000000002", host: "localhost"),
                Statement.Service(name: Office.service.topicForm, host: "evil.example"),
            ]
            for service in elsewhere {
                for name in [service.name, Office.service.topicForm] {
                    let signature = try Office.device.pssSignature(
                        over: Statement.validate(identity).bytes(for: service))
                    let reply = office.post(
                        "validate", ["identity": Office.id, "registry": name, "signature": text(signature)])
                    #expect(reply.status == 400)
                }
            }
            #expect(try office.validate().status == 400, "the reference's names nobody")
            let signature = try Office.device.pssSignature(over: Statement.validate(identity).bytes(for: Office.place))
            let members = ["identity": Office.id, "registry": Office.service.topicForm, "signature": text(signature)]
            #expect(office.post("validate", members).status == 200)
            #expect(
                String(decoding: Statement.validate(identity).bytes(for: Office.place), as: UTF8.self)
                    == "validate 5f1e2d3c4b5a6978 at ace0000000000001 on localhost")
        }
    }

    @Test("the service proves its own key in return")
    func ownProof() throws {
        try Office.with { office throws in
            #expect(office.register().status == 201)
            let members = try #require(try office.validate().members)
            #expect(members["identity"] == Office.service.topicForm)
            let pem = try #require(Data(base64Encoded: office.get("get_key/\(Office.service.topicForm)").text))
            let signature = try #require(Data(base64Encoded: members["signature"] ?? ""))
            #expect(
                try PublicKey(pem: Array(pem))
                    .verifiesPSS(Array(signature), over: Array(Office.service.topicForm.utf8)))
        }
    }
}
