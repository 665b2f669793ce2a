import Enrolling
import Fetching
import Foundation
import Keys
import OperatorText
import SRUP
import TestVectors
import Testing

@Suite("Replies that an enrolment refuses", .blocking)
struct RefusedReplyTests {
    /// A service and a node, and checks of both.
    private struct Stage {
        let service: FakeService
        let node: FakeEnrollee

        /// One message says what is wrong and one what to do; nothing of the reply is used, or shown as it came.
        func expectRefusal(
            _ path: String, _ message: String, _ location: SourceLocation = #_sourceLocation,
            _ fault: @escaping FakeService.Fault
        ) throws {
            service.set(path, fault)
            let refusal = #expect(throws: OperatorFault.self, sourceLocation: location) { try node.enrol() }
            let told = refusal?.message ?? ""
            #expect(told.contains(message), "\(told)", sourceLocation: location)
            #expect(refusal?.hint(for: .beacon).isEmpty == false, sourceLocation: location)
            for text in [told, refusal?.hint(for: .beacon) ?? ""] {
                #expect(text.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "\(text)", sourceLocation: location)
            }
            #expect(!node.exists("access"), "\(told)", sourceLocation: location)
            service.set(path, nil)
        }

        func expectRefusal(
            _ path: String, _ reply: HTTPReply, _ message: String, _ location: SourceLocation = #_sourceLocation
        ) throws { try expectRefusal(path, message, location) { _ in reply } }

        func expectRefusal(
            _ path: String, changing members: [String: any Sendable], _ message: String,
            _ location: SourceLocation = #_sourceLocation
        ) throws { try expectRefusal(path, message, location) { $0.merging(members) } }

        /// A registration with changed members is refused, and the service forgets it.
        func refuse(
            _ members: [String: any Sendable], _ message: String, _ location: SourceLocation = #_sourceLocation
        ) throws {
            try expectRefusal("register", changing: members, message, location)
            service.forget()
        }

        /// After all the refusals, the node still enrols in the same folder.
        func expectWhole() throws {
            let outcome = try node.enrol()
            #expect(outcome.identity == FakeEnrollee.identity && outcome.server == FakeService.server)
            let known =
                /(access|access-1|identity\.(key|pub)\.pem|server\.pub\.pem|enrolment\.json|lock)(\/(key|certificate|ca|ca\.given)\.pem)?/
            for name in node.names { #expect(name.wholeMatch(of: known) != nil, "\(name)") }
        }
    }

    private func withStage(_ body: (Stage) throws -> Void) throws {
        try FakeEnrollee.with { try body(Stage(service: $0, node: $1)) }
    }

    @Test("a status of wrong types, or of an inactive service")
    func status() throws {
        try withStage { stage in
            let deep = String(repeating: "[", count: 30_000)
            for (body, message) in [
                ("", "it is not JSON"), ("no", "it is not JSON"), ("[]", "not a JSON object"), (deep, "it is not JSON"),
                ("{\"active\": \"yes\", \"identity\": \"10\"}", "active is of another type"),
                ("{\"active\": true, \"identity\": 16}", "identity is of another type"),
                ("{\"active\": true}", "there is no identity in it"),
                ("{\"active\": true, \"identity\": \"../../register\"}", "its identity is not valid"),
                ("{\"active\": true, \"identity\": \"a\\nb\"}", "its identity is not valid"),
                ("{\"active\": false, \"identity\": \"10\"}", "is not active"),
            ] { try stage.expectRefusal("status", .text(200, body), message) }
            let colourful = HTTPReply.text(500, "\u{1b}[31mred\n[server]")
            try stage.expectRefusal("status", colourful, "answers status with 500: \".[31mred.[server]\"")
            #expect(!stage.node.exists(""), "nothing is left behind")
            try stage.expectRefusal("get_key", .text(200, "no base64!"), "what should be base64 is not")
            try stage.expectWhole()
        }
    }

    @Test("a hint says what helps: to wait, to become another node, or to use the token of a new key")
    func hints() throws {
        try withStage { stage in
            stage.service.set("validate") { _ in .text(400, "the identity has been revoked") }
            let revoked = #expect(throws: OperatorFault.self) { try stage.node.enrol() }
            #expect(revoked?.message.contains("revoked") == true, "\(revoked as Any)")
            #expect(revoked?.hint(for: .bench).contains("srup-bench enrol URL --folder DIR --replace") == true)
            stage.service.set("validate", nil)
            let cases: [(HTTPReply, String)] = [
                (.text(429, "too many requests"), "wait some minutes, then run the same command again"),
                (HTTPReply(status: 429, body: [], retryAfter: 40), "wait 40 seconds, then run the same command again"),
                (.text(503, "too many identities are registered"), "wait some minutes"),
                (.text(400, "the identity has been revoked"), "become another node: srup-beacon enrol URL --replace"),
                (.text(400, "the identity waits for a new key"), "Replacing a machine"),
                (.text(403, "registration is closed"), "ask who runs it"),
                (.text(500, "no"), "run the same command again later"),
                (.text(418, "a teapot"), "check that the address is a registration service's"),
            ]
            for (reply, words) in cases {
                stage.service.set("access") { _ in reply }
                let refusal = #expect(throws: OperatorFault.self) { try stage.node.enrol() }
                #expect(refusal?.hint(for: .beacon).contains(words) == true, "\(reply.status): \(refusal as Any)")
            }
        }
    }

