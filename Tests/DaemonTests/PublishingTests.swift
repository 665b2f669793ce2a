import Observing
import SRUP
import TestVectors
import Testing

@testable import Broker
@testable import Daemon

/// The decisions: BrokerTests/PublishPlanTests. A real broker and the whole daemon: SystemTests/ClosingBrokerTests.
@Suite("Messages on their way to the broker")
struct PublishingTests {
    private let log = LogRecorder()
    private let link = FakeBrokerLink()
    private let clock = ManualClock()
    private let one = BrokerAddress(host: "one.example", port: 8883)
    private let denied = Identifier(0xd1)
    private let allowed = Identifier(0xa1)

    /// What waits, as the journal would have it.
    private final class Outbox {
        var waiting: [Publishing.Queued]?
        init(_ waiting: [Publishing.Queued]) { self.waiting = waiting }
    }

    private func queued(_ id: Int64, _ server: Identifier) -> Publishing.Queued {
        .init(server: server, message: Outgoing(id: id, topic: "SRUP/servers/\(server.topicForm)/b1", payload: []))
    }

    private func port(_ outbox: Outbox) -> BrokerPort {
        let port = BrokerPort(
            events: EventLog(log.logger, clock: clock), clock: clock,
            outlets: BrokerPort.Outlets(
                outbox: { _ in outbox.waiting },
                delivered: { ids, _ in
                    outbox.waiting?.removeAll { ids.contains($0.id) }
                    return []
                }, forgotten: { _ in }))
        port.start(link)
        return port
    }

    /// A broker that closes the connection at the denied server's topic, and acknowledges everything else.
    private func serve(_ port: BrokerPort, connection: inout Int, _ count: Int = 1) {
        for _ in 0..<count {
            connection += 1
            port.take(.connected(one, connection: connection))
            clock.advance(by: .milliseconds(1))
            answer(port)
        }
    }

    private func answer(_ port: BrokerPort) {
        while true {
            let sent = link.takeMessages()
            for message in sent { message.isWritten?() }
            let taken = sent.prefix { !$0.topic.contains("/d1/") }
            if !taken.isEmpty { port.take(.acknowledged(taken.map(\.id))) }
            if taken.count < sent.count { return port.take(.lost(one, .closed)) }
            if sent.isEmpty { return }
        }
    }

    /// The port after the broker has closed the connection often enough.
    private func aside(_ outbox: Outbox) -> (port: BrokerPort, connection: Int) {
        let port = port(outbox)
        var connection = 0
        serve(port, connection: &connection, 4)
        clock.advance(by: .seconds(5))
        answer(port)
        return (port, connection)
    }

    @Test("a server is set aside with one warning and a hint; its messages stay, and the other server is served")
    func setAside() {
        let outbox = Outbox([queued(1, denied), queued(2, allowed), queued(3, denied)])
        var (port, connection) = aside(outbox)
        let fault = SetAside(server: denied, topic: "SRUP/servers/d1/b1")
        #expect(port.publishing.setAside == [denied: fault])
        let warnings = log.lines.filter { $0.fields["event"] == "set-aside" }
        #expect(warnings.map(\.text) == ["\(fault.message); hint: \(fault.hint(for: .beacon))"])
        #expect(warnings.first?.level == .warning && warnings.first?.fields["server"] == denied.description)
        #expect(outbox.waiting?.map(\.id) == [1, 3])
        serve(port, connection: &connection)
        outbox.waiting?.append(queued(4, allowed))
        port.publish([queued(4, allowed)])
        #expect(link.takeMessages().map(\.id) == [4] && port.isConnected)
        #expect(port.publishing.report(on: denied)?.topic == fault.topic)
        #expect(port.publishing.report(on: allowed) == nil)
    }

    @Test("it is tried again after its pause and at an order, and served again once the broker takes its message")
    func again() {
        let outbox = Outbox([queued(1, denied), queued(2, allowed)])
        var (port, connection) = aside(outbox)
        serve(port, connection: &connection)
        clock.advance(by: .seconds(56))
        answer(port)
        #expect(!port.isConnected && log.texts.last?.contains("stays set aside") == false)
        #expect(log.texts.contains { $0.contains("stays set aside") && $0.hasSuffix("tried again in 120 s") })
        serve(port, connection: &connection)
        clock.advance(by: .seconds(5))
        #expect(link.takeMessages().isEmpty)
        port.publishing.tryAgain(denied)
        let sent = link.takeMessages()
        #expect(sent.map(\.id) == [1])
        port.take(.acknowledged([1]))
        #expect(port.publishing.setAside.isEmpty)
        #expect(log.texts.last == "server \(denied) is no longer set aside")
    }

    @Test("an outbox that cannot be read shows nothing: the server stays set aside, and nothing is sent")
    func unreadable() {
        let outbox = Outbox([queued(1, denied)])
        var (port, connection) = aside(outbox)
        outbox.waiting = nil
        serve(port, connection: &connection)
        port.publishing.tryAgain()
        clock.advance(by: .seconds(600))
        #expect(link.takeMessages().isEmpty && port.publishing.setAside.keys.contains(denied))
    }

    @Test(
        "ends with a reason that is known set nobody aside",
        arguments: [
            BrokerFault.silent, .leftToReturn, .notKept, .excessive, .unreachable("No route to host"),
        ])
    func known(fault: BrokerFault) {
        let outbox = Outbox([queued(1, denied)])
        let port = port(outbox)
        for connection in 1...12 {
            port.take(.connected(one, connection: connection))
            clock.advance(by: .seconds(5))
            for message in link.takeMessages() { message.isWritten?() }
            port.take(.lost(one, fault))
        }
        #expect(port.publishing.setAside.isEmpty)
        #expect(!fault.isClosing && BrokerFault.closed.isClosing)
        #expect(BrokerFault.unreachable("Connection reset by peer").isClosing)
    }

    @Test("its message and its hint keep the rules for texts, and name the topic")
    func texts() {
        let fault = SetAside(server: denied, topic: "SRUP/servers/d1/b1")
        #expect(OperatorTextRules.broken(by: fault) == [])
        #expect(fault.message.contains(fault.topic) && fault.hint(for: .beacon).contains(fault.topic))
    }

    @Test("explain names it where an answer waits, and as the cause of a join that waits")
    func explained() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(
                    .accepted(server, SequenceID(1)), try Sample.opened(), .membership(server, .refused), at: 1_000)
                try journal.record(Sample.answered(), at: 1_060)
                let answer = try journal.queue(Sample.response(16))
                try journal.commit()
                let fault = SetAside(server: server, topic: "SRUP/b1")
                let waiting = try journal.explain(Sample.token.description, setAside: [server: fault])
                #expect(waiting.first?.steps.last?.what == fault.message)
                #expect(waiting.first?.next == fault.hint(for: .beacon))
                let join = try journal.explain(server.description, setAside: [server: fault])
                #expect(join.first?.cause == fault.message && join.first?.next == fault.hint(for: .beacon))
                _ = try journal.delivered([answer], at: 1_061)
                let told = try journal.explain(Sample.token.description, setAside: [server: fault])
                #expect(told.first?.steps.last?.what == Explanation.acknowledged)
                #expect(told.first?.next == "nothing")
            }
        }
    }
}
