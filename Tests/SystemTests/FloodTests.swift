import EventLoop
import Foundation
import Keys
import ProofLink
import SRUP
import Synchronization
import SystemSupport
import TestVectors
import Testing

/// Heavy load, with real processes: devices still get HELLO in time.
@Suite("A flood", .blocking, .serialized)
struct FloodTests {
    let network: Network

    init() throws {
        network = try Network(servers: [Node.c2, Node.otherC2])
        // A broker that delivers everything at once.
        network.stopBroker()
        let path = network.folder + "/mosquitto.conf"
        try (String(contentsOfFile: path, encoding: .utf8) + "max_inflight_messages 0\n")
            .write(toFile: path, atomically: true, encoding: .utf8)
        try network.startBroker()
        // A large key makes this machine as slow as a small one.
        let key = network.folder + "/\(Node.beacon.topicForm)"
        try Network.run("/usr/bin/openssl", ["genrsa", "-out", key + ".key.pem", "4096"])
        try Network.run("/usr/bin/openssl", ["rsa", "-in", key + ".key.pem", "-pubout", "-out", key + ".pub.pem"])
    }

    private func started(_ settings: [String: [String]], with servers: [Identifier] = [Node.c2, Node.otherC2]) throws
        -> BeaconProcess
    {
        let beacon = try BeaconProcess(network, settings: settings)
        try beacon.start()
        try eventually("the beacon has joined\n\(beacon.logged)") {
            servers.allSatisfy { beacon.membership(with: $0) == "member" }
        }
        return beacon
    }

    private var other: String { "server \(Node.otherC2.topicForm)" }
    private var otherKey: String { "key = \(network.folder)/\(Node.otherC2.topicForm).pub.pem" }

    @Test(
        "of one server's requests: HELLO comes in time, another server's device joins, log lines are few, counts exact")
    func requests() throws {
        let (flooding, server) = (try TestServer(network, as: Node.otherC2), try TestServer(network))
        // With enough places: that one server can fill them is tested elsewhere.
        let beacon = try started([
            other: [otherKey], "observation": ["limit = 4096"],
            "link": ["links-per-peer = 64", "hold-off-first = 0.05"],
        ])
        let count = 1_500
        let before = beacon.logged.split(separator: "\n").count
        try flooding.holdBack {
            for number in 0..<count {
                // Every second one is answered at once, so that messages of the beacon's own wait for the broker.
                let device = number % 2 == 0 ? Node.beacon : Identifier(0x1_0000 + UInt64(number))
                try flooding.observe(device, .random(), token: TestServer.token())
            }
        }
        Thread.sleep(forTimeInterval: 0.3)
        let (value, token, asked) = (Secret.random(), TestServer.token(), Date())
        try server.observe(Node.device, value, token: token)
        let waits = try Greetings(beacon, for: 4)
        try TestDevice.proveUntilValid(beacon.link, value)
        // This server counts as the reference does, and takes messages for the other server as its own.
        try eventually("a verdict") { server.everyStatus(token) == [.observedJoinValid] }
        let joined = Date().timeIntervalSince(asked)
        try eventually("all of it was heard", within: 120) {
            let counted = ["observations_opened_total", "refused_total", "verdicts_total"].map { beacon.metric($0) }
            return counted.reduce(0, +) >= Double(count)
        }
        let spent = Date().timeIntervalSince(asked) + 1
        let lines = beacon.logged.split(separator: "\n").dropFirst(before)
        print("flood of requests: \(waits); joined after \(joined) s; \(lines.count) lines in \(spent) s")
        #expect(waits.areInTime(inFloodOf: spent), "\(waits) in \(spent) s")
        #expect(joined < 30, "\(joined) s")
        for kind in ["opened for", "answered failed to", "refused OBSERVE_REQ"] {
            let some = lines.filter { $0.contains(kind) }.count
            #expect(Double(some) <= 21 * spent + 21, "\(some) lines with \"\(kind)\" in \(spent) s")
        }
    }

    @Test("of forged frames: HELLO comes in time, and the server's device joins")
    func forged() throws {
        let (forger, server) = (try TestServer(network, as: Node.otherC2), try TestServer(network))
        let beacon = try started(["link": ["links-per-peer = 64", "hold-off-first = 0.05"]], with: [Node.c2])
        let sealed = Octets([UInt8](repeating: 7, count: 332))
        let message = Message(
            sequence: SequenceID(1 << 40), sender: Node.c2, token: TestServer.token(),
            body: .observationRequest(joining: Node.device, sealed: sealed))
        var frame = try message.signed(by: server.key)
        frame[frame.count - 1] ^= 1
        let (count, begun, forged) = (30_000, Date(), frame)
        let stopped = Mutex(false)
        let publishing = Thread {
            for _ in 0..<count where !stopped.withLock({ $0 }) { forger.publish(forged) }
        }
        publishing.start()
        defer { stopped.withLock { $0 = true } }
        try eventually("they come") { beacon.metric("refused_total") > 100 }
        let (value, token, from) = (Secret.random(), TestServer.token(), beacon.metric("refused_total"))
        let asked = Date()
        try server.observe(Node.device, value, token: token)
        let waits = try Greetings(beacon, for: 3)
        let rate = (beacon.metric("refused_total") - from) / Date().timeIntervalSince(asked)
        try TestDevice.proveUntilValid(beacon.link, value)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        let joined = Date().timeIntervalSince(asked)
        print("forged frames: \(Int(rate)) a second; \(waits); joined after \(joined) s")
        #expect(waits.areInTime(inFloodOf: Date().timeIntervalSince(begun)), "\(waits)")
        #expect(joined < 30 && Date().timeIntervalSince(begun) < 60, "\(joined) s")
        #expect(server.everyStatus(token) == [.observedJoinValid])
    }

    @Test("of deadlines, 1,000 within five seconds: HELLO comes in time, and each request is answered once")
    func deadlines() throws {
        // Only one server: with several, none may keep the beacon busy as long as this takes on a busy machine.
        let server = try TestServer(network)
        let beacon = try started(
            [
                "observation": ["window = 12"],
                "link": ["links-per-peer = 64", "hold-off-first = 0.05"],
            ], with: [Node.c2])
        let tokens = (0..<1_000).map { _ in TestServer.token() }
        try server.holdBack {
            for (number, token) in tokens.enumerated() {
                try server.observe(Identifier(0x1_0000 + UInt64(number)), .random(), token: token)
            }
        }
        try eventually("all are open") { beacon.metric("observations_opened_total") >= 1_000 }
        try eventually("the first is over", within: 30) { server.responses.count > 20 }
        let begun = Date()
        let waits = try Greetings(beacon, for: 4)
        try eventually("all are answered", within: 120) { server.responses.count >= 1_000 }
        let spent = Date().timeIntervalSince(begun)
        print("deadlines: \(waits) in \(spent) s")
        #expect(waits.areInTime(inFloodOf: spent), "\(waits) in \(spent) s")
        // A broker may deliver a message twice: it is the same message.
        #expect(tokens.allSatisfy { server.everyAnswer($0) == [.observedJoinFail] })
    }
}

extension BeaconProcess {
    /// A counter in `srup-beacon metrics`, summed over its labels.
    func metric(_ name: String) -> Double {
        guard let reply = try? command("metrics"), reply.status == 0 else { return 0 }
        return reply.text.split(separator: "\n").filter { $0.hasPrefix("srup_beacon_" + name) }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }
}