    @Test("a registration with path tricks, lines for the configuration, or an invalid broker or server")
    func registration() throws {
        try withStage { stage in
            for broker in [
                "", "../../etc/passwd", "mqtt://x\n[server 10]\nkey = /etc/passwd", "http://x", "mqtt://a:b@x",
                "mqtt://x/../y", "mqtt://x:0", "mqtt://x ; y", "mqtt://x,evil:1", String(repeating: "x", count: 10_000),
            ] { try stage.refuse(["broker": broker], "is not a broker's address") }
            for server in ["", "../../etc", "10\n[beacon]", "[server]", "0", "f", "12345678901234567", "-1", "0x10"] {
                try stage.refuse(["default_c2": server], "is not a server's identity")
            }
            try stage.refuse(["default_c2": 16], "default_c2 is of another type")
            try stage.refuse(["default_c2": FakeEnrollee.identity.topicForm], "names this node itself")
            for status in [403, 200] {
                try stage.expectRefusal("register", .text(status, "{}"), "answers register with \(status)")
                stage.service.forget()
            }
            try stage.expectWhole()
        }
    }

    @Test("a registration whose server's key cannot be used, or is the node's own")
    func serverKey() throws {
        try withStage { stage in
            try stage.refuse(["key": ["a"]], "key is of another type")
            try stage.refuse(["key": "*"], "what should be base64 is not")
            try stage.refuse(["key": Data("garbage".utf8).base64EncodedString()], "it cannot be read")
            for (command, message) in [
                ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", "it is not an RSA key"),
                ("genrsa -out wrong.pem 1024", "it has 1024 bits"),
            ] {
                let folder = stage.service.folder
                try folder.openssl(command.contains("-out") ? command : command + " -out wrong.pem")
                let pem = try folder.openssl("pkey -in wrong.pem -pubout")
                try stage.refuse(["key": Data(pem).base64EncodedString()], message)
            }
            let own = try #require(stage.node.content("identity.pub.pem"))
            try stage.refuse(["key": own.base64EncodedString()], "the server's key is this node's own")
            try stage.expectWhole()
        }
    }

    @Test("a validation that is not the service's")
    func validation() throws {
        try withStage { stage in
            stage.service.set(ownKey: try TestKeys.privateKey("obs_2048"))
            try stage.expectRefusal("validate", changing: ["identity": "77"], "it calls itself 77")
            try stage.expectRefusal("validate", changing: ["identity": "../77"], "its identity is not valid")
            try stage.expectRefusal("validate", changing: ["signature": "AAAA"], "its signature is not the service's")
            try stage.expectRefusal("validate", changing: ["signature": 1], "signature is of another type")
            let unverified = HTTPReply.text(400, "Signature verification error")
            try stage.expectRefusal("validate", unverified, "does not confirm that the key")
            try stage.expectWhole()
        }
    }

    @Test("a certificate for another name, another key, or by another CA")
    func certificate() throws {
        try withStage { stage in
            let (service, name) = (stage.service, FakeEnrollee.identity.topicForm)
            let key = try service.folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"))
            func certificate(for subject: String) throws -> String {
                let request = try service.folder.openssl("req -new -sha256 -key \(key) -subj /CN=\(subject)")
                return Data(try service.certificate(for: Data(request))).base64EncodedString()
            }
            let other = try service.folder.openssl("req -x509 -key \(key) -subj /CN=authority -days 10")
            let (others, leaf) = (Data(other).base64EncodedString(), try certificate(for: "server"))
            let secret = Data(try #require(FileManager.default.contents(atPath: service.folder.path("ca.key"))))
            try stage.expectRefusal("access", changing: ["certificate": "????"], "what should be base64 is not")
            try stage.expectRefusal(
                "access", changing: ["certificate": secret.base64EncodedString()], "the certificate: it cannot be read")
            try stage.expectRefusal("access", changing: ["CA_certificate": ""], "what should be base64 is not")
            try stage.expectRefusal("access", changing: ["CA_certificate": others], "is not signed by the CA")
            try stage.expectRefusal("access", changing: ["CA_certificate": leaf], "is not a CA's")
            let device = try certificate(for: "de01")
            try stage.expectRefusal("access", changing: ["certificate": device], "the certificate is for de01")
            let foreign = try certificate(for: name)
            try stage.expectRefusal("access", changing: ["certificate": foreign], "is not for our access key")
            service.set(subject: "77")
            try stage.expectRefusal("access", "the certificate is for 77, not for") { $0 }
            service.set(subject: nil)
            let unverified = HTTPReply.text(400, "CSR verification error")
            try stage.expectRefusal("access", unverified, "answers access with 400")
            try stage.expectWhole()
        }
    }
}
