import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// Two brokers of one list that pass nothing on to each other, and a server at each with the same identity. The decisions by themselves:
/// BrokerTests/BrokerRotationTests, DaemonTests/BrokerPortTests, RepublishTests and BrokerVisitsTests.
@Suite("Two brokers", .blocking)
struct FailoverTests {
    let (first, second): (Network, Network)

    init() throws { (first, second) = (try Network(), try Network()) }

    /// A beacon that begins at the first broker.
    private func beacon(_ settings: [String] = []) throws -> BeaconProcess {
        try BeaconProcess(
            first,
            settings: [
                "broker": ["address = localhost:\(first.port), localhost:\(second.port)", "order = listed"] + settings
            ])
    }

    private func session(at network: Network, of beacon: BeaconProcess) -> [String: Any] {
        let sessions = beacon.broker["sessions"] as? [[String: Any]] ?? []
        return sessions.first { $0["address"] as? String == "localhost:\(network.port)" } ?? [:]
    }

    @Test(
        "a verdict that one broker has acknowledged and lost with the machine reaches the server over the other, once; nothing goes twice to one broker"
    )
    func acknowledgedAndLost() throws {
        var server: TestServer? = try TestServer(first)
        let beacon = try beacon()
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server?.observe(Node.device, value, token: token)
        try eventually("the observation is open") { beacon.logged.contains("opened") }
        // The first broker keeps the verdict for the server, which is away.
        server = nil
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        #expect(beacon.says("the broker has the answer"))
        let other = try TestServer(second, answersJoins: false)
        #expect(other.verdicts(token).isEmpty)
        first.signalBroker(SIGKILL)
        #expect(try other.waitForVerdict(token) == .observedJoinValid)
        // The beacon is started again: what both have acknowledged stays where it is.
        let before = other.accepted.count
        #expect(beacon.stop() == 0)
        try beacon.start()
        try eventually("it is at the second broker again") { beacon.brokerState == "connected" }
        let (another, next) = (Secret.random(), TestServer.token())
        try other.observe(Node.device, another, token: next, sequence: other.counter + 1)
        #expect(try TestDevice.prove(beacon.link, another)?.outcome == .valid)
        #expect(try other.waitForVerdict(next) == .observedJoinValid)
        #expect(other.everyStatus(token) == [.observedJoinValid], "once")
        #expect(other.accepted.count == before + 1 && other.ignored.isEmpty, "\(other.ignored)")
        #expect((beacon.status["journal"] as? [String: Any])?["outbox"] as? Int == 0)
        #expect(beacon.stop() == 0)
    }

    @Test("with a broker that hangs in the middle of an observation, the verdict is at the server within 15 s")
    func hung() throws {
        let server = try TestServer(first)
        let beacon = try beacon(["reconnect-first = 1", "reconnect-longest = 60"])
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        try eventually("the observation is open") { beacon.logged.contains("opened") }
        let other = try TestServer(second, answersJoins: false)
        first.signalBroker(SIGSTOP)
        defer { first.signalBroker(SIGCONT) }
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        let begin = Date()
        #expect(try other.waitForVerdict(token) == .observedJoinValid)
        let seconds = Date().timeIntervalSince(begin)
        #expect(seconds < 15, "\(seconds) s")
        #expect(beacon.logged.contains("has not acknowledged a message within 10 s"))
        #expect(beacon.stop() == 0)
    }

    @Test("a request at a broker that the beacon has never used is kept there and answered after the failover")
    func neverUsed() throws {
        let server = try TestServer(first)
        let beacon = try beacon()
        try beacon.startAndJoin()
        try eventually("the second broker was visited: \(beacon.logged)") {
            session(at: second, of: beacon)["since"] != nil
        }
        #expect(beacon.brokerState == "connected" && !beacon.logged.contains("broker-lost"))
        #expect(
            try beacon.command("status").text.contains("localhost:\(second.port) keeps this beacon's session since"))
        Thread.sleep(forTimeInterval: 3)  // the visit lasts a second after that
        let other = try TestServer(second)
        let (value, token) = (Secret.random(), TestServer.token())
        try other.observe(Node.device, value, token: token, sequence: server.counter + 1)
        Thread.sleep(forTimeInterval: 0.5)
        #expect(!beacon.logged.contains("opened"), "it waits at the second broker")
        first.stopBroker()
        #expect(beacon.says("opened"))
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        #expect(try other.waitForVerdict(token) == .observedJoinValid)
        #expect(beacon.stop() == 0)
    }
}
