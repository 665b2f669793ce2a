import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Hostile replies to an enrolment", .blocking)
struct EnrolRefusalTests {
    let network: Network
    let service: RegistryService
    let beacon: Enrollee

    init() throws {
        network = try Network()
        service = try RegistryService(network)
        beacon = Enrollee(service)
    }

    /// One line that says what is wrong and one that says what to do; nothing that came is printed raw or written.
    private func expectRefusal(
        _ path: String, _ fault: [Any], _ message: String, _ location: SourceLocation = #_sourceLocation
    ) throws {
        try service.fault(path, fault)
        let reply = try beacon.enrol("--identity", Node.beacon.topicForm, "--timeout", "2")
        let lines = reply.text.split(separator: "\n", omittingEmptySubsequences: false)
        let what = "\(fault.description.prefix(100)): \(reply.text)"
        #expect(reply.status == 1, "\(what)", sourceLocation: location)
        #expect(lines.count { $0.hasPrefix("srup-beacon: ") } == 1, "\(what)", sourceLocation: location)
        #expect(lines.dropLast().last?.hasPrefix("hint: ") == true, "\(what)", sourceLocation: location)
        let told = lines.first { $0.hasPrefix("srup-beacon: ") } ?? ""
        #expect(told.contains(message), "\(what)", sourceLocation: location)
        #expect(reply.text.utf8.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) }, sourceLocation: location)
        #expect(!beacon.exists(beacon.configuration), "\(what)", sourceLocation: location)
        #expect(!beacon.exists(beacon.keys + "/access"), "\(what)", sourceLocation: location)
        try service.fault(path, nil)
    }

