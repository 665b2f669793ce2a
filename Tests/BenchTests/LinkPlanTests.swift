import Bench
import Glibc
import Links
import ProofLink
import Testing

@Suite("When a device tries its link again")
struct LinkPlanTests {
    private func again(_ next: LinkPlan.Next) -> Int64? { if case .again(let pause) = next { pause } else { nil } }

    @Test("A refused connect is tried again after 50 to 500 ms", arguments: [ECONNREFUSED, EBUSY, ECONNRESET, ENOENT])
    func connects(number: Int32) {
        var plan = LinkPlan(presentsOnce: false)
        let refused = LinkPlan.Ended.unreachable(.failed(call: "connect", errno: number))
        let pauses = (0..<6).map { _ in again(plan.after(refused)) }
        #expect(pauses == [50, 100, 200, 400, 500, 500])
    }

    @Test(
        "What will not pass is our fault",
        arguments: [LinkSocketError.noBluetooth, .failed(call: "connect", errno: EACCES)])
    func faults(error: LinkSocketError) {
        var plan = LinkPlan(presentsOnce: false)
        #expect(plan.after(.unreachable(error)) == .fault(error))
    }

    @Test("A link without a verdict is tried again, later each time, and not for ever")
    func growing() {
        var plan = LinkPlan(presentsOnce: false)
        let pauses = (0..<8).map { _ in again(plan.after(.outcome(.unknown))) }
        #expect(pauses == [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
        for _ in 9..<LinkPlan.mostLinks { #expect(again(plan.after(.closed)) != nil) }
        #expect(plan.after(.closed) == .done)
    }

    @Test(
        "A verdict, or a beacon that we left, ends the tries",
        arguments: [Outcome.valid, .malformed, .tooFar])
    func verdicts(outcome: Outcome) {
        var plan = LinkPlan(presentsOnce: false)
        #expect(plan.after(.outcome(outcome)) == .done)
        #expect(plan.after(.left("a rogue")) == .done)
    }

    @Test("One invalid may have been said of an earlier request: it is tried once more after the hold-off")
    func invalid() {
        var plan = LinkPlan(presentsOnce: false)
        #expect(plan.after(.outcome(.invalid)) == .again(milliseconds: 1_500))
        #expect(again(plan.after(.outcome(.busy))) == 250)
        #expect(plan.after(.outcome(.invalid)) == .done)
    }

    @Test("Who shows a wrong value shows it once", arguments: [Outcome.invalid, .fail])
    func once(outcome: Outcome) {
        var plan = LinkPlan(presentsOnce: true)
        #expect(again(plan.after(.outcome(.busy))) != nil)
        plan.presented()
        #expect(plan.after(.outcome(outcome)) == .done)
        #expect(plan.after(.closed) == .done)
    }
}
