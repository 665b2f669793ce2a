import BootTime
import SRUP
import Testing

@testable import Observing

/// All rules of the observer at once.
@Suite struct RandomWalkTests {
    @Test(
        "in any order of events, each observation gets exactly one verdict and no sequence id is used twice",
        arguments: [1, 2, 3, 4, 6, 7, 8, 9] as [UInt64])
    func walk(seed: UInt64) {
        var walk = RandomWalk(seed: seed)
        for _ in 0..<30_000 { walk.step() }
        walk.compare()
        walk.harness.advance(.seconds(1000))
        walk.harness.settle()
        walk.compare()
        #expect(walk.harness.observer.openObservations == 0 && walk.harness.journal.open.isEmpty)
        #expect(walk.everOpened.allSatisfy { walk.harness.journal.answered[$0] != nil })
        // The walk has covered everything.
        for refusal in ["too-fast", "token-of-another-server", "not-for-us", "not-sealed-to-us", "replayed"] {
            #expect(walk.refusals[refusal] != nil, "\(refusal) never happened: \(walk.refusals)")
        }
        #expect(walk.keyedValids > 10, "nobody joined in keyed mode")
        #expect(walk.phases.count >= 8, "\(walk.phases)")
        let answers = walk.harness.journal.answered.values
        #expect(walk.everOpened.count > 500)
        for reason in Reason.allCases where reason != .tooMany && reason != .sealUnopened {
            #expect(answers.contains { $0.reason == reason }, "\(reason) never happened")
        }
    }
}

extension RandomWalk {
    /// The observer holds what the journal holds, and no bound is exceeded.
    func compare() {
        let (observer, journal) = (harness.observer, harness.journal)
        must(Set(observer.observations.keys) == Set(journal.open.keys), "other observations than the journal's")
        for (exchange, observation) in observer.observations {
            let row = journal.open[exchange]
            must(
                row?.device == observation.device && row?.deadline == observation.deadline
                    && row?.mismatches == observation.mismatches && observation.falseValues < 3,
                "\(exchange) is not what the journal holds")
            must(observer.exchanges[observation.device]?.contains(exchange) ?? false, "\(exchange) is not found")
        }
        must(observer.exchanges.values.reduce(0) { $0 + $1.count } == journal.open.count, "a stale exchange")
        must(
            observer.update == journal.update && observer.activations == journal.activations,
            "another update than the journal's")
        must(observer.memberships == journal.memberships, "other memberships than the journal's")
        must(Set(observer.servers.filter { $0.value.isPaused }.keys) == journal.paused, "others are paused")
        must(
            observer.servers.allSatisfy { ($0.value.presented == nil) || journal.memberships[$0.key]?.joinMode != nil },
            "a value is kept that nobody is to see")
        must(observer.servers.allSatisfy { $0.value.lastAccepted == journal.accepted[$0.key] }, "another sequence")
        must(Set(observer.links.keys) == Set(journal.links.keys), "other links than the shell's")
        must(observer.openObservations <= 7 && observer.openLinks <= 8, "a bound is passed")
        must(observer.linksOfPeer.values.allSatisfy { (1...3).contains($0) }, "a bound per peer is passed")
        must(observer.linksOfPeer.values.reduce(0, +) == observer.openLinks, "links of peers do not add up")
        let deadlines = observer.observations.values.map(\.deadline) + observer.links.values.map(\.deadline)
        must(deadlines.min().map { observer.nextDeadline ?? .init(nanoseconds: .max) <= $0 } ?? true, "no wake-up")
    }
}
