import BootTime
import SRUP
import Testing

@testable import Observing

/// Many observations whose deadlines come together: their verdicts are given a few at a time.
@Suite struct ManyDeadlinesTests {
    private static let count = 1_000

    /// A beacon that is asked about so many devices at the same moment.
    private func asked() -> Harness {
        var harness = Harness(members: [server])
        for number in 0..<ManyDeadlinesTests.count {
            harness.ask("request-\(number)", for: Identifier(0x1_0000 + UInt64(number)))
        }
        return harness
    }

    @Test("each turn gives a few verdicts, the next turn is due at once, and in the end each request has exactly one")
    func fewAtATime() {
        var harness = asked()
        harness.now = harness.now + .seconds(120)
        var (turns, answered) = (0, 0)
        while let next = harness.observer.nextDeadline, next <= harness.now, turns < 2_000 {
            let verdicts = harness.handle(.tick).verdicts
            #expect(verdicts.count <= 4, "\(verdicts.count) verdicts in one turn")
            #expect(verdicts.allSatisfy { $0 == .failed })
            answered += verdicts.count
            turns += 1
        }
        #expect(answered == ManyDeadlinesTests.count && harness.observer.openObservations == 0)
        #expect(turns <= ManyDeadlinesTests.count / 4 + 1)
    }

    @Test("a right proof that arrives while its expiry is waiting does not count")
    func lateProofs() {
        var harness = asked()
        let late = Identifier(0x1_0000 + UInt64(ManyDeadlinesTests.count - 1))
        harness.now = harness.now + .seconds(119)
        let link = harness.ready(late)
        harness.now = harness.now + .seconds(1)
        let effects = harness.prove(over: link, as: late)
        #expect(effects.verdicts == [.failed], "its own verdict, and no other")
        #expect(effects.outcomes[link] == .fail)
        #expect(harness.journal.answered[exchange("request-\(ManyDeadlinesTests.count - 1)")]?.verdict == .failed)
    }

    @Test("devices that come meanwhile are not delayed by the deadlines")
    func connecting() {
        var harness = asked()
        harness.now = harness.now + .seconds(120)
        let (link, effects) = harness.connect()
        #expect(effects.verdicts.isEmpty && effects.told(link).count == 1)
        #expect(harness.handle(.received(link, .ready(mode: .challenge, device: device))).verdicts.isEmpty)
    }

    @Test("a new request finds room if everything that is open has expired")
    func room() {
        var harness = Harness(Policy { $0.observationLimit = 8 })
        for number in 0..<8 { harness.ask("request-\(number)", for: Identifier(0x1_0000 + UInt64(number))) }
        harness.now = harness.now + .seconds(120)
        let effects = harness.ask("fresh")
        #expect(!effects.reasons.contains(.tooMany) && harness.observer.openObservations >= 1)
    }

    @Test("the same request again after its deadline: the same verdict, and nothing new")
    func repeated() {
        var harness = asked()
        harness.now = harness.now + .seconds(120)
        let last = ManyDeadlinesTests.count - 1
        let effects = harness.ask("request-\(last)", for: Identifier(0x1_0000 + UInt64(last)))
        #expect(harness.journal.answered[exchange("request-\(last)")]?.verdict == .failed)
        #expect(effects.sent.contains { $0.token == token("request-\(last)") })
        #expect(!harness.observer.open.contains { $0.exchange == exchange("request-\(last)") })
    }
}
