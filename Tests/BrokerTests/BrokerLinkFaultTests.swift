import Foundation
import OperatorText
import Synchronization
import TestVectors
import Testing

@testable import Broker

@Suite("A broker that a link cannot use", .blocking)
struct BrokerLinkFaultTests {
    /// What a link has reported, and on which thread.
    private struct Told {
        var faults: [BrokerFault] = []
        var connections = 0
        var thread: pthread_t?
    }

    /// A folder with a CA, and a client certificate that the CA has issued.
    private func withAuthority(_ body: (TestAuthority) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let authority = TestAuthority(folder: folder)
            try authority.make()
            try authority.issue("client", for: "beacon")
            try body(authority)
        }
    }

    /// The processor time that a thread has used, in seconds.
    private func processorTime(of thread: pthread_t) -> Double {
        var (clock, time) = (clockid_t(), timespec())
        guard pthread_getcpuclockid(thread, &clock) == 0, clock_gettime(clock, &time) == 0 else { return .infinity }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func waitUntil(_ holds: () -> Bool) { for _ in 0..<6_000 where !holds() { usleep(10_000) } }

    /// The link reports the fault, tries again, reports the same fault, and uses little processor time.
    /// - Parameter attempts: how many attempts to wait for; a name look-up takes seconds on some machines.
    private func expectFault(
        _ address: BrokerAddress, _ authority: TestAuthority, authorityFile: String = "ca.pem",
        client: String = "client", attempts: Int = 6, _ message: String, hint: String,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let folder = authority.folder
        let files = TLSFiles(
            authority: folder.path(authorityFile), certificate: folder.path(client + ".pem"),
            key: folder.path(client + ".key"))
        var settings = BrokerLink.Settings(
            brokers: [address], clientID: "b1", tls: files, subscriptions: ["SRUP/b1"], maximumPayload: 100)
        (settings.initialRetry, settings.maximumRetry) = (.milliseconds(50), .milliseconds(200))
        #expect(settings.connectLimit == .seconds(10))
        settings.connectLimit = .milliseconds(500)
        let told = Mutex(Told())
        let link = BrokerLink(settings) { _ in
            true
        } happened: { event in
            told.withLock {
                $0.thread = pthread_self()
                switch event {
                case .connected: $0.connections += 1
                case .lost(_, let fault): $0.faults.append(fault)
                case .acknowledged, .notSubscribed: break
                }
            }
        }
        link.start()
        waitUntil { told.withLock { !$0.faults.isEmpty } }
        let thread = try #require(told.withLock { $0.thread }, sourceLocation: location)
        let (begin, used) = (Date(), processorTime(of: thread))
        waitUntil { told.withLock { $0.faults.count >= attempts } }
        let share = (processorTime(of: thread) - used) / Date().timeIntervalSince(begin)
        link.stop()
        let faults = told.withLock { $0.faults }
        #expect(
            told.withLock { $0.connections } == 0 && faults.count >= attempts, "\(faults)", sourceLocation: location)
        #expect(share < 0.25, "\(share) of a processor", sourceLocation: location)
        // The end of an attempt may be reported before its reason.
        let named = faults.filter { $0 != .closed }
        #expect(
            named.count >= attempts / 2 && named.allSatisfy { $0 == named.first }, "\(faults)", sourceLocation: location
        )
        #expect(named.first?.message.contains(message) == true, "\(faults)", sourceLocation: location)
        #expect(named.first?.hint(for: .beacon).contains(hint) == true, "\(faults)", sourceLocation: location)
    }

    @Test("a certificate by another CA")
    func wrongAuthority() throws {
        try withAuthority { authority in
            try authority.make("other")
            try authority.issue("server", for: "localhost")
            let broker = try FaultyBroker(.tls, authority.folder)
            try expectFault(
                BrokerAddress(host: "localhost", port: broker.port), authority, authorityFile: "other.pem",
                "not in our CA file", hint: "[broker] ca")
        }
    }

    @Test("a certificate that has expired")
    func expired() throws {
        try withAuthority { authority in
            try authority.issue("server", for: "localhost", days: 0)
            let broker = try FaultyBroker(.tls, authority.folder)
            try expectFault(
                BrokerAddress(host: "localhost", port: broker.port), authority,
                "the broker's certificate \"CN = localhost\" expired on",
                hint: "have the broker's certificate renewed")
        }
    }

    @Test("a certificate for another name", arguments: ["localhost", "127.0.0.1"])
    func wrongName(host: String) throws {
        try withAuthority { authority in
            try authority.issue("server", for: "broker.example.org")
            let broker = try FaultyBroker(.tls, authority.folder)
            try expectFault(
                BrokerAddress(host: host, port: broker.port), authority, "is for another name: broker.example.org",
                hint: "the name that is in the broker's certificate")
        }
    }

    @Test("a broker that does not accept our certificate")
    func refusedClient() throws {
        try withAuthority { authority in
            try authority.make("other")
            try authority.issue("server", for: "localhost")
            try authority.issue("stranger", for: "beacon", by: "other")
            let broker = try FaultyBroker(.tls, authority.folder)
            try expectFault(
                BrokerAddress(host: "localhost", port: broker.port), authority, client: "stranger",
                "does not accept our certificate", hint: "[broker] certificate")
        }
    }

    @Test("a name without an address")
    func noName() throws {
        try withAuthority {
            try expectFault(
                BrokerAddress(host: "broker.invalid", port: 8_883), $0, attempts: 2, "has no address",
                hint: "[broker] address")
        }
    }

    @Test("a connection that is reset during the handshake")
    func resets() throws {
        try withAuthority { authority in
            let broker = try FaultyBroker(.resets, authority.folder)
            try expectFault(
                BrokerAddress(host: "localhost", port: broker.port), authority, "TLS with the broker failed",
                hint: "speaks TLS 1.2")
        }
    }

    @Test("a broker that accepts and sends nothing is disconnected when the time for connecting is over")
    func silent() throws {
        try withAuthority { authority in
            let broker = try FaultyBroker(.silent, authority.folder)
            try expectFault(
                BrokerAddress(host: "localhost", port: broker.port), authority, attempts: 3, "did not answer in time",
                hint: "tried again")
        }
    }
}
