import BootTime
import Foundation
import Glibc
import Observing
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import Broker
@testable import EventLoop
@testable import Nearby

@Suite("What status and the metrics tell of the components")
struct DaemonStateTests {
    private final class World {
        let loop = Loop()
        let clock = ManualClock()
        let log = LogRecorder()
        let configuration: Configuration
        var health = JournalHealth()
        var journal: Journal?
        var unanswered: Set<Identifier> = []
        var identityKey = StatusReport.IdentityKey(fingerprint: "ab")
        var renewal: CertificateRenewal?
        /// Why a transport cannot be listened on.
        var fault: LinkSocketError?
        private(set) lazy var events = EventLog(log.logger, clock: clock)
        private(set) lazy var broker = BrokerPort(
            events: events, clock: clock,
            outlets: BrokerPort.Outlets(outbox: { _ in [] }, delivered: { _, _ in [] }, forgotten: { _ in }))
        private lazy var sessions = BrokerSessions(
            clientID: "b1", events: events,
            outlets: BrokerSessions.Outlets(isKnown: { _ in nil }, note: { _ in }, wallSeconds: { 0 }))
        private(set) lazy var visits = BrokerVisits(
            configuration.brokers, configuration.brokerPolicy, clock: clock, events: events,
            outlets: BrokerVisits.Outlets(begin: { _ in }, upTo: { $0 }, wallSeconds: { 1_000 }))
        private(set) lazy var listeners = LinkListeners(
            configuration.listeners, loop: loop, clock: clock, log: log.logger,
            listen: { [unowned self] wanted throws(LinkSocketError) in
                if let fault, wanted.address.transport.isRadio { throw fault }
                return socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            }, accepted: { accepted, _ in close(accepted.socket) })
        private lazy var links = DeviceLinks(
            loop: loop, clock: clock, events: events,
            outlets: DeviceLinks.Outlets(
                deliver: { _, _ in }, canRecord: { true }, carried: { _ in }, measureSignal: { _, _, _ in false },
                refuse: { _, _ in }))
        private lazy var adapters = Adapters(
            [], clock: clock, log: log.logger,
            record: AdvertisingRecord(nil, bootID: "boot", log: log.logger),
            outlets: Adapters.Outlets(
                open: { _ throws(LinkSocketError) in throw .noBluetooth }, wish: { .init() }, closeLinks: { _ in },
                reopenListeners: {}, listensOnLE: { _ in false }, isBlocked: { _ in false }))
        private lazy var reports = Reports(events, clock: clock) { _ in true }
        private let started: Instant

        init(_ settings: String = "") throws {
            configuration = try Settings.configuration(Settings.good.joined(separator: "\n") + "\n" + settings)
            started = clock.now
        }

        var state: DaemonState {
            let observer = Observer(
                identity: us, policy: configuration.policy, unseal: { _ in .failure(.seal) },
                authenticate: { _, _ in [] })
            return DaemonState(
                now: clock.now, startedAt: started, configuration: configuration, observer: observer, journal: journal,
                health: health, broker: broker, brokerSessions: sessions, brokerVisits: visits, listeners: listeners,
                links: links,
                adapters: adapters, reports: reports, unanswered: unanswered, identityKey: identityKey, renewal: renewal
            )
        }

        /// Whether the metrics have this line.
        func tells(_ line: String) -> Bool { state.exposition.split(separator: "\n").contains(line[...]) }
    }

    private let address = BrokerAddress(host: "one.example", port: 8883)

