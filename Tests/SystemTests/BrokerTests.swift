import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A broker that stops, returns, and delivers hostile messages", .blocking)
struct BrokerTests {
    let network: Network
    let server: TestServer

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    @Test(
        "with the broker stopped during an observation, the proof is accepted, and the verdict waits and arrives once")
    func stoppedAndStarted() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        try eventually("the observation is open") { beacon.logged.contains("opened") }
        network.stopBroker()
        try eventually("the beacon notices") { beacon.brokerState == "lost" }
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        #expect(server.verdicts(token).isEmpty)
        try network.startBroker()
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        try eventually("the outbox is empty") {
            (beacon.status["journal"] as? [String: Any])?["outbox"] as? Int == 0
        }
        #expect(server.everyStatus(token).allSatisfy { $0 == .observedJoinValid })
        #expect(server.verdicts(token).count == 1)
    }

    @Test("a request published while the beacon is stopped is kept by the broker and answered later")
    func requestWhileAway() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        beacon.stop()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        Thread.sleep(forTimeInterval: 0.3)
        try beacon.start()
        try TestDevice.proveUntilValid(beacon.link, value) { false }
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

    @Test("a frame of 256 KiB, an empty one and noise are refused, and the loop continues")
    func hostilePayloads() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let payloads: [[UInt8]] = [
            Array(repeating: 5, count: 262_144), [], [5], Array("{\"join\": true}".utf8), randomBytes(400),
        ]
        for payload in payloads { server.publish(payload) }
        try eventually("all are counted") { beacon.refused("malformed-frame") == payloads.count }
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        let lines = beacon.logged.split(separator: "\n").filter { $0.contains("refused a message") }
        #expect(lines.count == payloads.count, "one line each")
    }

    @Test("two beacons with one client id disconnect each other and report it, and the one that stays works")
    func sameClientID() throws {
        let beacon = try BeaconProcess(network)
        let twin = try BeaconProcess(network, name: "twin", settings: ["broker": ["reconnect-longest = 0.2"]])
        try beacon.startAndJoin()
        try twin.start()
        try eventually("the fight is named", within: 30) {
            (beacon.logged + twin.logged).contains("another client may be using the client id")
        }
        #expect(beacon.isRunning && twin.isRunning)
        twin.stop()
        try eventually("the first is back") { beacon.brokerState == "connected" }
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }
}
