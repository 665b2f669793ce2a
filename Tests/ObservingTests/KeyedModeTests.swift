import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// docs/proof-link.md, "Keyed mode": claims, proofs and signatures, and what the server receives.
@Suite struct KeyedModeTests {
    // MARK: - The verdict

    @Test(
        "a proof and its signature: the verdict is recorded, the proof and the response are sent, then the device is told"
    )
    func valid() throws {
        var harness = Harness()
        harness.ask()
        let link = harness.claimed()
        #expect(harness.proveKeyed(over: link).isEmpty, "a proof without its signature is no verdict")
        let effects = harness.sign(over: link)
        #expect(effects.order == "rrss.tc.")
        #expect(effects.verdicts == [.valid] && effects.reasons == [.matched])
        #expect(effects.sent.map(\.body.type) == [.data, .response] && effects.responses == [.observedJoinValid])
        #expect(effects.sent.allSatisfy { $0.token == token("first") })
        var proof = harness.keyedProof(over: link)
        proof.signature = Harness.signature
        #expect(effects.proofs == [proof], "unchanged")
        #expect(
            effects.told(link) == [.outcome(.valid, tag: harness.outcomeTag(.valid, over: link, afterProof: true))])
        #expect(effects.last == .report(.ended(link, phone, device: device, .valid)))
        #expect(harness.observer.openObservations == 0 && harness.observer.openLinks == 0)
    }

    @Test(
        "a server that accepts no proofs gets only the verdict: the reference's client ends at unexpected DATA"
    )
    func noProofs() {
        var harness = Harness()
        harness.observer.terms[server] = terms { $0.takesProofs = false }
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        let effects = harness.sign(over: link)
        #expect(effects.order == "rrs.tc." && effects.sent.map(\.body) == [.response(.observedJoinValid)])
        #expect(effects.evidence.first??.grade == .keyed)
    }

    @Test("evidence comes first, then the proof, then the response")
    func evidenceAndProof() {
        var harness = Harness(Policy { $0.reportsEvidence = true })
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        let sent = harness.sign(over: link).sent
        let kinds = sent.map {
            if case .data(let id, _) = $0.body { String(decoding: id.bytes, as: UTF8.self) } else { "" }
        }
        #expect(kinds == ["OBSERVATION_EVIDENCE", "OBSERVATION_PROOF", ""])
        #expect(sent.map(\.sequence) == sent.map(\.sequence).sorted())
    }

    @Test("the round trip ends at PROOF, however long the device signs, and a bound on it makes the evidence timed")
    func evidence() throws {
        for bound in [nil, Duration.milliseconds(50)] {
            var harness = Harness(Policy { $0.maximumRoundTrip = bound })
            harness.ask()
            let link = harness.claimed()
            harness.advance(.milliseconds(500))
            harness.handle(.challengeLeft(link))
            harness.now = harness.now + .milliseconds(35)
            harness.proveKeyed(over: link)
            harness.now = harness.now + .seconds(9)
            let met = try #require(harness.sign(over: link).evidence.first ?? nil)
            #expect(
                met
                    == Evidence(
                        peer: phone, mode: .keyed, roundTrip: .milliseconds(35), attempts: 1, grade: .keyed,
                        isTimed: bound != nil))
        }
    }

    @Test("asked again, the server gets the same evidence, proof and verdict under fresh ids, also after a restart")
    func repeated() {
        var harness = Harness(Policy { $0.reportsEvidence = true })
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        let first = harness.sign(over: link).sent
        #expect(first.count == 3)
        for isRestarted in [false, true] {
            if isRestarted { harness.restart() }
            let again = harness.ask().sent
            #expect(again.map(\.body) == first.map(\.body) && again.map(\.token) == first.map(\.token))
            #expect(again.allSatisfy { $0.sequence > first[2].sequence })
        }
        harness.observer.terms[server] = terms { ($0.takesProofs, $0.takesData) = (false, false) }
        #expect(harness.ask().sent.map(\.body) == [.response(.observedJoinValid)], "only what it takes")
    }

    // MARK: - False or missing

    @Test("a wrong tag is a false proof: it never decides, causes a hold-off, and gives invalid at the deadline")
    func wrongTag() {
        for isRightInTheEnd in [true, false] {
            var harness = Harness()
            harness.ask()
            for number in 0..<5 {
                let link = harness.claimed(from: Peer(transport: .rfcomm, address: "peer \(number)"))
                let effects = harness.proveKeyed(secret(8), over: link)
                #expect(effects.outcomes == [link: .invalid] && effects.verdicts.isEmpty)
                #expect(harness.sign(over: link).isEmpty)
            }
            #expect(
                harness.connect(Peer(transport: .rfcomm, address: "peer 0")).effects.outcomes.values.contains(.busy))
            guard isRightInTheEnd else {
                let effects = harness.advance(.seconds(120))
                #expect(effects.reasons == [.deadlineAfterMismatch] && effects.proofs.isEmpty)
                continue
            }
            let link = harness.claimed()
            harness.proveKeyed(over: link)
            #expect(harness.sign(over: link).evidence.first??.attempts == 6)
        }
    }

    @Test(
        "if the signature never comes, the link ends, and the observation stays open and ends as failed, unsigned"
    )
    func unsigned() {
        for signsLater in [true, false] {
            var harness = Harness()
            harness.ask()
            let link = harness.claimed()
            #expect(harness.observer.heldLinks.map(\.state) == [.challenged])
            #expect(harness.observer.open.map(\.lacking) == [nil])
            harness.proveKeyed(over: link)
            #expect(harness.observer.heldLinks.map(\.state) == [.signs])
            #expect(harness.observer.open.map(\.lacking) == [.unsigned])
            #expect(harness.advance(.seconds(10) - .nanoseconds(1)).isEmpty)
            let effects = harness.advance(.nanoseconds(1))
            let tag = harness.outcomeTag(.fail, over: link, afterProof: true)
            #expect(effects.told(link) == [.outcome(.fail, tag: tag)] && effects.verdicts.isEmpty)
            let again = harness.connect()
            #expect(again.effects.outcomes.isEmpty, "no peer is held off for it")
            guard signsLater else {
                let end = harness.advance(.seconds(110))
                #expect(end.reasons == [.unsigned] && end.responses == [.observedJoinFail])
                continue
            }
            harness.claim(over: again.id)
            harness.proveKeyed(over: again.id)
            #expect(harness.sign(over: again.id).verdicts == [.valid])
        }
    }

    @Test(
        "the deadline between PROOF and SIGN: failed, unsigned, the device gets fail with a tag, and SIGN comes too late"
    )
    func deadlineBeforeSign() {
        for (delay, verdict) in [(-1, Verdict.valid), (0, .failed), (1, .failed)] {
            var harness = Harness(Policy { $0.observationWindow = .seconds(5) })
            harness.ask()
            let link = harness.claimed()
            harness.proveKeyed(over: link)
            harness.now = harness.now + .seconds(5) + .nanoseconds(delay)
            let effects = harness.sign(over: link)
            #expect(effects.verdicts == [verdict], "\(delay)")
            guard verdict == .failed else { continue }
            #expect(effects.reasons == [.unsigned])
            let tag = harness.outcomeTag(.fail, over: link, afterProof: true)
            #expect(effects.told(link) == [.outcome(.fail, tag: tag)] && effects.proofs.isEmpty)
        }
    }

    @Test("a device that leaves between PROOF and SIGN leaves its observation unsigned")
    func leavesBeforeSign() {
        var harness = Harness()
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        harness.disconnect(link)
        #expect(harness.advance(.seconds(120)).reasons == [.unsigned])
    }

    @Test("a signature that is too long is malformed, and the observation stays open")
    func longSignature() {
        var harness = Harness()
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        let piece = LinkFrame.sign(last: false, Array(repeating: 1, count: 128))
        for _ in 0..<16 { #expect(harness.handle(.received(link, piece)).isEmpty) }
        #expect(harness.handle(.received(link, .sign(last: true, [1]))).outcomes == [link: .malformed])
        #expect(harness.observer.openObservations == 1 && harness.journal.open[exchange("first")]?.mismatches == 0)
    }

    @Test(
        "a proof from too far does not count, and the device is told so with a tag; at the deadline it is failed, too far"
    )
    func tooFar() {
        for comesNearer in [true, false] {
            var harness = Harness(Policy { $0.maximumRoundTrip = .milliseconds(50) })
            harness.ask()
            for _ in 0..<5 {
                let link = harness.claimed()
                harness.handle(.challengeLeft(link))
                harness.now = harness.now + .milliseconds(51)
                let effects = harness.proveKeyed(over: link)
                let tag = harness.outcomeTag(.tooFar, over: link, afterProof: true)
                #expect(effects.told(link) == [.outcome(.tooFar, tag: tag)] && effects.recorded.isEmpty)
            }
            #expect(harness.observer.open.map(\.lacking) == [.tooFar])
            guard comesNearer else {
                #expect(harness.advance(.seconds(120)).reasons == [.tooFar])
                continue
            }
            let link = harness.claimed()
            harness.handle(.challengeLeft(link))
            harness.proveKeyed(over: link)
            #expect(harness.sign(over: link).verdicts == [.valid])
        }
    }

    @Test("if the signal could not be measured, the device gets busy with a tag and may try again")
    func noSignal() {
        var harness = Harness(Policy { $0.minimumSignal = -90 })
        harness.ask()
        let link = harness.claimed(from: Peer(transport: .le, address: "D1"))
        let tag = harness.outcomeTag(.busy, over: link, afterProof: true)
        #expect(harness.proveKeyed(over: link).told(link) == [.outcome(.busy, tag: tag)])
        let again = harness.claimed(from: Peer(transport: .le, address: "D1"))
        harness.handle(.challengeLeft(again, signal: -60))
        harness.proveKeyed(over: again)
        #expect(harness.sign(over: again).verdicts == [.valid])
    }
}

extension [Effect] {
    /// The data of OBSERVATION_PROOF that goes to servers.
    var proofs: [KeyedProof] {
        sent.compactMap { message in
            guard case .data(DataID.observationProof.octets, let data) = message.body else { return nil }
            return KeyedProof(encoded: data.bytes)
        }
    }
}
