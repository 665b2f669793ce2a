import HumanView
import Testing

@testable import Bench

@Suite("What a study shows, and what comes out of it")
struct StudyTests {
    private func difference(_ pair: StudyPlan.Pair) -> Int {
        zip(pair.first, pair.second).map { ($0 ^ $1).nonzeroBitCount }.reduce(0, +)
    }

    @Test(
        "each pair differs by exactly the number of bits that it is counted under, equal ones by none",
        arguments: [1, 77])
    func bits(seed: UInt64) {
        let plan = StudyPlan(views: HumanView.counted, bits: [1, 2, 3, 64, 127, 128], count: 24, seed: seed)
        #expect(plan.pairs.count == 96)
        for pair in plan.pairs {
            #expect(difference(pair) == pair.bits)
            #expect(pair.first.count == 16 && pair.second.count == 16)
        }
    }

    @Test("half of the pairs of each view are equal, and the numbers of bits take turns", arguments: [2, 3, 16, 500])
    func shares(count: Int) {
        let plan = StudyPlan(views: [.words, .colours], bits: [1, 8], count: count, seed: 5)
        for view in [HumanView.words, .colours] {
            let pairs = plan.pairs.filter { $0.view == view }
            #expect(pairs.count == count)
            #expect(pairs.count { $0.bits == 0 } == count - count / 2)
            #expect(pairs.count { $0.bits == 1 } - pairs.count { $0.bits == 8 } == count / 2 % 2)
        }
    }

    @Test("the same seed gives the same pairs in the same order; another seed gives others, in another order")
    func seeds() {
        func plan(_ seed: UInt64) -> StudyPlan {
            StudyPlan(views: HumanView.counted, bits: [1, 8], count: 16, seed: seed)
        }
        #expect(plan(3) == plan(3))
        #expect(plan(3).pairs.map(\.first) != plan(4).pairs.map(\.first))
        #expect(plan(3).pairs.map(\.bits) != plan(4).pairs.map(\.bits))
        // Not sorted by anything: neighbours change view and kind.
        let neighbours = zip(plan(3).pairs, plan(3).pairs.dropFirst())
        #expect(
            neighbours.count { $0.view != $1.view } > 30 && neighbours.count { ($0.bits == 0) != ($1.bits == 0) } > 20)
        #expect(plan(3).pairs[0].first == [141, 151, 123, 46, 56, 33, 107, 121, 25, 143, 229, 229, 53, 246, 165, 151])
    }

    @Test("every bit is flipped as often as any other")
    func uniform() {
        var counts = [Int](repeating: 0, count: 128)
        for seed in 0..<20 {
            for pair in StudyPlan(views: [.words], bits: [8], count: 500, seed: UInt64(seed)).pairs {
                for place in 0..<128 where (pair.first[place / 8] ^ pair.second[place / 8]) & 0x80 >> (place % 8) != 0 {
                    counts[place] += 1
                }
            }
        }
        #expect(counts.reduce(0, +) == 20 * 250 * 8)
        #expect(counts.allSatisfy { (220...410).contains($0) }, "\(counts)")
    }

    private func result(
        _ view: HumanView, _ bits: Int, _ answer: StudyResult.Answer, _ milliseconds: Int64
    ) -> StudyResult {
        StudyResult(number: 1, view: view, bits: bits, answer: answer, milliseconds: milliseconds)
    }

    @Test("an answer is right if it says what the pair is; no answer is neither right nor wrong")
    func right() {
        #expect(result(.words, 0, .same, 1).isRight == true && result(.words, 0, .different, 1).isRight == false)
        #expect(result(.words, 1, .same, 1).isRight == false && result(.words, 128, .different, 1).isRight == true)
        #expect(result(.words, 1, .none, 1).isRight == nil)
        #expect(result(.words, 8, .same, 1_234).row(style: "plain", seed: 7) == "1,words,8,same,no,1234,plain,7")
        #expect(result(.words, 0, .none, 9).row(style: "colour", seed: 7) == "1,words,0,none,,9,colour,7")
    }

    @Test(
        "the summary has error rates and medians for each view and number of bits, without the unanswered pairs' times")
    func summary() {
        let summary = StudySummary([
            result(.colours, 1, .same, 4_000), result(.colours, 1, .different, 2_000),
            result(.colours, 1, .none, 30_000),
            result(.words, 0, .same, 1_000), result(.words, 0, .same, 9_000), result(.words, 0, .different, 2_550),
            result(.words, 32, .none, 30_000),
        ])
        #expect(
            summary.text == [
                "view     differing bits  answered     wrong  no answer  median time",
                "words    0 (equal)              3  1 (33 %)          0        2.5 s",
                "words    32                     0         -          1            -",
                "colours  1                      2  1 (50 %)          1        3.0 s",
            ])
        #expect(StudySummary([]).lines.isEmpty)
    }
}
