import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// Proofs and verdicts.
@Suite struct VerdictTests {
    @Test(
        "a right proof: verdict recorded, response sent, and only then is the device told",
        arguments: [Mode.value, .challenge]
    )
    func valid(mode: Mode) {
        var harness = Harness(Policy { $0.modes = [.value, .challenge] })
        harness.ask()
        let link = harness.ready(mode: mode)
        let frame = mode == .value ? LinkFrame.value(secret(7)) : Harness.proof(secret(7), over: link)
        let effects = harness.handle(.received(link, frame))
        #expect(effects.order == "rs.tc.")
        #expect(effects.verdicts == [.valid] && effects.reasons == [.matched])
        #expect(effects.sent.map(\.token) == [token("first")] && effects.responses == [.observedJoinValid])
        let tag = Harness.context(of: link, device).beaconTag(secret(7), .valid, harness.observer.authenticate)
        #expect(effects.told(link) == [.outcome(.valid, tag: mode == .value ? LinkFrame.noTag : tag)])
        #expect(effects.last == .report(.ended(link, phone, device: device, .valid)))
        #expect(harness.observer.openObservations == 0 && harness.observer.openLinks == 0)
    }

    @Test("the request may come before the device or after it")
    func eitherOrder() {
        var harness = Harness()
        let early = harness.connect().id
        #expect(
            harness.handle(.received(early, .ready(mode: .challenge, device: device))).told(early) == [
                .wait(seconds: 120)
            ])
        let opened = harness.ask()
        #expect(opened.order == "rr.t" && opened.told(early) == [.challenge(Harness.randomBytes(of: early).challenge)])
        #expect(harness.prove(over: early).verdicts == [.valid])
        harness.ask("second")
        let late = harness.connect().id
        let effects = harness.handle(.received(late, .ready(mode: .challenge, device: device)))
        #expect(effects.told(late) == [.challenge(Harness.randomBytes(of: late).challenge)])
    }

    @Test("the names of verdicts, reasons and grades do not change: journals, scripts and dashboards use them")
    func names() {
        #expect(Verdict.allCases.map(\.rawValue) == ["valid", "invalid", "failed"])
        #expect(
            Reason.allCases.map(\.rawValue) == [
                "matched", "mismatches", "deadlineAfterMismatch", "silence", "tooFar", "unsigned", "superseded",
                "withdrawn",
                "interrupted", "sealUnopened", "notAValue", "namesUs", "tooMany", "paused", "keyReplaced",
                "requestUnverified",
            ])
        #expect(Evidence.Grade.allCases.map(\.rawValue) == ["reachable", "challenged", "keyed"])
    }

    @Test("after the verdict nothing changes it: neither proofs nor ticks nor time", arguments: Verdict.allCases)
    func oneVerdict(verdict: Verdict) {
        var harness = Harness(Policy { ($0.mismatchLimit, $0.modes) = (1, [.value, .challenge]) })
        harness.ask()
        let (first, second) = (harness.ready(mode: .value), harness.ready())
        if verdict != .failed { harness.handle(.received(first, .value(secret(verdict == .valid ? 7 : 0)))) }
        if verdict == .failed { harness.advance(.seconds(120)) }
        #expect(harness.journal.answered[exchange("first")]?.verdict == verdict)
        for link in [first, second] { #expect(harness.prove(over: link).isEmpty) }
        harness.advance(.seconds(1))
        let third = harness.ready()
        #expect(harness.prove(over: third).verdicts.isEmpty)
        #expect(harness.advance(.seconds(1000)).verdicts.isEmpty)
    }

    // MARK: - The deadline

    @Test("a right proof one nanosecond before the deadline is valid; at the deadline and after it does not count")
    func lateProofs() {
        for (delay, verdict) in [(-1, Verdict.valid), (0, .failed), (1, .failed), (1_000_000_000, .failed)] {
            var harness = Harness(Policy { $0.observationWindow = .seconds(1) })
            harness.ask()
            let link = harness.ready()
            harness.now = harness.now + .seconds(1) + .nanoseconds(delay)
            let effects = harness.prove(over: link)
            #expect(effects.verdicts == [verdict], "\(delay)")
            #expect(effects.outcomes[link] == (verdict == .valid ? .valid : .fail))
        }
    }

    @Test("a right proof after a tick at the deadline does not count")
    func afterTheTick() {
        var harness = Harness(Policy { $0.observationWindow = .seconds(1) })
        harness.ask()
        let link = harness.ready()
        let effects = harness.advance(.seconds(1))
        #expect(effects.order == "rs.tc." && effects.reasons == [.silence] && effects.outcomes == [link: .fail])
        #expect(harness.prove(over: link).isEmpty)
    }

    @Test("a tick before the deadline does nothing")
    func earlyTick() {
        var harness = Harness()
        harness.ask()
        #expect(harness.advance(.seconds(120) - .nanoseconds(1)).isEmpty)
        #expect(harness.advance(.nanoseconds(1)).responses == [.observedJoinFail])
    }

    // MARK: - False proofs

    @Test("in value mode two false values do not decide, and the third makes it invalid")
    func threeMismatches() {
        var harness = Harness(Policy { $0.modes = [.value, .challenge] })
        harness.ask()
        let links = (0..<4).map { harness.ready(from: peer($0), mode: .value) }
        for (index, link) in links.prefix(3).enumerated() {
            let effects = harness.handle(.received(link, .value(secret(0))))
            #expect(effects.outcomes[link] == .invalid)
            #expect(effects.verdicts == (index == 2 ? [.invalid] : []))
            #expect(effects.recorded.first == .mismatches(exchange("first"), index + 1))
            // A false value closes the links of its own address only; the verdict closes the others.
            #expect(harness.observer.openLinks == (index == 2 ? 0 : 3 - index))
            if index == 2 { #expect(effects.order == "r.rs.tc.tc." && effects.outcomes[links[3]] == .fail) }
        }
        #expect(harness.journal.answered[exchange("first")]?.reason == .mismatches)
    }

    @Test("in challenge mode no number of false proofs decides: a right one is still valid, and the deadline invalid")
    func falseProofsNeverDecide() {
        for isRightInTheEnd in [true, false] {
            var harness = Harness()
            harness.ask()
            for number in 0..<100 {
                let link = harness.ready(from: peer(number))
                let effects = harness.prove(secret(0), over: link)
                #expect(effects.outcomes == [link: .invalid] && effects.verdicts.isEmpty)
            }
            #expect(harness.journal.open[exchange("first")]?.mismatches == 100)
            if isRightInTheEnd {
                let link = harness.ready()
                #expect(harness.prove(over: link).verdicts == [.valid])
            } else {
                #expect(harness.advance(.seconds(120)).reasons == [.deadlineAfterMismatch])
            }
        }
    }

    @Test(
        "one stranger with one address and all its links does not decide, and the expected device joins")
    func veto() {
        var harness = Harness()
        let strangers = (0..<4).map { _ in harness.ready(from: stranger) }
        harness.ask()
        let effects = strangers.flatMap { harness.prove(secret(0), over: $0) }
        #expect(effects.verdicts.isEmpty)
        #expect(
            effects.outcomes == [
                strangers[0]: .invalid, strangers[1]: .busy, strangers[2]: .busy, strangers[3]: .busy,
            ])
        #expect(harness.journal.open[exchange("first")]?.mismatches == 1, "one address counts once")
        let link = harness.ready()
        #expect(harness.prove(over: link).verdicts == [.valid])
    }

    @Test("false proofs of challenge mode do not count for value mode's limit")
    func modesAreCountedApart() {
        var harness = Harness(Policy { ($0.modes, $0.mismatchLimit) = ([.value, .challenge], 2) })
        harness.ask()
        for number in 0..<5 {
            let link = harness.ready(from: peer(number))
            harness.prove(secret(0), over: link)
        }
        let first = harness.ready(from: peer(5), mode: .value)
        #expect(harness.handle(.received(first, .value(secret(0)))).verdicts.isEmpty)
        let second = harness.ready(from: peer(6), mode: .value)
        #expect(harness.handle(.received(second, .value(secret(0)))).reasons == [.mismatches])
    }

    @Test("after false proofs a right one is still valid")
    func rightAfterFalse() {
        var harness = Harness()
        harness.ask()
        let links = (0..<3).map { harness.ready(from: peer($0)) }
        for link in links.prefix(2) { harness.prove(secret(0), over: link) }
        #expect(harness.prove(over: links[2]).verdicts == [.valid])
    }

    @Test("the deadline after one false proof makes it invalid, with that proof's evidence")
    func deadlineAfterMismatch() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        harness.prove(secret(0), over: link)
        let effects = harness.advance(.seconds(120))
        #expect(effects.verdicts == [.invalid] && effects.reasons == [.deadlineAfterMismatch])
        #expect(effects.responses == [.observedJoinInvalid])
        #expect(effects.evidence.first??.attempts == 1)
    }

    @Test("a device that connects, is challenged and sends nothing counts as silent, not as a mismatch")
    func silence() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        #expect(harness.advance(.seconds(2)).outcomes == [link: .fail])
        #expect(harness.advance(.seconds(118)).reasons == [.silence])
    }

    @Test("a malformed frame does not count as a mismatch")
    func malformedIsNoMismatch() {
        var harness = Harness()
        harness.ask()
        for _ in 0..<5 {
            let link = harness.ready()
            #expect(harness.handle(.malformed(link)).outcomes == [link: .malformed])
            harness.advance(.seconds(20))
        }
        #expect(harness.advance(.seconds(20)).reasons == [.silence])
    }

    @Test("a proof over another link's challenge is false, and so is one in another device's name")
    func bound() {
        var harness = Harness()
        harness.ask()
        let (first, second) = (harness.ready(), harness.ready(from: peer(2)))
        #expect(harness.handle(.received(second, Harness.proof(secret(7), over: first))).outcomes == [second: .invalid])
        #expect(harness.prove(over: first, as: otherDevice).outcomes == [first: .invalid])
        #expect(harness.journal.open[exchange("first")]?.mismatches == 2)
    }

    // MARK: - Bounds on room

    @Test("a right proof whose round trip is above the limit, or unknown, is too far, and does not count")
    func tooSlow() {
        for (delay, outcome) in [(100, Outcome.valid), (101, .tooFar), (nil, .tooFar)] as [(Int?, Outcome)] {
            var harness = Harness(Policy { $0.maximumRoundTrip = .milliseconds(100) })
            harness.ask()
            let link = harness.ready()
            if let delay {
                harness.handle(.challengeLeft(link))
                harness.now = harness.now + .milliseconds(delay)
            }
            #expect(harness.prove(over: link).outcomes == [link: outcome])
            #expect(harness.journal.open[exchange("first")]?.mismatches == (outcome == .valid ? nil : 0))
        }
    }

    @Test("a right proof whose signal is below the limit, or unknown, is too far")
    func tooWeak() {
        for (signal, outcome) in [(-70, Outcome.valid), (-71, .tooFar), (nil, .tooFar)] as [(Int8?, Outcome)] {
            var harness = Harness(Policy { $0.minimumSignal = -70 })
            harness.ask()
            var peer = phone
            peer.signal = signal
            let link = harness.ready(from: peer)
            #expect(harness.prove(over: link).outcomes == [link: outcome])
        }
    }

    @Test("a proof from too far does not decide: the device may come nearer, and at the deadline it is failed, too far")
    func tooFarOften() {
        for comesNearer in [true, false] {
            var harness = Harness(Policy { $0.minimumSignal = -70 })
            harness.ask()
            var far = phone
            far.signal = -71
            for _ in 0..<10 {
                let link = harness.ready(from: far)
                let effects = harness.prove(over: link)
                #expect(effects.outcomes == [link: .tooFar] && effects.verdicts.isEmpty)
            }
            if comesNearer {
                let link = harness.ready()
                #expect(harness.prove(over: link).verdicts == [.valid])
            } else {
                let effects = harness.advance(.seconds(120))
                #expect(effects.reasons == [.tooFar] && effects.responses == [.observedJoinFail])
            }
        }
    }

    private func peer(_ number: Int) -> Peer { Peer(transport: .rfcomm, address: "peer \(number)") }
}
