import BootTime
import Foundation
import Synchronization
import TestVectors
import Testing

@testable import Broker

/// The decisions: BrokerRotationTests.
@Suite("A list of brokers", .blocking)
struct BrokerListTests {
    private struct Told {
        var connected: [UInt16] = []
        var lost: [(port: UInt16, fault: BrokerFault)] = []
        var acknowledged: [Int64] = []
    }

    private func scripted(_ name: String, _ folder: TemporaryFolder) throws -> ScriptedBroker {
        let place = folder.url.appending(path: name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
        return try ScriptedBroker(
            in: place, authority: folder.path("ca.pem"), certificate: folder.path("server.pem"),
            key: folder.path("server.key"))
    }

    private func waitUntil(_ holds: () -> Bool) { for _ in 0..<3_000 where !holds() { usleep(10_000) } }

    /// Two brokers, and a link that has published a message to the first of them.
    private func withLink(
        limit: Duration, ignoring ignored: [String], _ body: (BrokerLink, [ScriptedBroker], () -> Told) throws -> Void
    ) throws {
        try LinkFixture.withCertificates { folder in
            let brokers = try [scripted("a", folder), scripted("b", folder)]
            brokers[0].behaviour.ignoresPublish = ignored
            var settings = LinkFixture.settings(folder, ["127.0.0.1"], 0)
            settings.brokers = brokers.map { BrokerAddress(host: "localhost", port: $0.port) }
            (settings.order, settings.acknowledgementLimit) = (.listed, limit)
            let told = Mutex(Told())
            let link = BrokerLink(settings) { _ in
                true
            } happened: { event in
                told.withLock {
                    switch event {
                    case .connected(let broker, _, _): $0.connected.append(broker.port)
                    case .lost(let broker, let fault): $0.lost.append((broker.port, fault))
                    case .acknowledged(let ids): $0.acknowledged += ids
                    case .notSubscribed: break
                    }
                }
            }
            link.start()
            defer { link.stop() }
            waitUntil { !told.withLock { $0.connected.isEmpty } }
            try body(link, brokers) { told.withLock { $0 } }
        }
    }

    @Test(
        "a broker that leaves a message unacknowledged for too long is left for the next one, with a fault of its own")
    func unacknowledged() throws {
        try withLink(limit: .seconds(1), ignoring: ["t"]) { link, brokers, told in
            let begin = Date()
            link.publish([Outgoing(id: 7, topic: "t", payload: [1])], over: 1)
            waitUntil { told().connected.count == 2 }
            let seconds = Date().timeIntervalSince(begin)
            #expect(told().connected == brokers.map(\.port))
            #expect(
                told().lost.map(\.port) == [brokers[0].port]
                    && told().lost.map(\.fault) == [.unacknowledged(seconds: 1)])
            #expect(seconds >= 1 && seconds < 8, "\(seconds) s")
            link.publish([Outgoing(id: 7, topic: "t", payload: [1])], over: 2)
            waitUntil { told().acknowledged == [7] }
            #expect(told().acknowledged == [7])
        }
    }

    @Test("a broker that goes on acknowledging other messages is not left")
    func slow() throws {
        try withLink(limit: .seconds(1), ignoring: ["t"]) { link, _, told in
            link.publish([Outgoing(id: 7, topic: "t", payload: [1])], over: 1)
            for id in 10..<22 as Range<Int64> {
                link.publish([Outgoing(id: id, topic: "other", payload: [1])], over: 1)
                usleep(200_000)
            }
            #expect(told().lost.isEmpty && told().acknowledged.count >= 10)
        }
    }
}