    /// After all refusals, the same folder still becomes a beacon.
    private func expectWhole() throws {
        let reply = try beacon.enrol("--identity", Node.beacon.topicForm)
        #expect(reply.status == 0, "\(reply.text)")
        #expect(try beacon.command("run", "--check").status == 0)
        let known =
            /keys(\/(access|access-1|identity\.(key|pub)\.pem|server\.pub\.pem|service-ca\.pem|enrolment\.json|lock))?(\/(key|certificate|ca)\.pem)?/
        for name in beacon.names { #expect(name.wholeMatch(of: known) != nil, "\(name)") }
    }

    @Test("too long, too slow, silent, elsewhere: the transfer is ended within its bounds")
    func transfers() throws {
        let began = Date()
        try expectRefusal("status", ["huge"], "longer than 65536 bytes")
        try expectRefusal("status", ["announced"], "longer than 65536 bytes")
        try expectRefusal("status", ["head"], "head")
        try expectRefusal("status", ["slow"], "did not come in time")
        try expectRefusal("status", ["silent"], "did not come in time")
        try expectRefusal("status", ["redirect", "http://localhost/"], "another address: http://localhost/")
        try expectRefusal("register", ["redirect", "https://localhost:\(service.port)/x"], "redirects to another")
        try expectRefusal("status", ["redirect", "file:///etc/passwd"], "redirects to another address")
        #expect(Date().timeIntervalSince(began) < 60)
        try expectWhole()
    }

    @Test("a service that is not the one of the address, or cannot be reached, is refused by name")
    func servers() throws {
        let other = try Network(ownAuthority: true)
        let reply = try beacon.enrol(authority: other.folder + "/ca.pem")
        #expect(reply.text.contains("certificate is not accepted"), "\(reply.text)")
        let system = try beacon.enrol(authority: "")
        #expect(system.text.contains("certificate is not accepted"), "\(system.text)")
        let name = try beacon.enrol(at: "https://127.0.0.2:\(service.port)")
        #expect(name.status == 1)
        let wrongName = try beacon.enrol(at: "https://[::1]:\(service.port)")
        #expect(wrongName.status == 1)
        let nobody = try beacon.enrol(at: "https://localhost:1")
        #expect(nobody.text.contains("no connection"), "\(nobody.text)")
        let nowhere = try beacon.enrol(at: "https://nowhere.invalid")
        #expect(nowhere.text.contains("the name nowhere.invalid has no address"), "\(nowhere.text)")
        #expect(!beacon.exists(beacon.state), "nothing is left behind")
        #expect(service.log.isEmpty)
        try expectWhole()
    }

    @Test("a status of wrong types, or of an inactive service")
    func status() throws {
        let deep = String(repeating: "[", count: 30_000)
        for (body, message) in [
            ("", "it is not JSON"), ("no", "it is not JSON"), ("[]", "not a JSON object"), (deep, "it is not JSON"),
            ("{\"active\": \"yes\", \"identity\": \"10\"}", "active is of another type"),
            ("{\"active\": true, \"identity\": 16}", "identity is of another type"),
            ("{\"active\": true}", "there is no identity in it"),
            ("{\"active\": true, \"identity\": \"../../register\"}", "its identity is not valid"),
            ("{\"active\": true, \"identity\": \"a\\nb\"}", "its identity is not valid"),
            ("{\"active\": false, \"identity\": \"10\"}", "is not active"),
        ] { try expectRefusal("status", ["body", body], message) }
        try expectRefusal(
            "status", ["status", 500, "\u{1b}[31mred\n[server]"], "answers status with 500: \".[31mred.[server]\"")
        try expectRefusal("get_key", ["body", "no base64!"], "what should be base64 is not")
        try expectWhole()
    }

    @Test("a registration with path tricks, lines for the configuration, or a wrong server key")
    func register() throws {
        func reply(_ changes: [String: Any]) throws -> [Any] {
            let key = try Data(contentsOf: URL(filePath: network.folder + "/\(Node.c2.topicForm).pub.pem"))
            let right: [String: Any] = [
                "broker": "mqtt://localhost:\(network.port)", "default_c2": Node.c2.topicForm,
                "key": key.base64EncodedString(),
            ]
            let bytes = try JSONSerialization.data(withJSONObject: right.merging(changes) { $1 })
            return ["body", String(decoding: bytes, as: UTF8.self), 201]
        }
        for broker in [
            "", "../../etc/passwd", "mqtt://x\n[server 10]\nkey = /etc/passwd", "http://x", "mqtt://a:b@x",
            "mqtt://x/../y",
            "mqtt://x:0", "mqtt://x ; y", "mqtt://x,evil:1", String(repeating: "x", count: 10_000),
        ] { try expectRefusal("register", try reply(["broker": broker]), "is not a broker's address") }
        for server in ["", "../../etc", "10\n[beacon]", "[server]", "0", "f", "12345678901234567", "-1", "0x10"] {
            try expectRefusal("register", try reply(["default_c2": server]), "is not a server's identity")
        }
        try expectRefusal("register", try reply(["default_c2": 16]), "default_c2 is of another type")
        try expectRefusal("register", try reply(["default_c2": Node.beacon.topicForm]), "names this node itself")
        try expectRefusal("register", try reply(["key": ["a"]]), "key is of another type")
        try expectRefusal("register", try reply(["key": "*"]), "what should be base64 is not")
        try expectRefusal(
            "register", try reply(["key": Data("garbage".utf8).base64EncodedString()]), "it cannot be read")
        for (arguments, message) in [
            (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "it is not an RSA key"),
            (["genrsa", "1024"], "it has 1024 bits"),
        ] {
            let (key, half) = (network.folder + "/wrong.pem", network.folder + "/wrong.pub.pem")
            let out = arguments[0] == "genrsa" ? ["genrsa", "-out", key, "1024"] : arguments + ["-out", key]
            try Network.run("/usr/bin/openssl", out)
            try Network.run("/usr/bin/openssl", ["pkey", "-in", key, "-pubout", "-out", half])
            let pem = try Data(contentsOf: URL(filePath: half)).base64EncodedString()
            try expectRefusal("register", try reply(["key": pem]), message)
        }
        let own = try #require(beacon.content("identity.pub.pem"))
        try expectRefusal(
            "register", try reply(["key": own.base64EncodedString()]), "the server's key is this node's own")
        try expectRefusal("register", ["status", 403, "no"], "answers register with 403")
        try expectRefusal("register", ["status", 200, "{}"], "answers register with 200")
        try expectWhole()
    }

    @Test("a validation that is not the service's")
    func validate() throws {
        try service.set("gives_own_key", true)
        try expectRefusal("validate", ["merge", ["identity": "77"]], "it calls itself 77")
        try expectRefusal("validate", ["merge", ["identity": "../77"]], "its identity is not valid")
        try expectRefusal("validate", ["merge", ["signature": "AAAA"]], "its signature is not the service's")
        try expectRefusal("validate", ["merge", ["signature": 1]], "signature is of another type")
        try expectRefusal("validate", ["status", 400, "Signature verification error"], "does not confirm that the key")
        try expectWhole()
    }

    @Test("a certificate for another name, another key, or by another CA")
    func access() throws {
        func base64(_ file: String) throws -> String {
            try Data(contentsOf: URL(filePath: network.folder + "/" + file)).base64EncodedString(
                options: .lineLength76Characters)
        }
        let other = network.folder + "/other-ca"
        try Network.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=SRUP test network", "-days", "10",
                "-keyout",
                other + ".key", "-out", other + ".pem",
            ])
        try expectRefusal("access", ["merge", ["certificate": "????"]], "what should be base64 is not")
        try expectRefusal(
            "access", ["merge", ["certificate": try base64("ca.key")]], "the certificate: it cannot be read")
        try expectRefusal("access", ["merge", ["CA_certificate": ""]], "what should be base64 is not")
        try expectRefusal(
            "access", ["merge", ["CA_certificate": try base64("other-ca.pem")]], "is not signed by the CA")
        try expectRefusal("access", ["merge", ["CA_certificate": try base64("server.cert.pem")]], "is not a CA's")
        let device = try base64("\(Node.device.topicForm).cert.pem")
        try expectRefusal(
            "access", ["merge", ["certificate": device]], "the certificate is for \(Node.device.topicForm)")
        let foreign = try base64("\(Node.beacon.topicForm).cert.pem")
        try expectRefusal("access", ["merge", ["certificate": foreign]], "is not for our access key")
        try service.set("subject", "77")
        try expectRefusal("access", ["none"], "the certificate is for 77, not for")
        try service.set("subject", nil)
        try expectRefusal("access", ["status", 400, "CSR verification error"], "answers access with 400")
        try expectWhole()
    }
}
