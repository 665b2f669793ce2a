import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// Restart, power cut, crash.
@Suite struct RestoringTests {
    @Test("in the same boot an open observation continues until its deadline, and its device may still prove itself")
    func sameBoot() {
        var harness = Harness()
        harness.ask()
        let before = Snapshot(harness.observer)
        harness.advance(.seconds(60))
        #expect(harness.restart().isEmpty)
        #expect(Snapshot(harness.observer).observations == before.observations)
        #expect(Snapshot(harness.observer).exchanges == before.exchanges)
        #expect(harness.observer.nextDeadline == before.nextDeadline)
        let link = harness.ready()
        #expect(harness.prove(over: link).verdicts == [.valid])
    }

    @Test("in the same boot the deadline stays where it was")
    func sameDeadline() {
        var harness = Harness()
        harness.ask()
        for _ in 0..<3 {
            harness.advance(.seconds(39))
            harness.restart()
        }
        #expect(harness.advance(.seconds(3) - .nanoseconds(1)).isEmpty)
        #expect(harness.advance(.nanoseconds(1)).reasons == [.silence])
    }

    @Test("an observation whose deadline passed meanwhile is answered at the first tick, before any proof")
    func deadlinePassedMeanwhile() {
        for mismatches in 0...1 {
            var harness = Harness()
            harness.ask()
            if mismatches == 1 {
                let link = harness.ready()
                harness.prove(secret(0), over: link)
            }
            harness.now = harness.now + .seconds(500)
            #expect(harness.restart().isEmpty)
            let reason: Reason = mismatches == 0 ? .silence : .deadlineAfterMismatch
            var early = harness
            let link = early.connect().id
            #expect(early.handle(.received(link, .ready(mode: .challenge, device: device))).reasons == [reason])
            #expect(harness.observer.nextDeadline.map { $0 <= harness.now } == true)
            #expect(harness.handle(.tick).reasons == [reason])
        }
    }

    @Test("a request that is delivered again after the deadline passed meanwhile gets the verdict, and nothing opens")
    func deliveredAgain() {
        var harness = Harness()
        harness.ask()
        harness.now = harness.now + .seconds(500)
        harness.restart()
        #expect(harness.ask().responses == [.observedJoinFail, .observedJoinFail])
        #expect(harness.observer.openObservations == 0)
    }

    @Test("after a reboot open observations are answered fail, even if false proofs had come")
    func otherBoot() {
        var harness = Harness()
        harness.ask("a")
        harness.ask("b", for: otherDevice, by: otherServer)
        let link = harness.ready()
        harness.prove(secret(0), over: link)
        let effects = harness.restart(sameBoot: false)
        #expect(effects.reasons == [.interrupted, .interrupted] && effects.verdicts == [.failed, .failed])
        #expect(effects.responses == [.observedJoinFail, .observedJoinFail])
        #expect(effects.order == "rs.rs.")
        #expect(harness.observer.openObservations == 0)
        #expect(harness.observer.nextDeadline == nil)
        #expect(harness.ask("a").responses == [.observedJoinFail])
    }

    @Test("a request that is missing, no longer opens, or is another message, is answered fail")
    func requestMissing() throws {
        var harness = Harness()
        harness.ask()
        #expect(harness.restart(losingRequests: true).reasons == [.requestUnverified])
        #expect(harness.observer.openObservations == 0)

        for (body, reason) in [
            (Body.observationRequest(joining: device, sealed: Octets([1])), Reason.keyReplaced),
            (.observationRequest(joining: device, sealed: Octets([1, 2, 3])), .notAValue),
            (.action(1), .requestUnverified),
        ] {
            harness = Harness()
            harness.ask()
            let stored = Message(sequence: SequenceID(9), sender: server, token: token("first"), body: body)
            harness.journal.open[exchange("first")]?.frame = try stored.signed(by: AnySigner())
            #expect(harness.restart().reasons == [reason])
        }
    }

    @Test("the count of false proofs continues over a restart")
    func mismatchesGoOn() {
        var harness = Harness()
        harness.ask()
        for count in 1...3 {
            let link = harness.ready()
            harness.prove(secret(0), over: link)
            harness.restart()
            #expect(harness.observer.open.map(\.mismatches) == [count])
        }
        #expect(harness.advance(.seconds(120)).reasons == [.deadlineAfterMismatch])
    }

    @Test("what was accepted before a restart is refused as a replay after it", arguments: [true, false])
    func replays(sameBoot: Bool) {
        var harness = Harness()
        harness.say(.action(1), sequence: SequenceID(100))
        harness.restart(sameBoot: sameBoot)
        let refusal = Refusal.replayed(SequenceID(100), last: SequenceID(100))
        #expect(harness.say(.action(1), sequence: SequenceID(100)).refusals == [refusal])
        #expect(harness.say(.action(1), sequence: SequenceID(101)).refusals.isEmpty)
    }

    @Test("a verdict is the same after a restart, and the observation stays closed", arguments: [true, false])
    func verdictStays(sameBoot: Bool) {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        harness.prove(over: link)
        #expect(harness.restart(sameBoot: sameBoot).isEmpty)
        #expect(harness.ask().responses == [.observedJoinValid])
    }

    @Test("every membership state is restored")
    func memberships() {
        var harness = Harness(members: [])
        let all: [Membership] = [.stranger, .joining(token("t")), .member, .refused, .terminated]
        for (index, membership) in all.enumerated() {
            harness.journal.memberships[Identifier(UInt64(index))] = membership
        }
        harness.restart()
        #expect(harness.observer.memberships == harness.journal.memberships)
    }

    @Test("an answer to the join request of an earlier process is accepted: its token was kept")
    func joiningGoesOn() {
        var harness = Harness(members: [])
        harness.handle(.join(server, token("kept")))
        harness.restart(sameBoot: false)
        harness.say(.response(.joinSuccess), token("kept"))
        #expect(harness.observer.memberships == [server: .member])
    }

    @Test("links do not survive the process, and their late frames are ignored")
    func linksAreGone() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        harness.restart()
        #expect(harness.observer.openLinks == 0)
        #expect(harness.prove(over: link).isEmpty)
        #expect(harness.handle(.malformed(link)).isEmpty)
        #expect(harness.handle(.challengeLeft(link)).isEmpty)
        #expect(harness.handle(.disconnected(link)).isEmpty)
    }

    @Test("more observations than a lowered limit allows are all restored, and no new one is opened")
    func loweredLimit() {
        var harness = Harness()
        for number in 1...3 { harness.ask("t\(number)", for: Identifier(UInt64(number))) }
        harness.observer.policy.observationLimit = 2
        #expect(harness.restart().isEmpty)
        #expect(harness.observer.openObservations == 3)
        #expect(harness.ask("t4").reasons == [.tooMany])
    }
}
