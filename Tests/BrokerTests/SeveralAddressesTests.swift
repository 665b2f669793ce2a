import BootTime
import EventLoop
import Foundation
import OperatorText
import Synchronization
import TestVectors
import Testing

@testable import Broker

@Suite("A broker's name with several addresses", .blocking)
struct SeveralAddressesTests {
    @Test(
        "is connected to whichever address the broker has, in any order of the addresses, at once after a refusal",
        arguments: ["127.0.0.1", "::1"], [["::1", "127.0.0.1"], ["127.0.0.1", "::1"]])
    func oneFamily(host: String, addresses: [String]) throws {
        try LinkFixture.withCertificates { folder in
            let port = try Listener.freePort()
            let broker = try Mosquitto(folder, at: host, port: port)
            let fixture = LinkFixture(LinkFixture.settings(folder, addresses, port))
            defer { fixture.link.stop() }
            #expect(fixture.waitForConnection() < 5 && fixture.told.connections == 1)
            #expect(fixture.told.faults == [], "not even the first attempt is lost")
            broker.stop()
            fixture.waitForFaults(2)
            let names = fixture.told.faults.last?.message ?? ""
            #expect(names.hasSuffix("Connection refused"), "\(fixture.told.faults)")
        }
    }

    @Test("is connected beside an address that does not answer, and then begins with the one that did")
    func silent() throws {
        try LinkFixture.withCertificates { folder in
            let silent = try Listener(at: "127.0.0.2")
            try silent.silence("127.0.0.2")
            let broker = try Mosquitto(folder, at: "127.0.0.1", port: silent.port)
            let fixture = LinkFixture(LinkFixture.settings(folder, ["127.0.0.2", "127.0.0.1"], silent.port))
            defer { fixture.link.stop() }
            let first = fixture.waitForConnection()
            #expect((0.25..<5).contains(first) && fixture.told.faults == [], "\(first) s")
            fixture.link.reconnect()
            #expect(fixture.waitForConnection(2) < 5 && fixture.told.connections == 2)
            withExtendedLifetime(broker) {}
        }
    }

    /// A program at the first address takes the TCP connection and is of no use.
    private func expectSecond(
        after kind: FaultyBroker.Kind, certified authority: String = "ca", _ location: SourceLocation = #_sourceLocation
    ) throws {
        try LinkFixture.withCertificates { folder in
            try TemporaryFolder.with { other in
                let stranger = TestAuthority(folder: other)
                try stranger.make()
                try stranger.issue("server", for: "localhost")
                let faulty = try FaultyBroker(kind, other, at: "127.0.0.2")
                let broker = try Mosquitto(folder, at: "127.0.0.1", port: faulty.port)
                var settings = LinkFixture.settings(folder, ["127.0.0.2", "127.0.0.1"], faulty.port)
                settings.connectLimit = .seconds(2)
                let fixture = LinkFixture(settings)
                defer { fixture.link.stop() }
                let first = fixture.waitForConnection()
                #expect(fixture.told.connections == 1 && fixture.told.faults == [], sourceLocation: location)
                #expect(kind != .silent || first >= 2, "the first was tried: \(first) s", sourceLocation: location)
                let begin = Date()
                fixture.link.reconnect()
                _ = fixture.waitForConnection(2)
                let second = Date().timeIntervalSince(begin)
                #expect(second < 1.9, "the first was not tried again: \(second) s", sourceLocation: location)
                withExtendedLifetime(broker) {}
            }
        }
    }

    @Test("goes on to the next address where the first one is silent after TCP, within one attempt")
    func silentAfterConnecting() throws { try expectSecond(after: .silent) }

    @Test("goes on to the next address where the first one has another CA's certificate, within one attempt")
    func untrusted() throws { try expectSecond(after: .tls) }

    @Test("goes on to the next address where the first one resets the connection, within one attempt")
    func reset() throws { try expectSecond(after: .resets) }

    @Test(
        "after a connection that soon ended, begins with another address, and comes back to the first only after that one failed"
    )
    func leaves() throws {
        try LinkFixture.withCertificates { folder in
            let faulty = try FaultyBroker(.leaves, folder, at: "127.0.0.2")
            let broker = try Mosquitto(folder, at: "127.0.0.1", port: faulty.port)
            let fixture = LinkFixture(LinkFixture.settings(folder, ["127.0.0.2", "127.0.0.1"], faulty.port))
            defer { fixture.link.stop() }
            _ = fixture.waitForConnection(2)
            usleep(500_000)
            #expect(fixture.told.connections == 2 && fixture.told.faults == [.closed], "\(fixture.told.faults)")
            broker.stop()
            _ = fixture.waitForConnection(3)
            #expect(fixture.told.connections >= 3)
        }
    }

