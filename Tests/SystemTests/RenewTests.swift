import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Renewing the client certificate", .blocking)
struct RenewTests {
    let network: Network
    let service: RegistryService
    let beacon: Enrollee

    init() throws {
        network = try Network()
        service = try RegistryService(network)
        beacon = Enrollee(service)
    }

    /// A beacon that has enrolled, and a way to start it.
    struct Running {
        let network: Network
        let beacon: Enrollee

        func run(_ log: String, environment: [String: String] = [:]) throws -> Child {
            var text = try String(contentsOfFile: beacon.configuration, encoding: .utf8)
            text = text.replacing(
                "[link]", with: "[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = \(network.folder)/link")
            text = text.replacing("[broker]", with: "[broker]\nreconnect-first = 0.05\nreconnect-longest = 0.2")
            try text.write(toFile: beacon.configuration, atomically: true, encoding: .utf8)
            return try Child(
                Network.products + "/srup-beacon", ["run", "--config", beacon.configuration], output: log,
                environment: environment)
        }
    }

    private func run(_ log: String) throws -> Child { try Running(network: network, beacon: beacon).run(log) }

    private func logged(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    @Test("gets a new key and certificate, tests them at the broker, and keeps the old ones")
    func renew() throws {
        #expect(try beacon.enrol().status == 0)
        let (key, certificate) = (beacon.content("access/key.pem"), beacon.content("access/certificate.pem"))
        let reply = try beacon.command("renew", "--bits", "2048")
        #expect(reply.status == 0, "\(reply.text)")
        #expect(reply.text.contains("the broker takes the new certificate"))
        #expect(beacon.content("access/key.pem") != key)
        #expect(beacon.content("access/certificate.pem") != certificate)
        #expect(beacon.content("access.old/key.pem") == key)
        #expect(beacon.content("access.old/certificate.pem") == certificate)
        #expect(try beacon.command("run", "--check").status == 0)
    }

    @Test("a certificate that the broker refuses, or that cannot be tested, changes nothing")
    func refused() throws {
        #expect(try beacon.enrol().status == 0)
        let before = beacon.content("access/certificate.pem")
        // Signed by a CA that the broker does not know.
        let other = network.folder + "/other"
        try Network.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-keyout", other + ".key",
                "-out", other + ".pem",
            ])
        try service.set("ca", other + ".pem")
        try service.set("ca_key", other + ".key")
        let refused = try beacon.command("renew", "--bits", "2048")
        #expect(refused.status == 1)
        #expect(refused.text.contains("could not be tried, and the old one stays"), "\(refused.text)")
        #expect(beacon.content("access/certificate.pem") == before)
        try service.set("ca", network.folder + "/ca.pem")
        try service.set("ca_key", network.folder + "/ca.key")
        network.stopBroker()
        let away = try beacon.command("renew", "--bits", "2048")
        #expect(away.status == 1)
        #expect(away.text.contains("could not be tried, and the old one stays"), "\(away.text)")
        #expect(beacon.content("access/certificate.pem") == before)
        #expect(try beacon.command("run", "--check").status == 0)
    }

    @Test("the running beacon renews automatically, in another process, and reconnects with the new certificate")
    func byItself() throws {
        try service.set("seconds", 12)
        #expect(try beacon.enrol("--identity", Node.beacon.topicForm).status == 0)
        try service.set("seconds", nil)
        let log = network.folder + "/daemon.log"
        let before = beacon.content("access/certificate.pem")
        let daemon = try run(log)
        defer { daemon.end() }
        try eventually("it is renewed\n\(logged(log))", within: 40) { logged(log).contains("has been renewed") }
        #expect(beacon.content("access/certificate.pem") != before)
        try eventually("it comes back\n\(logged(log))") {
            logged(log).components(separatedBy: "connected to the broker").count == 3
        }
        #expect(logged(log).contains("reconnecting to the broker"))
        let maps = try Network.run("/bin/cat", ["/proc/\(daemon.process)/maps"])
        #expect(maps.contains("libmosquitto"))
        #expect(!maps.contains("libcurl"), "the HTTP client is in the daemon")
    }

    @Test("uses the options of the enrolment, until the enrolment is run again with others")
    func asking() throws {
        #expect(try beacon.enrol().status == 0)
        #expect(try beacon.command("renew").status == 0)
        let key = try Network.run(
            "/usr/bin/openssl", ["rsa", "-in", beacon.keys + "/access/key.pem", "-noout", "-text"])
        #expect(key.contains("(2048 bit"), "as with --bits at the enrolment")
        let requests = service.log.count
        #expect(try beacon.enrol("--proxy", "http://127.0.0.1:1").status == 0)
        #expect(service.log.count == requests, "that is not remembered")
        let through = try beacon.command("renew")
        #expect(through.status == 1)
        #expect(through.text.contains("no connection"), "\(through.text)")
        #expect(try beacon.command("renew", "--proxy", "").status == 0, "once without")
        #expect(try beacon.command("renew").status == 1)
        #expect(try beacon.enrol("--proxy", "").status == 0)
        #expect(try beacon.command("renew").status == 0)
    }

    @Test("the running beacon uses the options of the enrolment, too: here without TLS")
    func askingByItself() throws {
        let plain = try RegistryService(try Network(), isPlain: true)
        let beacon = Enrollee(plain)
        try plain.set("seconds", 12)
        let reply = try beacon.enrol(
            "--allow-plain-http", "--identity", Node.beacon.topicForm, at: "http://localhost:\(plain.port)",
            authority: "")
        #expect(reply.status == 0, "\(reply.text)")
        try plain.set("seconds", nil)
        let log = plain.network.folder + "/daemon.log"
        let renewing = RenewTests.Running(network: plain.network, beacon: beacon)
        let daemon = try renewing.run(log)
        defer { daemon.end() }
        try eventually("status says when it ends") {
            try beacon.command("status").text.contains("less than a day left, renews automatically from ")
        }
        try eventually("it is renewed\n\(logged(log))", within: 40) { logged(log).contains("has been renewed") }
    }
}
