import Broker
import Foundation
import SRUP
import Synchronization
import SystemSupport
import TestVectors
import Testing

@Suite("A broker that does not behave", .blocking)
struct HostileBrokerTests {
    let network: Network

    init() throws { network = try Network() }

    private func settings(_ broker: HostileBroker) -> BrokerLink.Settings {
        let folder = network.folder
        var settings = BrokerLink.Settings(
            brokers: [BrokerAddress(host: "localhost", port: broker.port)], clientID: Node.beacon.topicForm,
            tls: TLSFiles(
                authority: folder + "/ca.pem", certificate: folder + "/\(Node.beacon.topicForm).cert.pem",
                key: folder + "/\(Node.beacon.topicForm).tls.key"),
            subscriptions: [Topic.of(device: Node.beacon)], maximumPayload: UnverifiedFrame.maximumLength)
        (settings.initialRetry, settings.maximumRetry) = (.milliseconds(20), .milliseconds(100))
        return settings
    }

    private struct Seen {
        var batches: [Int] = []
        var acknowledged: [Int64] = []
        var connections = 0
        var faults: [BrokerFault] = []
    }

    @Test("14,744 messages at once, while 1,000 of our own wait, come in small batches, and ours go out in their order")
    func burst() throws {
        let broker = try HostileBroker(network, "burst", 14_744)
        let seen = Mutex(Seen())
        let link = BrokerLink(settings(broker)) { batch in
            seen.withLock { $0.batches.append(batch.count) }
            return true
        } happened: { event in
            switch event {
            case .connected: seen.withLock { $0.connections += 1 }
            case .acknowledged(let ids): seen.withLock { $0.acknowledged += ids }
            case .notSubscribed: break
            case .lost(_, let fault): seen.withLock { $0.faults.append(fault) }
            }
        }
        link.start()
        defer { link.stop() }
        try eventually("it is connected") { seen.withLock { $0.connections == 1 } }
        let messages = (1...1_000).map { Outgoing(id: $0, topic: "SRUP/x", payload: Array("\($0)".utf8)) }
        link.publish(messages, over: 1)
        try eventually("all is through") { seen.withLock { $0.acknowledged.count == 1_000 } }
        let batches = seen.withLock { $0.batches }
        #expect(batches.reduce(0, +) == 14_744)
        let largest = batches.max() ?? 0
        #expect(largest <= 128, "a batch of \(largest) messages, in \(batches.count) batches")
        #expect(broker.seen.contains("acknowledged 14744, of the client's 20 were here"), "\(broker.seen.prefix(5))")
        let published = broker.seen.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        #expect(broker.seen.filter { $0.hasPrefix("published") }.count == 1_000)
        #expect(published.suffix(1_000) == Array(1...1_000)[...], "in their order")
        #expect(seen.withLock { $0.faults }.isEmpty)
    }

    @Test(
        "one that sends QoS 2 and never PUBREL is disconnected after a few megabytes, with one log line, and tried again"
    )
    func endless() throws {
        let broker = try HostileBroker(network, "qos2", 600)
        let beacon = try BeaconProcess(network, settings: ["broker": ["address = localhost:\(broker.port)"]])
        try beacon.start()
        // The address sanitizer keeps up to 256 MB of freed memory.
        let isSanitized = Network.products.contains(".build-address")
        let (begun, bound) = (Date(), isSanitized ? 600_000 : 150_000)
        let limit = 2 * bound + 100_000
        var most = 0
        while Date().timeIntervalSince(begun) < 8, most < limit {
            most = max(most, beacon.residentKilobytes ?? 0)
            Thread.sleep(forTimeInterval: 0.05)
        }
        #expect(most < bound, "\(most) kB resident within \(Date().timeIntervalSince(begun)) s")
        try eventually("it comes back") { broker.seen.filter { $0.hasPrefix("connection") }.count >= 3 }
        let sent = broker.seen.filter { $0.hasPrefix("flooded") }.compactMap { $0.split(separator: " ").last }
            .compactMap { Int($0) }
        #expect(!sent.isEmpty && sent.allSatisfy { $0 < 20_000_000 }, "bytes sent: \(sent)")
        let words = "far more than it has delivered"
        #expect(beacon.says(words))
        let lines = beacon.logged.split(separator: "\n").filter { $0.contains(words) }
        let connections = broker.seen.filter { $0.hasPrefix("connection") }.count
        #expect(lines.count <= connections, "\(lines.count) lines for \(connections) connections")
        #expect(beacon.stop() == 0)
    }

    @Test("files that change between CONNACK and SUBACK are used: the link reconnects with them")
    func renewedInBetween() throws {
        let broker = try HostileBroker(network, "hold", 0)
        let seen = Mutex(Seen())
        let link = BrokerLink(settings(broker)) { _ in
            true
        } happened: { event in
            switch event {
            case .connected: seen.withLock { $0.connections += 1 }
            case .acknowledged, .notSubscribed: break
            case .lost(_, let fault): seen.withLock { $0.faults.append(fault) }
            }
        }
        link.start()
        defer { link.stop() }
        try eventually("it asks to subscribe") { broker.seen.contains("subscribe 1") }
        link.reconnect()
        Thread.sleep(forTimeInterval: 0.5)
        try Data().write(to: URL(filePath: network.folder + "/hostile.go"))
        try eventually("a second connection\n\(broker.seen)", within: 10) { broker.seen.contains("subscribe 2") }
        try eventually("it is connected") { seen.withLock { $0.connections >= 1 } }
        Thread.sleep(forTimeInterval: 0.3)
        #expect(broker.seen.filter { $0.hasPrefix("connection") }.count == 2, "once, and not again")
        #expect(seen.withLock { $0.faults } == [.leftToReturn])
    }
}

/// hostile-broker.py in a process of its own.
private final class HostileBroker {
    let port: UInt16
    private let log: String
    private let process: Child

    init(_ network: Network, _ mode: String, _ count: Int) throws {
        log = network.folder + "/hostile.log"
        process = try Child(
            "/usr/bin/env",
            ["python3", Network.project + "/Tests/SystemTests/hostile-broker.py", network.folder, mode, "\(count)"])
        var given: UInt16?
        try eventually("a port") {
            let text = try? String(contentsOfFile: network.folder + "/hostile.port", encoding: .utf8)
            given = text.flatMap { UInt16($0) }
            return given != nil
        }
        port = try #require(given)
    }

    deinit { process.end(with: SIGKILL) }

    /// The lines that it has written.
    var seen: [Substring] {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n")
    }
}

extension BeaconProcess {
    /// The resident memory of the process (proc(5), status: VmRSS).
    var residentKilobytes: Int? {
        guard let process,
            let status = try? String(contentsOfFile: "/proc/\(process.process)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
        else { return nil }
        return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
    }
}