    @Test("a journal that cannot be written: since when, why, and that nothing is known of the servers")
    func journal() throws {
        let world = try World()
        #expect(world.state.report.journal.state == .ok)
        let full = Journal.Failure.database(DatabaseError(code: 13, words: "full"))
        _ = world.health.failed(full, at: world.clock.now, wallSeconds: 0)
        world.health.found("the journal was damaged")
        let report = world.state.report
        #expect(report.journal.state == .full && report.journal.trouble == full.message)
        #expect(
            report.journal.since == "1970-01-01T00:00:00Z" && report.journal.findings == ["the journal was damaged"])
        #expect(report.servers.map(\.membership) == [.unknown] && report.servers[0].lastAccepted == nil)
        #expect(report.servers[0].text.contains("unknown, sequence ids sent 0, accepted unknown"))
        #expect(world.tells("srup_beacon_journal_writable 0"))
        world.health.recovered()
        _ = world.health.failed(
            .database(DatabaseError(code: 10, words: "I/O")), at: world.clock.now, wallSeconds: 0)
        #expect(world.state.report.journal.state == .failing)
    }

    @Test("the servers as the journal has them, and what waits for the broker")
    func servers() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let c2 = Identifier(0xC2)
                try journal.record(.membership(c2, .member), .accepted(c2, SequenceID(77)))
                _ = try journal.queue(Sample.response(9, Sample.exchange(1).token))
                try journal.commit()
                let world = try World()
                world.journal = journal
                let told = try #require(world.state.report.servers.first)
                #expect(told.membership == .known(.member) && told.lastAccepted == 77 && told.paused == false)
                #expect(world.state.report.journal.outbox == 1)
                #expect(told.unanswered == nil && !told.text.contains("not answered"))
                world.unanswered = [c2]
                let text = world.state.report.text
                #expect(
                    text.contains("server \(c2): member, not answered, sequence ids")
                        && text.contains("hint: srup-beacon explain"))
                #expect(world.tells("srup_beacon_outbox 1") && world.tells("srup_beacon_journal_writable 1"))
            }
        }
    }

    @Test("the broker: connecting, connected, or lost with why and what to do")
    func broker() throws {
        let world = try World()
        #expect(world.state.report.broker == .init(state: .connecting))
        world.broker.take(.connected(address, connection: 1))
        #expect(world.state.report.broker == .init(state: .connected, address: "one.example:8883"))
        #expect(world.tells("srup_beacon_broker_connected 1"))
        world.broker.take(.lost(address, .closed))
        let told = world.state.report.broker
        #expect(
            told.state == .lost && told.fault == BrokerFault.closed.message
                && told.hint == BrokerFault.closed.hint(for: .beacon))
        #expect(world.tells("srup_beacon_broker_connected 0"))
    }

    @Test("each transport: closed, listened on, or why not; the radio only where one is used")
    func listeners() throws {
        let world = try World("[link]\nl2cap = off\nle = off\nlocal = /run/link")
        #expect(world.state.report.links.map(\.state) == [.closed, .closed])
        world.fault = .noBluetooth
        world.listeners.open()
        let links = world.state.report.links
        #expect(links.map(\.transport) == [.rfcomm, .local])
        #expect(links.map(\.state) == [.failed("\(LinkSocketError.noBluetooth)"), .listening])
        #expect(world.tells(#"srup_beacon_listening{transport="local",address="/run/link"} 1"#))
        let listening = world.state.report.listening
        #expect(listening?.state == .partly && listening?.fault == "not listening on rfcomm")
        #expect(links[0].hint?.hasPrefix("load the modules") == true && links[1].hint == nil)
        let radio = world.state.report.radio
        #expect(radio?.state == .lacking("there is no Bluetooth adapter; one that comes is used at once"))
        let local = try World("[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = /run/link")
        #expect(local.state.report.radio == nil)
        #expect(local.state.report.listening?.state == .nothing)
        #expect(local.state.report.text.contains("links: no transport is listened on: no device can prove itself"))
    }

    @Test("how long it has been up, and when its certificate renews")
    func times() throws {
        let world = try World()
        world.clock.advance(by: .milliseconds(90_900))
        let named = try World("[beacon]\nname = Tor \"3\"\nsite = harbour\nposition = 51.95,4.14")
        let hash = named.configuration.hash
        #expect(hash == world.configuration.hash, "the name is the beacon's own")
        func information(_ world: World, _ place: String) -> String {
            "srup_beacon_info{identity=\"\(world.configuration.identity)\",version=\"\(Shell.version)\",\(place)"
                + "configuration=\"\(hash)\"} 1"
        }
        #expect(named.tells(information(named, "name=\"Tor \\\"3\\\"\",site=\"harbour\",")))
        #expect(world.tells(information(world, "")), "what is not set has no label")
        let told = named.state.report
        #expect(
            told.text.contains("\nplace: \"Tor \"3\"\", site harbour, position 51.95,4.14\nconfiguration: \(hash)\n"))
        #expect(!world.state.report.text.contains("place:"))
        #expect(world.state.report.uptimeSeconds == 90 && world.tells("srup_beacon_up_seconds 90"))
        #expect(
            world.state.report.certificate.renewal == nil && world.tells("srup_beacon_certificate_renewal_failures 0"))
        let work = HeldWork()
        world.renewal = CertificateRenewal(
            clock: world.clock, log: world.log.logger, background: work.background,
            outlets: .init(
                schedule: { RenewalSchedule(notBefore: 0, notAfter: 129_600) }, wallSeconds: { 90_000 },
                renew: { ChildProcess.Result(status: 256, lines: ["srup-beacon: no answer"]) }, renewed: {}))
        #expect(world.state.report.certificate.renewal == "1970-01-02T00:00:00Z")
        #expect(world.tells("srup_beacon_certificate_renewal_failures 0"))
        world.clock.advance(by: .seconds(2))
        work.finish()
        #expect(
            world.state.report.certificate.fault == "no answer"
                && world.tells("srup_beacon_certificate_renewal_failures 1"))
    }

    @Test("a key file that was replaced after it was read is named, with what to do; otherwise the key has no line")
    func replacedKey() throws {
        let world = try World()
        #expect(!world.state.report.text.contains("identity key"))
        world.identityKey.isReplaced = true
        let report = world.state.report
        #expect(
            report.text.contains("identity key: its file was replaced") && report.text.contains("srup-beacon rotate"))
        let json = String(decoding: try encoder().encode(report), as: UTF8.self)
        #expect(json.contains("\"replaced\" : true") && json.contains("\"fingerprint\" : \"ab\""))
        #expect(try decoder().decode(StatusReport.self, from: Data(json.utf8)) == report)
    }
}
