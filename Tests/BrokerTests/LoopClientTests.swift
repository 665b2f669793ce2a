import EventLoop
import Foundation
import Synchronization
import TestVectors
import Testing

@testable import Broker

@Suite("Many clients on one loop", .blocking)
struct LoopClientTests {
    /// What the clients of a test have reported, in order.
    private final class Told: Sendable {
        private let state = Mutex<[Int: [String]]>([:])

        func note(_ client: Int, _ words: String) { state.withLock { $0[client, default: []].append(words) } }
        func said(_ client: Int) -> [String] { state.withLock { $0[client] ?? [] } }
        func allSay(_ count: Int, _ words: String) -> Bool { (0..<count).allSatisfy { said($0).contains(words) } }
    }

    private final class Clients: @unchecked Sendable {
        let told = Told()
        private let loop = Loop()
        private var clients: [LoopClient] = []

        init(_ count: Int, _ settings: BrokerLink.Settings) {
            let (loop, told) = (loop, told)
            clients = (0..<count).map { number in
                var settings = settings
                settings.clientID = "b1-\(number)"
                return LoopClient(loop, settings, over: "127.0.0.1") { event in
                    switch event {
                    case .connected: told.note(number, "connected")
                    case .subscribed: told.note(number, "subscribed")
                    case .received(let messages):
                        for message in messages { told.note(number, String(decoding: message.payload, as: UTF8.self)) }
                    case .lost(let fault): told.note(number, "lost: \(fault.message)")
                    }
                }
            }
            startThread("clients") { loop.run() }
        }

        func perform(_ body: @escaping @Sendable (Int, LoopClient) -> Void) {
            loop.performAndWait { [self] in for (number, client) in clients.enumerated() { body(number, client) } }
        }

        func end() {
            perform { $1.stop() }
            loop.stop()
        }
    }

    private static func wait(_ what: String, _ holds: () -> Bool) {
        for _ in 0..<3_000 where !holds() { usleep(10_000) }
        #expect(holds(), "\(what)")
    }

    @Test("connect, subscribe, publish, and each gets what any of them has published, without a thread for each")
    func many() throws {
        try LinkFixture.withBroker { settings, _, _ in
            let threads = { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
            let before = try threads()
            let clients = Clients(20, settings)
            defer { clients.end() }
            clients.perform { $1.start() }
            LoopClientTests.wait("subscribed") { clients.told.allSay(20, "subscribed") }
            // Other tests of this process may start threads as well.
            #expect(try threads() < before + 15)
            clients.perform { number, client in
                client.publish(Outgoing(id: 1, topic: "SRUP/b1", payload: Array("hello \(number)".utf8)))
            }
            for number in 0..<20 {
                LoopClientTests.wait("hello \(number)") { clients.told.allSay(20, "hello \(number)") }
            }
            #expect(clients.told.said(3).prefix(2) == ["connected", "subscribed"])
        }
    }

    @Test("report a broker that ends, and connect again when they are started again")
    func lost() throws {
        try LinkFixture.withBroker { settings, broker, folder in
            let clients = Clients(2, settings)
            defer { clients.end() }
            clients.perform { $1.start() }
            LoopClientTests.wait("subscribed") { clients.told.allSay(2, "subscribed") }
            broker.stop()
            LoopClientTests.wait("lost") { (0..<2).allSatisfy { clients.told.said($0).count == 3 } }
            clients.perform { #expect(!$1.isReady) }
            // Nobody listens.
            clients.perform { $1.start() }
            LoopClientTests.wait("refused") { (0..<2).allSatisfy { clients.told.said($0).count == 4 } }
            let again = try Mosquitto(folder, at: "127.0.0.1", port: settings.brokers[0].port)
            defer { again.stop() }
            clients.perform { $1.start() }
            LoopClientTests.wait("subscribed again") {
                (0..<2).allSatisfy { clients.told.said($0).count { $0 == "subscribed" } == 2 }
            }
        }
    }

    @Test("take QoS 0 and a refusal for faults", arguments: [0, 128])
    func notGranted(grant: Int) throws {
        try LinkFixture.withCertificates { folder in
            var behaviour = ScriptedBroker.Behaviour()
            behaviour.grants = ["SRUP/b1": grant]
            let broker = try ScriptedBroker(
                behaviour, in: folder.url, authority: folder.path("ca.pem"), certificate: folder.path("server.pem"),
                key: folder.path("server.key"))
            let clients = Clients(1, LinkFixture.settings(folder, ["127.0.0.1"], broker.port))
            defer { clients.end() }
            clients.perform { $1.start() }
            let fault: BrokerFault = grant == 0 ? .subscriptionLowered("SRUP/b1") : .subscriptionRefused("SRUP/b1")
            LoopClientTests.wait("lost") { clients.told.said(0).contains("lost: \(fault.message)") }
            #expect(!clients.told.said(0).contains("subscribed"))
        }
    }

    @Test("report a broker whose certificate is not trusted")
    func untrusted() throws {
        try LinkFixture.withBroker { settings, _, folder in
            var settings = settings
            let other = TestAuthority(folder: folder)
            try other.make("other")
            settings.tls.authority = folder.path("other.pem")
            let clients = Clients(1, settings)
            defer { clients.end() }
            clients.perform { $1.start() }
            LoopClientTests.wait("lost") { !clients.told.said(0).isEmpty }
            #expect(clients.told.said(0)[0].hasPrefix("lost: ") && clients.told.said(0).count == 1)
        }
    }
}