    @Test("with no address that works, reports the one that came furthest, with each attempt the same")
    func faults() throws {
        try LinkFixture.withCertificates { folder in
            try TemporaryFolder.with { other in
                let stranger = TestAuthority(folder: other)
                try stranger.make()
                try stranger.issue("server", for: "localhost")
                let faulty = try FaultyBroker(.tls, other, at: "127.0.0.2")
                let addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
                let fixture = LinkFixture(LinkFixture.settings(folder, addresses, faulty.port))
                defer { fixture.link.stop() }
                fixture.waitForFaults(4)
                let faults = fixture.told.faults
                #expect(faults.count >= 4 && Set(faults.map(\.message)).count == 1, "\(faults)")
                #expect(faults.first?.message.contains("certificate") == true, "\(faults)")
            }
        }
    }

    @Test("stops, answers and connects again while addresses are silent", arguments: [false, true])
    func meanwhile(isOpen: Bool) throws {
        try LinkFixture.withCertificates { folder in
            let listener = try Listener(at: "127.0.0.2")
            if !isOpen { try listener.silence("127.0.0.2") }
            let fixture = LinkFixture(LinkFixture.settings(folder, ["127.0.0.2"], listener.port))
            usleep(300_000)
            let turned = Mutex(false)
            let begin = Date()
            fixture.link.turn { turned.withLock { $0 = true } }
            for _ in 0..<500 where !turned.withLock({ $0 }) { usleep(2_000) }
            #expect(turned.withLock { $0 })
            fixture.link.reconnect()
            fixture.waitForFaults(1)
            #expect(fixture.told.faults == [.leftToReturn])
            fixture.link.stop()
            #expect(Date().timeIntervalSince(begin) < 2)
            #expect(fixture.told.connections == 0)
        }
    }

    @Test("with one address nothing is connected twice, and with two the second is left alone where the first answers")
    func once() throws {
        try LinkFixture.withCertificates { folder in
            let first = try Listener(at: "127.0.0.2")
            let second = try Listener(at: "127.0.0.3", port: first.port)
            for addresses in [["127.0.0.2"], ["127.0.0.2", "127.0.0.3"]] {
                let fixture = LinkFixture(LinkFixture.settings(folder, addresses, first.port))
                usleep(600_000)
                fixture.link.stop()
                #expect(first.accepted() == 1 && second.accepted() == 0)
            }
        }
    }

    @Test("a trial of the certificate, and the doctor's steps, go over the addresses as well")
    func trials() throws {
        try LinkFixture.withCertificates { folder in
            try TemporaryFolder.with { other in
                let stranger = TestAuthority(folder: other)
                try stranger.make()
                try stranger.issue("server", for: "localhost")
                let faulty = try FaultyBroker(.tls, other, at: "127.0.0.2")
                let broker = try Mosquitto(folder, at: "127.0.0.1", port: faulty.port)
                let addresses = ["127.0.0.3", "127.0.0.2", "127.0.0.1"]
                let settings = LinkFixture.settings(folder, addresses, faulty.port)
                #expect(throws: Never.self) { try BrokerLink.visit(settings, publishingTo: nil) }
                let place = BrokerAddress(host: "localhost", port: faulty.port)
                #expect(try place.reach(AddressRace(addresses)) == "127.0.0.2")
                #expect(try place.shakeHands(settings.tls, AddressRace(addresses)).version.hasPrefix("TLSv1"))
                let refused = #expect(throws: BrokerFault.self) {
                    try place.reach(AddressRace(["127.0.0.3", "127.0.0.4"]))
                }
                #expect(refused?.message.hasSuffix("Connection refused") == true)
                withExtendedLifetime(broker) {}
            }
        }
    }

    @Test(
        "TLS tells the broker its name as it is configured, and no numeric address",
        arguments: [
            ("localhost", "127.0.0.1", "localhost"), ("127.0.0.1", "127.0.0.1", "None"), ("::1", "::1", "None"),
        ])
    func names(host: String, address: String, told: String) throws {
        try LinkFixture.withCertificates { folder in
            let broker = try FaultyBroker(.names, folder, at: address)
            let fixture = LinkFixture(LinkFixture.settings(folder, [address], broker.port, host: host))
            #expect(broker.line() == told)
            fixture.link.stop()
            let place = BrokerAddress(host: host, port: broker.port)
            let tls = LinkFixture.settings(folder, [], 0).tls
            _ = try? place.shakeHands(tls, AddressRace([address]))
            #expect(broker.line() == told)
        }
    }
}
