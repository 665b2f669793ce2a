import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("The doctor", .blocking)
struct DoctorTests {
    let network: Network
    let server: TestServer

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    private struct Reply {
        let status: Int32
        let findings: [[String: String]]

        func verdict(_ check: String) -> String? { findings.first { $0["check"] == check }?["verdict"] }
        func found(_ check: String) -> String { findings.first { $0["check"] == check }?["found"] ?? "not looked at" }
        var bad: [String] { findings.filter { $0["verdict"] == "bad" }.compactMap { $0["check"] } }
    }

    private func ask(_ beacon: BeaconProcess) throws -> Reply {
        let reply = try beacon.command("doctor", "--json")
        let findings = try? JSONSerialization.jsonObject(with: Data(reply.text.utf8)) as? [[String: String]]
        return Reply(status: reply.status, findings: try #require(findings, "\(reply.text)"))
    }

    /// Every bad result and every warning has a hint.
    private func expectHints(_ reply: Reply, _ location: SourceLocation = #_sourceLocation) {
        for finding in reply.findings where ["bad", "warning"].contains(finding["verdict"]) {
            #expect(finding["hint"]?.isEmpty == false, "\(finding)", sourceLocation: location)
        }
        #expect(reply.findings.allSatisfy { $0["looked_at"] != "" && $0["found"] != "" }, sourceLocation: location)
    }

    @Test("finds nothing bad at a healthy beacon, running or not, and leaves no trace at the broker")
    func healthy() throws {
        let beacon = try BeaconProcess(network)
        let before = try ask(beacon)
        #expect(before.bad == ["state folder"], "it does not exist yet")
        #expect(before.verdict("beacon") == "skipped" && before.verdict("membership") == "skipped")
        try beacon.startAndJoin()
        let reply = try ask(beacon)
        #expect(reply.status == 0 && reply.bad == [], "\(reply.findings)")
        for check in [
            "version", "entropy", "configuration", "identity key", "server's key", "certificate", "state folder",
            "disk",
            "journal", "broker: name", "broker: TCP", "broker: TLS", "broker's cert.", "broker: MQTT", "broker: ACL",
            "membership",
        ] {
            #expect(reply.verdict(check) == "good", "\(check): \(reply.found(check))")
        }
        #expect(reply.verdict("registration") == "skipped" && reply.verdict("radio") == "skipped")
        #expect(reply.found("beacon").contains("version 0."))
        expectHints(reply)
        #expect(beacon.brokerState == "connected" && beacon.membership == "member")
        #expect(!beacon.logged.contains("refused"), "what it publishes is ignored\n\(beacon.logged)")
        #expect(try beacon.command("doctor", "--no-visit").text.contains("not visited"))
        let text = try beacon.command("doctor")
        #expect(text.status == 0 && !text.text.contains("broker: ACL") && !text.text.contains("\u{1B}"), "\(text.text)")
        #expect(text.text.contains(/^[0-9]+ good \(--all lists them\)\n/) && text.text.hasSuffix(", 0 failures\n"))
        #expect(try beacon.command("doctor", "--all").text.contains("good     broker: ACL"))
        #expect(beacon.stop() == 0)
        #expect(try ask(beacon).found("journal").contains("whole"))
    }

    @Test("finds out if others can publish to our topic")
    func openBroker() throws {
        network.stopBroker()
        try "pattern readwrite #\n".write(toFile: network.folder + "/acl", atomically: true, encoding: .utf8)
        try network.startBroker()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let reply = try ask(beacon)
        #expect(reply.status == 0 && reply.verdict("broker: ACL") == "warning", "\(reply.found("broker: ACL"))")
        expectHints(reply)
    }

    @Test("does not call a broker closed if its topics can be written but not read")
    func writeOnly() throws {
        network.stopBroker()
        try "pattern readwrite SRUP/%u\npattern write #\n"
            .write(toFile: network.folder + "/acl", atomically: true, encoding: .utf8)
        try network.startBroker()
        let reply = try ask(try BeaconProcess(network))
        #expect(reply.verdict("broker: ACL") == "skipped", "\(reply.found("broker: ACL"))")
        #expect(reply.found("broker: ACL").contains("cannot be seen"))
    }

    @Test(
        "run by root, examines another user's beacon as that user, and finds nothing bad", .enabled(if: geteuid() == 0))
    func anothersBeacon() throws {
        let beacon = try BeaconProcess(network)
        try Network.run("/bin/mkdir", ["-m", "0700", beacon.state])
        try Network.run("/bin/chmod", ["-R", "go+rX", network.folder])
        let id = Node.beacon.topicForm
        for file in [beacon.state, network.folder + "/\(id).key.pem", network.folder + "/\(id).tls.key"] {
            try Network.run("/bin/chown", ["nobody", file])
            try Network.run("/bin/chmod", ["go=", file])
        }
        let reply = try ask(beacon)
        #expect(reply.status == 0 && reply.bad == [], "\(reply.findings)")
        #expect(reply.verdict("user") == "good" && reply.verdict("identity key") == "good")
    }

    @Test("reports how far it gets with a broker, and tries nothing after that")
    func brokers() throws {
        func expect(_ settings: [String], _ check: String, _ words: String, behind: String) throws {
            let beacon = try BeaconProcess(network, name: "doctored", settings: ["broker": settings])
            let reply = try ask(beacon)
            #expect(reply.status == 1)
            #expect(reply.bad.contains(check) && reply.found(check).contains(words), "\(reply.found(check))")
            #expect(reply.verdict(behind) == nil)
            expectHints(reply)
        }
        try expect(["address = no.such.host.invalid:8883"], "broker: name", "has no address", behind: "broker: TCP")
        try expect(["address = localhost:1"], "broker: TCP", "refused", behind: "broker: TLS")
        let other = try Authority(network.folder + "/other")
        try expect(["ca = \(other.certificate)"], "broker: TLS", "not in our CA file", behind: "broker's cert.")
        let stranger = try other.issue("stranger", Node.beacon.topicForm, "clientAuth")
        try expect(
            ["certificate = \(stranger.certificate)", "key = \(stranger.key)"], "broker: MQTT",
            "does not accept our certificate",
            behind: "broker: ACL")
        try network.restartBroker(
            with: try Authority(of: network).issue("server", "localhost", "serverAuth", expired: true))
        let expired = "the broker's certificate \"CN = localhost\" expired on"
        try expect([], "broker: TLS", expired, behind: "broker's cert.")
        network.stopBroker()
        try expect([], "broker: TCP", "refused", behind: "broker: TLS")
    }
}
