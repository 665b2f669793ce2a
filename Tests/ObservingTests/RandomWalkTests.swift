import SRUP
import Testing

@testable import Observing

/// rules §1 to §7 at once.
@Suite struct RandomWalkTests {
    @Test(
        "whatever happens in whatever order, each observation gets exactly one verdict and no sequence id comes twice",
        arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func walk(seed: UInt64) {
        var walk = RandomWalk(seed: seed)
        for _ in 0..<30_000 { walk.step() }
        walk.compare()
        walk.harness.advance(.seconds(1000))
        walk.compare()
        #expect(walk.harness.observer.openObservations == 0 && walk.harness.journal.open.isEmpty)
        #expect(walk.everOpened.allSatisfy { walk.harness.journal.answered[$0] != nil })
        // The walk has been everywhere.
        for refusal in ["too-fast", "token-of-another-server", "not-for-us", "not-sealed-to-us", "replayed"] {
            #expect(walk.refusals[refusal] != nil, "\(refusal) never came: \(walk.refusals)")
        }
        #expect(walk.keyedValids > 10, "nobody joined in keyed mode")
        #expect(walk.phases.count >= 8, "\(walk.phases)")
        let answers = walk.harness.journal.answered.values
        #expect(walk.everOpened.count > 500)
        for reason in Reason.allCases where reason != .tooMany {
            #expect(answers.contains { $0.reason == reason }, "\(reason) never came")
        }
    }
}
