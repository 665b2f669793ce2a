import Foundation
import Synchronization
import TestVectors
import Testing

@testable import Broker

@Suite("What a broker grants to a link", .blocking)
struct BrokerLinkSubscriptionTests {
    /// What a link has reported.
    private struct Told {
        var faults: [BrokerFault] = []
        var sessions: [Bool] = []
        var left: [BrokerFault] = []
    }

    private func withLink(
        _ behaviour: ScriptedBroker.Behaviour, adding added: [String] = [],
        _ body: (ScriptedBroker, BrokerLink, () -> Told) throws -> Void
    ) throws {
        try TemporaryFolder.with { folder in
            let authority = TestAuthority(folder: folder)
            try authority.make()
            for (file, name) in [("client", "beacon"), ("server", "localhost")] { try authority.issue(file, for: name) }
            let broker = try ScriptedBroker(
                behaviour, in: folder.url, authority: folder.path("ca.pem"), certificate: folder.path("server.pem"),
                key: folder.path("server.key"))
            let files = TLSFiles(
                authority: folder.path("ca.pem"), certificate: folder.path("client.pem"), key: folder.path("client.key")
            )
            var settings = BrokerLink.Settings(
                brokers: [BrokerAddress(host: "localhost", port: broker.port)], clientID: "b1", tls: files,
                subscriptions: ["SRUP/b1"], maximumPayload: 100)
            (settings.initialRetry, settings.maximumRetry) = (.milliseconds(10), .milliseconds(50))
            let told = Mutex(Told())
            let link = BrokerLink(settings) { _ in
                true
            } happened: { event in
                told.withLock {
                    switch event {
                    case .connected(_, _, let hasSession): $0.sessions.append(hasSession)
                    case .lost(_, let fault): $0.faults.append(fault)
                    case .notSubscribed(let fault): $0.left.append(fault)
                    case .acknowledged: break
                    }
                }
            }
            link.subscribe(to: added)
            link.start()
            defer { link.stop() }
            try body(broker, link) { told.withLock { $0 } }
        }
    }

    private func waitUntil(_ holds: () -> Bool) { for _ in 0..<3_000 where !holds() { usleep(10_000) } }

    @Test("QoS 0 for its own topic is a fault of its own, until the broker grants QoS 1")
    func lowered() throws {
        var behaviour = ScriptedBroker.Behaviour()
        behaviour.grants = ["SRUP/b1": 0]
        try withLink(behaviour) { broker, _, told in
            waitUntil { told().faults.count >= 3 }
            #expect(told().faults.allSatisfy { $0 == .subscriptionLowered("SRUP/b1") } && told().sessions.isEmpty)
            #expect(told().faults.first?.hint(for: .beacon).contains("max_qos") == true)
            broker.behaviour.grants = [:]
            waitUntil { !told().sessions.isEmpty }
            #expect(!told().sessions.isEmpty)
        }
    }

    @Test("a topic that the broker closes the connection for is named after two connections, and not at the first")
    func closes() throws {
        var behaviour = ScriptedBroker.Behaviour()
        behaviour.closesAtSubscribe = ["SRUP/b1"]
        try withLink(behaviour) { broker, _, told in
            waitUntil { told().faults.count >= 4 }
            let faults = told().faults
            #expect(faults.first == .closed && faults.count >= 4)
            #expect(faults.dropFirst().allSatisfy { $0 == .closedAtSubscribing("SRUP/b1") }, "\(faults)")
            broker.behaviour.closesAtSubscribe = []
            waitUntil { !told().sessions.isEmpty }
            #expect(!told().sessions.isEmpty)
        }
    }

    @Test("topics that were added and are refused, lowered, or closed for, are named and cost the others nothing")
    func added() throws {
        var behaviour = ScriptedBroker.Behaviour()
        behaviour.grants = ["SRUP/refused/#": 128, "SRUP/lowered/#": 0]
        behaviour.closesAtSubscribe = ["SRUP/closed/#"]
        let added = ["SRUP/refused/#", "SRUP/closed/#", "SRUP/lowered/#", "SRUP/d1/#"]
        try withLink(behaviour, adding: added) { broker, link, told in
            waitUntil { !told().sessions.isEmpty }
            #expect(told().left.contains(.closedAtSubscribing("SRUP/closed/#")), "\(told())")
            #expect(told().left.contains(.subscriptionRefused("SRUP/refused/#")))
            #expect(told().left.contains(.subscriptionLowered("SRUP/lowered/#")))
            #expect(!told().left.contains { $0.message.contains("SRUP/b1") || $0.message.contains("SRUP/d1") })
            let last = broker.received.last?.split(separator: " ").first
            let granted = broker.received.filter { $0.split(separator: " ").first == last }
            #expect(granted.count == 4 && !granted.contains { $0.hasSuffix("SRUP/closed/#") }, "\(broker.received)")
            link.subscribe(to: ["SRUP/d2/#", "SRUP/d1/#"])
            waitUntil { broker.received.last?.hasSuffix("SRUP/d2/#") == true }
            #expect(broker.received.filter { $0.hasPrefix("\(last ?? "") ") }.count == 5)
        }
    }

    @Test("whether the broker has had a session is reported with the connection", arguments: [true, false])
    func session(hasSession: Bool) throws {
        var behaviour = ScriptedBroker.Behaviour()
        behaviour.hasSession = hasSession
        try withLink(behaviour) { _, _, told in
            waitUntil { !told().sessions.isEmpty }
            #expect(told().sessions == [hasSession])
        }
    }
}
