import Glibc
import Nearby
import ProofLink
import Testing

@Suite("When a device tries its link again")
struct LinkPlanTests {
    private func again(_ next: LinkPlan.Next) -> Duration? { if case .again(let pause) = next { pause } else { nil } }

    /// Everything that anyone near by can cause without knowing the value.
    static let withoutInformation: [LinkPlan.Ended] =
        Outcome.allCases.map { .outcome($0, proved: false) } + [
            .closed, .left("HELLO of version 9"), .left("another beacon"), .left("out of turn"), .left("a rogue"),
        ]

    @Test("A refused connect is tried again after 50 to 500 ms", arguments: [ECONNREFUSED, EBUSY, ECONNRESET, ENOENT])
    func connects(number: Int32) {
        var plan = LinkPlan(presentsOnce: false)
        let refused = LinkPlan.Ended.unreachable(.failed(call: "connect", errno: number))
        let pauses = (0..<6).map { _ in again(plan.after(refused)) }
        #expect(pauses == [50, 100, 200, 400, 500, 500].map { .milliseconds($0) })
    }

    @Test(
        "An error that retrying cannot fix is our fault",
        arguments: [LinkSocketError.noBluetooth, .failed(call: "connect", errno: EACCES)])
    func faults(error: LinkSocketError) {
        var plan = LinkPlan(presentsOnce: false)
        #expect(plan.after(.unreachable(error)) == .fault(error))
    }

    @Test("A link without information is tried again with growing pauses, without end")
    func growing() {
        var plan = LinkPlan(presentsOnce: false)
        let pauses = (0..<7).map { _ in again(plan.after(.outcome(.unknown, proved: false))) }
        #expect(pauses == [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000].map { .milliseconds($0) })
        for _ in 0..<10_000 { #expect(plan.after(.closed) == .again(after: .seconds(10))) }
    }

    @Test(
        "A peer that does not show the value cannot end a join with one frame or by closing the link",
        arguments: withoutInformation)
    func strangers(ended: LinkPlan.Ended) {
        var plan = LinkPlan(presentsOnce: false)
        #expect(plan.after(ended) == .again(after: .milliseconds(500)))
        plan.presented()
        #expect(plan.after(ended) == .again(after: .seconds(1)))
    }

    @Test("A valid outcome that the beacon has proved ends the attempts")
    func verdicts() {
        var plan = LinkPlan(presentsOnce: false)
        for ended in Self.withoutInformation { #expect(again(plan.after(ended)) != nil) }
        #expect(plan.after(.outcome(.valid, proved: true)) == .done)
    }

    @Test(
        "Any other outcome of the beacon concerns the link only, and the device tries again",
        arguments: Outcome.allCases.filter { $0 != .valid })
    func otherWords(outcome: Outcome) {
        var plan = LinkPlan(presentsOnce: false)
        #expect(plan.after(.outcome(outcome, proved: true)) == .again(after: .milliseconds(500)))
    }

    @Test("A device that shows a wrong value shows it once", arguments: [Outcome.invalid, .fail])
    func once(outcome: Outcome) {
        var plan = LinkPlan(presentsOnce: true)
        #expect(again(plan.after(.outcome(.busy, proved: false))) != nil)
        plan.presented()
        #expect(plan.after(.outcome(outcome, proved: false)) == .done)
        #expect(plan.after(.closed) == .done)
    }
}
