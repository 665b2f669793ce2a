import Keys
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import Broker

@Suite("Messages from a broker")
struct MessageIntakeTests {
    private let clock = ManualClock()
    private let log = LogRecorder()
    private let reports: Reports
    private let intake: MessageIntake
    private let key: IdentityKey

    init() throws {
        let reports = Reports(EventLog(log.logger, clock: clock), clock: clock) { _ in true }
        let keyring = try TestKeys.keyring("c2_2048", of: server)
        (self.reports, key) = (reports, try TestKeys.privateKey("c2_2048"))
        intake = MessageIntake(us, keyring: { keyring }, clock: clock, reports: reports)
    }

    private func message(
        _ sequence: UInt64, _ body: Body = .observationRequest(joining: device, sealed: Octets([1])),
        token: Token = MessageIntakeTests.token(0), from sender: Identifier = server,
        on topic: String = "t"
    ) throws -> Incoming {
        let message = Message(sequence: SequenceID(sequence), sender: sender, token: token, body: body)
        return Incoming(topic: topic, payload: try message.signed(by: key))
    }

    /// A token that names its parties.
    private static func token(_ number: UInt8, beacon: Identifier = us) -> Token {
        Token(random: Array(repeating: number, count: 16), server: server, beacon: beacon)
    }

    /// The messages that reach the observer.
    private func take(
        _ batch: [Incoming], isShared: Bool = false, duration: Duration = .zero, isRefused: Bool = false
    ) throws -> (taken: Int, messages: [(Message, MessageContext)]) {
        var messages: [(Message, MessageContext)] = []
        let taken = try intake.take(batch[...], isShared: isShared, context: { _ in MessageContext() }) { event in
            if case .message(let message, let context) = event {
                messages.append((message.content, context))
            }
            clock.advance(by: duration)
            return !isRefused
        }
        return (taken, messages)
    }

    @Test(
        "only complete messages with a valid signature of a known sender reach the observer; the rest is counted and logged"
    )
    func checks() throws {
        let good = try message(1)
        var bent = good.payload
        bent[bent.count - 1] ^= 1
        let batch = [
            Incoming(topic: "SRUP/x", payload: [1, 2, 3]), Incoming(topic: "SRUP/x", payload: bent),
            try message(2, from: otherServer), try message(3, from: us), good,
        ]
        let seen = try take(batch)
        #expect(seen.taken == 5 && seen.messages.map(\.0.sequence) == [SequenceID(1)])
        #expect(
            reports.metrics.refused == ["malformed-frame": 1, "bad-signature": 1, "unknown-sender": 1])
        #expect(
            log.texts.count == 3
                && log.texts.allSatisfy {
                    $0.hasPrefix("refused a message on SRUP/x: ") || $0.hasPrefix("refused a message on t: ")
                })
    }

    @Test("a topic that is not short printable ASCII is shown as hexadecimal digits")
    func topic() throws {
        for topic in ["a b", "a\u{1B}[31m", "ä", String(repeating: "x", count: 81)] {
            _ = try take([Incoming(topic: topic, payload: [])])
        }
        #expect(log.texts.count == 4 && log.texts.allSatisfy { $0.contains("a message on 0x") })
        #expect(log.texts[0].contains("0x612062:"))
    }

    @Test("a batch is processed for thirty milliseconds at a time, and the rest later")
    func turn() throws {
        let batch = try (1...5).map { try message(UInt64($0), .response(.actionSuccess)) }
        #expect(try take(batch, duration: .milliseconds(10)).taken == 3)
        #expect(try take(batch, duration: .milliseconds(31)).taken == 1)
        #expect(try take(batch, duration: .milliseconds(1)).taken == 5)
    }

    @Test("a request that a later one of the batch replaces need not be opened")
    func overtaken() throws {
        let newer = MessageIntakeTests.token(1)
        #expect(
            try take([message(1), message(2, token: newer)]).messages.map(\.1.isOvertaken) == [
                true, false,
            ])
        let others: [Incoming] = [
            try message(2), try message(1, token: newer),
            try message(2, token: Token(random: Array(16..<32))),
            try message(2, token: MessageIntakeTests.token(1, beacon: device)),
            try message(2, .observationRequest(joining: otherServer, sealed: Octets([1])), token: newer),
        ]
        for (index, other) in others.enumerated() {
            #expect(try take([message(1), other]).messages.first?.1.isOvertaken == false, "\(index)")
        }
    }

    @Test(
        "of several servers, one that keeps the beacon busy is ignored for a while, except for what must always be obeyed"
    )
    func budget() throws {
        for sequence in 1...3 {
            _ = try take([message(UInt64(sequence))], isShared: true, duration: .seconds(2))
        }
        let batch = [
            try message(6), try message(7, .response(.actionSuccess)), try message(8, .terminateCommand),
        ]
        #expect(
            try take(batch, isShared: true).messages.map(\.0.sequence) == [SequenceID(7), SequenceID(8)])
        #expect(reports.metrics.refused == ["too-fast": 1])
        #expect(log.texts.last?.hasSuffix("it keeps this beacon from its other servers") == true)
        #expect(
            try take(batch, isShared: false).messages.count == 3,
            "a server alone may take all of the time")
        clock.advance(by: .seconds(30))
        #expect(try take([message(9)], isShared: true).messages.count == 1)
    }

    @Test("refused messages do not count against their sender")
    func refused() throws {
        for sequence in 1...5 {
            _ = try take(
                [message(UInt64(sequence))], isShared: true, duration: .seconds(2), isRefused: true)
        }
        #expect(try take([message(6)], isShared: true).messages.count == 1)
    }
}
