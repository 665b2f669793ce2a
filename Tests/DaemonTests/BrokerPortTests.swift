import Observing
import SRUP
import Testing
import TestVectors

@testable import Daemon
@testable import Broker

@Suite("The connection to the brokers")
struct BrokerPortTests {
    private let log = LogRecorder()
    private let link = FakeBrokerLink()
    private let clock = ManualClock()
    private let one = BrokerAddress(host: "one.example", port: 8883)
    private let other = BrokerAddress(host: "two.example", port: 8883)

    /// A port to a journal that the test opened, and that may fail to record.
    private func port(_ journal: Journal? = nil, records: @escaping () -> Bool = { true })
        -> BrokerPort
    {
        let port = BrokerPort(
            events: EventLog(log.logger, clock: clock), clock: clock,
            outlets: BrokerPort.Outlets(
                outbox: { [clock] in
                    let receipt = Journal.Receipt(by: $0, at: clock.now, kept: .seconds(600))
                    return journal == nil ? [] : try? journal?.outbox(for: receipt)
                },
                delivered: { [clock] ids, broker in
                    let receipt = Journal.Receipt(by: broker, at: clock.now, kept: .seconds(600))
                    guard records(), let told = try? journal?.delivered(ids, at: 1, by: receipt),
                        (try? journal?.commit()) != nil
                    else { return nil }
                    return told
                },
                forgotten: {
                    try? journal?.forgetAcknowledgements(of: $0)
                    try? journal?.commit()
                }))
        port.start(link)
        return port
    }

    private func message(_ id: Int64) -> Publishing.Queued {
        .init(server: server, message: Outgoing(id: id, topic: "t", payload: []))
    }

    @Test("without a connection nothing is published; with one, the outbox goes first, in its order")
    func outbox() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let ids = try (1...3).map {
                    try journal.queue(Sample.response($0, Sample.exchange(UInt8($0)).token))
                }
                try journal.commit()
                let port = port(journal)
                port.publish([message(9)])
                #expect(link.take() == ["start"] && port.message == "connecting" && !port.isConnected)
                port.take(.connected(one, connection: 1))
                #expect(link.take() == ["publish \(ids[0]) \(ids[1]) \(ids[2]) over 1"])
                #expect(port.isConnected && port.message == "connected to one.example:8883")
                port.publish([message(9)])
                port.publish([])
                #expect(link.take() == ["publish 9 over 1"])
                port.take(.lost(one, .closed))
                port.publish([message(10)])
                #expect(link.take() == [])
            }
        }
    }

    @Test(
        "what a broker has acknowledged is not published again, and each answer to an observation has a line"
    )
    func acknowledged() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(Sample.opened(), Sample.answered())
                let answer = try journal.queue(Sample.response(2))
                let join = try journal.queue(Sample.join(3))
                try journal.commit()
                let port = port(journal)
                port.take(.connected(one, connection: 1))
                port.take(.acknowledged([answer]))
                #expect(
                    log.texts.last
                        == "the broker has the answer to \(server) about \(device), token \(Sample.token)")
                #expect(log.lines.last?.fields["event"] == "acknowledged")
                port.take(.lost(one, .closed))
                _ = link.take()
                port.take(.connected(one, connection: 2))
                #expect(link.take() == ["publish \(join) over 2"])
                _ = log.take()
                port.take(.acknowledged([join]))
                #expect(try journal.outboxCount() == 0 && log.take() == [])
            }
        }
    }

    @Test(
        "what one broker has acknowledged goes to another again, before anything newer, and to none of them twice; nobody is told twice"
    )
    func republished() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(Sample.opened(), Sample.answered())
                let (first, second) = (
                    try journal.queue(Sample.response(2)),
                    try journal.queue(Sample.response(3, Sample.exchange(9).token))
                )
                try journal.commit()
                let port = port(journal)
                port.take(.connected(one, connection: 1))
                port.take(.acknowledged([first]))
                #expect(try journal.outboxCount() == 1)
                port.take(.lost(one, .closed))
                let third = try journal.queue(Sample.response(4, Sample.exchange(8).token))
                try journal.commit()
                _ = (link.take(), log.take())
                port.take(.connected(other, connection: 2))
                #expect(link.take() == ["publish \(first) \(second) \(third) over 2"])
                port.take(.acknowledged([first, second, third]))
                #expect(!log.texts.contains { $0.contains("has the answer") })
                try #expect(journal.outboxCount() == 0)
                port.take(.lost(other, .closed))
                port.take(.connected(one, connection: 3))
                #expect(link.take() == ["publish \(second) \(third) over 3"], "it has the first one itself")
                port.take(.acknowledged([second, third]))
                port.take(.lost(one, .closed))
                port.take(.connected(other, connection: 4))
                #expect(link.take() == [])
                port.take(.lost(other, .closed))
                port.take(.connected(one, connection: 5, hasSession: false))
                #expect(
                    link.take() == ["publish \(first) \(second) \(third) over 5"], "it has lost them with the session")
            }
        }
    }

    @Test("an acknowledgement that could not be recorded is not reported; the message is published again")
    func notRecorded() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(Sample.opened(), Sample.answered())
                let answer = try journal.queue(Sample.response(2))
                try journal.commit()
                let port = port(journal) { false }
                port.take(.connected(one, connection: 1))
                _ = (link.take(), log.take())
                port.take(.acknowledged([answer]))
                port.take(.connected(one, connection: 2))
                #expect(link.take() == ["publish \(answer) over 2"])
                #expect(!log.texts.contains { $0.contains("has the answer") })
            }
        }
    }

    @Test(
        "each broker's fault is logged once, until a connection was made or the fault changes")
    func faults() {
        let port = port()
        for _ in 0..<3 {
            port.take(.lost(one, .unreachable("no route")))
            port.take(.lost(other, .unknownHost("two.example")))
        }
        let warnings = { log.lines.filter { $0.level == .warning }.map(\.text) }
        #expect(
            warnings()
                == [BrokerFault.unreachable("no route"), .unknownHost("two.example")].enumerated().map {
                    "\($0 == 0 ? one : other): \($1.message); hint: \($1.hint(for: .beacon))"
                })
        #expect(
            log.lines.filter { $0.level == .warning }.allSatisfy { $0.fields["event"] == "broker-lost" })
        port.take(.lost(one, .silent))
        #expect(warnings().count == 3 && port.state == .lost(one, .silent))
        port.take(.connected(one, connection: 1))
        port.take(.lost(one, .silent))
        #expect(warnings().count == 4)
    }

    @Test("a closed connection is not reported if its reason is already known")
    func bareEnd() {
        let port = port()
        port.take(.lost(one, .refused(code: 5)))
        port.take(.lost(one, .closed))
        #expect(
            port.state == .lost(one, .refused(code: 5))
                && log.lines.filter { $0.level == .warning }.count == 1)
        port.take(.connected(one, connection: 1))
        port.take(.lost(one, .closed))
        #expect(port.state == .lost(one, .closed))
        #expect(port.message == "one.example:8883: the connection to the broker ended")
    }
}
