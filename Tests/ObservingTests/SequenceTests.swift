import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// The sequence ids that the beacon sends (docs/protocol.md, section 4).
@Suite struct SequenceTests {
    private let step = Observer.sequenceStep

    @Test(
        "an answer stays above as many requests as may be under way when it is sent, for a server with one id for both directions"
    )
    func manyUnderWay() {
        var harness = Harness()
        let limit = UInt64(harness.observer.policy.observationLimit)
        harness.ask()
        let asked = harness.journal.accepted[server]?.number ?? 0
        let answer = harness.prove(over: harness.ready()).sent.last?.sequence.number ?? 0
        #expect(answer >= asked + 2 * limit)
    }

    @Test("at the highest rate of requests and commands, ids that began at the clock stay behind it")
    func behindTheClock() {
        let policy = Policy()
        let perSecond = [(policy.requestRate, 3), (policy.commandRate, 2)].map { rate, answers in
            UInt64(answers) * UInt64(Duration.seconds(1) / rate.interval) * Observer.sequenceStep
        }
        #expect(perSecond.reduce(0, +) < 1_000_000, "ids a second, of as many microseconds")
    }

    @Test("the next id is a step above the higher of the last that we sent and the last that we accepted")
    func stepAbove() {
        var harness = Harness()
        #expect(harness.say(.action(1), sequence: SequenceID(100)).sent.map(\.sequence.number) == [100 + step])
        #expect(harness.say(.action(1), sequence: SequenceID(101)).sent.map(\.sequence.number) == [100 + 2 * step])
        #expect(harness.say(.action(1), sequence: SequenceID(100_000)).sent.map(\.sequence.number) == [100_000 + step])
    }

    @Test("a message that crosses with ours, one above what the server knew, is accepted, and ours stays above it")
    func crossing() {
        var harness = Harness()
        harness.ask()
        let crossing = SequenceID((harness.journal.accepted[server]?.number ?? 0) + 1)
        harness.advance(.seconds(120))
        #expect(harness.say(.action(1), sequence: crossing).refusals.isEmpty)
        #expect(harness.journal.outbox.allSatisfy { $0.message.sequence > crossing })
    }

    @Test("each server has its own ids")
    func perServer() {
        var harness = Harness()
        #expect(
            harness.say(.action(1), by: server, sequence: SequenceID(5000)).sent.map(\.sequence.number) == [5000 + step]
        )
        #expect(
            harness.say(.action(1), by: otherServer, sequence: SequenceID(7)).sent.map(\.sequence.number) == [7 + step])
    }

    @Test("several messages of one event have rising ids in the order in which they are sent")
    func severalAtOnce() {
        var harness = Harness(Policy { $0.reportsEvidence = true })
        for number in 1...20 { harness.ask("t\(number)", for: Identifier(UInt64(number) << 8)) }
        let sent = harness.say(.terminateCommand).sent.map(\.sequence)
        #expect(sent.count == 20 && sent == sent.sorted() && Set(sent).count == 20)
    }

    @Test("ids continue after a restart, in the same boot and in another, even if nothing is accepted in between")
    func afterRestart() {
        var harness = Harness()
        harness.say(.action(1), sequence: SequenceID(100))
        for sameBoot in [true, false, true] {
            let last = harness.journal.lastSent[server]?.number ?? 0
            harness.restart(sameBoot: sameBoot)
            let effects = harness.handle(.join(otherServer, token("again")))
            #expect(effects.isEmpty, "it is a member")
            let next = harness.say(
                .action(1), sequence: SequenceID((harness.journal.accepted[server]?.number ?? 0) + 1))
            #expect(next.sent.map(\.sequence.number) == [last + step])
        }
    }

    @Test("the first message to a server without an earlier message has the id of one step")
    func first() {
        var harness = Harness(members: [])
        #expect(harness.handle(.join(server, token("t"))).sent.map(\.sequence.number) == [step])
    }

    @Test(
        "ids continue above a floor that the operator gives, also for an unknown server, and a floor never lowers an id"
    )
    func floors() {
        var harness = Harness()
        harness.observer.raiseSequences([server: SequenceID(5_000)])
        #expect(harness.say(.action(1), sequence: SequenceID(100)).sent.map(\.sequence.number) == [5_000 + step])
        harness.observer.raiseSequences([server: SequenceID(5_000)])
        #expect(harness.say(.action(1), sequence: SequenceID(101)).sent.map(\.sequence.number) == [5_000 + 2 * step])
        var stranger = Harness(members: [])
        stranger.observer.raiseSequences([server: SequenceID(70)])
        #expect(stranger.handle(.join(server, token("t"))).sent.map(\.sequence.number) == [70 + step])
    }
}
