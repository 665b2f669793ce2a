import SRUP
import TestVectors
import Testing

@testable import Broker
@testable import Daemon

/// With a real broker: SystemTests/LostSessionTests.
@Suite("The session at the broker")
struct BrokerSessionsTests {
    private let log = LogRecorder()
    private let one = BrokerAddress(host: "one.example", port: 8883)
    private let other = BrokerAddress(host: "two.example", port: 8883)

    private func sessions(_ journal: Journal?, clientID: String = "b1") -> BrokerSessions {
        BrokerSessions(
            clientID: clientID, events: EventLog(log.logger, clock: ManualClock()),
            outlets: BrokerSessions.Outlets(
                isKnown: { try? journal?.knowsSession($0) },
                note: {
                    try? journal?.noteSession($0, at: 1)
                    try? journal?.commit()
                }, wallSeconds: { 77 }))
    }

    @Test("a broker that had one and has none any more is reported with what that means, also after a restart")
    func lost() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let sessions = sessions(journal)
                #expect(!sessions.connected(to: one, hasSession: false), "the first time there is none")
                #expect(!sessions.connected(to: one, hasSession: true) && log.lines.isEmpty)
                #expect(sessions.connected(to: one, hasSession: false))
                let fault = SessionLost(broker: one, clientID: "b1")
                #expect(sessions.lastLoss?.fault == fault && sessions.lastLoss?.at == 77)
                #expect(log.texts == ["\(fault.message); hint: \(fault.hint(for: .beacon))"])
                #expect(log.lines.first?.fields["event"] == "broker-session-lost")
            }
            try folder.run { journal in
                #expect(sessions(journal).connected(to: one, hasSession: false), "it is known in the next run")
                #expect(!sessions(journal).connected(to: other, hasSession: false), "of another broker it is not")
                #expect(!sessions(journal, clientID: "b2").connected(to: one, hasSession: false), "nor of another id")
            }
        }
    }

    @Test("without a journal nothing is known, so nothing is reported")
    func noJournal() {
        let sessions = sessions(nil)
        for _ in 0..<2 { #expect(!sessions.connected(to: one, hasSession: false)) }
        #expect(log.lines.isEmpty && sessions.lastLoss == nil)
    }

    @Test("the faults of this kind keep the rules for texts")
    func texts() {
        #expect(OperatorTextRules.broken(by: SessionLost(broker: one, clientID: "b1")) == [])
        #expect(OperatorTextRules.broken(by: PublishDenied(topic: "SRUP/b1")) == [])
    }

    @Test("a loss is counted, and status has it with its time and a hint")
    func counted() throws {
        try withMember { fixture in
            try fixture.on { $0.brokerHappened(.lost(BrokerAddress(host: "broker.example.org", port: 8883), .closed)) }
            try fixture.connect(hasSession: false)
            let broker = try fixture.report().broker
            #expect(broker.sessionLost?.fault.contains("has lost the session") == true, "\(broker)")
            #expect(try fixture.report().text.contains("has lost the session"))
            let metrics = try fixture.on { $0.exposition }
            #expect(metrics.contains("srup_beacon_broker_sessions_lost_total 1\n"))
        }
    }
}
