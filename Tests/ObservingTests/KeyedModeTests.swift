import Keys
import ProofLink
import SRUP
import Testing

@testable import Observing

/// docs/proof-link.md, "Keyed mode"; proof-link-keyed.md §2: claims, proofs, signatures and what the server gets of them.
@Suite struct KeyedModeTests {
    private func proofs(_ effects: [Effect]) -> [KeyedProof] {
        effects.sent.compactMap { message in
            guard case .data(DataID.observationProof.octets, let data) = message.body else { return nil }
            return KeyedProof(encoded: data.bytes)
        }
    }

    // MARK: - The verdict

    @Test(
        "a proof and its signature: the verdict is recorded, the proof and the response are sent, then the device hears of it"
    )
    func valid() throws {
        var harness = Harness()
        harness.ask()
        let link = harness.claimed()
        #expect(harness.proveKeyed(over: link).isEmpty, "a proof without its signature is no verdict")
        let effects = harness.sign(over: link)
        #expect(effects.order == "rss.tc.")
        #expect(effects.verdicts == [.valid] && effects.reasons == [.matched])
        #expect(effects.sent.map(\.body.type) == [.data, .response] && effects.responses == [.observedJoinValid])
        #expect(effects.sent.allSatisfy { $0.token == token("first") })
        var proof = harness.keyedProof(over: link)
        proof.signature = Harness.signature
        #expect(proofs(effects) == [proof], "as it came")
        #expect(
            effects.told(link) == [.outcome(.valid, tag: harness.outcomeTag(.valid, over: link, afterProof: true))])
        #expect(effects.last == .report(.ended(link, phone, device: device, .valid)))
        #expect(harness.observer.openObservations == 0 && harness.observer.openLinks == 0)
    }

    @Test(
        "a server that takes no proofs gets the verdict alone: the reference's client ends at DATA that it does not expect"
    )
    func noProofs() {
        var harness = Harness()
        harness.observer.terms[server] = terms { $0.takesProofs = false }
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        let effects = harness.sign(over: link)
        #expect(effects.order == "rs.tc." && effects.sent.map(\.body) == [.response(.observedJoinValid)])
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

    @Test("asked again, the server gets the same verdict, without the proof")
    func repeated() {
        var harness = Harness()
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        harness.sign(over: link)
        #expect(harness.ask().sent.map(\.body) == [.response(.observedJoinValid)])
    }

    // MARK: - Claims

    @Test("a claim may come before its request: it is told to wait, and challenged as soon as the request comes")
    func claimFirst() {
        var harness = Harness(Policy { $0.holdLimit = .seconds(90) })
        let link = harness.connect().id
        #expect(harness.claim(over: link) == [.tell(link, .wait(seconds: 90))])
        let effects = harness.ask()
        #expect(effects.order == "rr..t")
        #expect(effects.told(link) == [.challenge(Harness.randomBytes(of: link).challenge)])
        harness.proveKeyed(over: link)
        #expect(harness.sign(over: link).verdicts == [.valid])
    }

    @Test("a claim may come after its request, and is challenged at once")
    func requestFirst() {
        var harness = Harness()
        harness.ask()
        let link = harness.connect().id
        #expect(
            harness.claim(over: link) == [
                .report(.ready(link, phone, device: device)),
                .tell(link, .challenge(Harness.randomBytes(of: link).challenge)),
            ])
    }

    @Test("a device without its value says so, waits, and claims when it has it", arguments: [true, false])
    func zeroClaim(requestFirst: Bool) {
        var harness = Harness()
        let link = harness.connect().id
        harness.handle(.received(link, .claim(KeyedContext.noClaim)))
        if requestFirst { #expect(harness.ask().told(link).isEmpty, "nothing fits a claim that says nothing") }
        #expect(harness.claim(over: link).told(link).count == (requestFirst ? 1 : 0))
        if !requestFirst { #expect(harness.ask().told(link).count == 1) }
        harness.proveKeyed(over: link)
        #expect(harness.sign(over: link).verdicts == [.valid])
    }

    @Test("a second claim does not let the link wait longer")
    func waitsOnce() {
        var harness = Harness(Policy { $0.holdLimit = .seconds(10) })
        let link = harness.connect().id
        harness.handle(.received(link, .claim(KeyedContext.noClaim)))
        harness.advance(.seconds(9))
        harness.claim(over: link)
        #expect(harness.advance(.seconds(1)).outcomes == [link: .unknown])
    }

    @Test("a claim that fits nothing is counted against nobody: it waits as long as strangers may, and may come again")
    func unfitting() {
        var harness = Harness(Policy { $0.holdLimit = .seconds(30) })
        harness.ask()
        for _ in 0..<3 {
            let link = harness.claimed(secret(8))
            #expect(harness.advance(.seconds(30) - .nanoseconds(1)).isEmpty)
            let effects = harness.advance(.nanoseconds(1))
            #expect(effects.told(link) == [.outcome(.unknown, tag: LinkFrame.noTag)])
        }
        #expect(harness.journal.open[exchange("first")]?.mismatches == 0)
        #expect(harness.observer.open.map(\.mismatches) == [0])
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        #expect(harness.sign(over: link).evidence.first??.attempts == 1)
    }

    @Test("a claim is bound to all of its parties: with another of anything it fits nothing")
    func bound() {
        var harness = Harness()
        harness.ask()
        let link = harness.connect().id
        let right = harness.keyedContext(of: link)
        let key = KeyedKeys(secret(7), hmacSHA256).claim
        let changes: [(inout KeyedContext) -> Void] = [
            { $0.modes = .keyed }, { $0.linkNonce[15] ^= 1 }, { $0.beacon = otherDevice }, { $0.device = otherDevice },
            { $0.server = otherServer }, { $0.transport = .rfcomm },
        ]
        for change in changes {
            var context = right
            change(&context)
            var trial = harness
            let effects = trial.handle(.received(link, .claim(context.claim(key, hmacSHA256))))
            #expect(effects.told(link) == [.wait(seconds: 120)], "\(context)")
        }
        #expect(harness.claim(over: link).told(link).count == 1)
    }

    @Test("an observation whose time is up fits no claim")
    func expired() {
        var harness = Harness()
        harness.ask()
        let link = harness.connect().id
        harness.now = harness.now + .seconds(4)
        var late = harness
        late.observer.observations[exchange("first")] = late.observer.observations[exchange("first")].map {
            Observer.Observation($0.device, $0.value, deadline: late.now, keys: $0.keys)
        }
        #expect(late.claim(over: link).told(link) == [.wait(seconds: 120)])
        #expect(harness.claim(over: link).told(link).count == 1)
    }

    // MARK: - What is false, or missing

    @Test("a wrong tag is a false proof: it never decides, holds its address off, and is invalid at the deadline")
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
                #expect(effects.reasons == [.deadlineAfterMismatch] && proofs(effects).isEmpty)
                continue
            }
            let link = harness.claimed()
            harness.proveKeyed(over: link)
            #expect(harness.sign(over: link).evidence.first??.attempts == 6)
        }
    }

    @Test(
        "where the signature never comes, the link ends, the observation stays open, and is failed, unsigned, in the end"
    )
    func unsigned() {
        for signsLater in [true, false] {
            var harness = Harness()
            harness.ask()
            let link = harness.claimed()
            harness.proveKeyed(over: link)
            #expect(harness.advance(.seconds(10) - .nanoseconds(1)).isEmpty)
            let effects = harness.advance(.nanoseconds(1))
            let tag = harness.outcomeTag(.fail, over: link, afterProof: true)
            #expect(effects.told(link) == [.outcome(.fail, tag: tag)] && effects.verdicts.isEmpty)
            let again = harness.connect()
            #expect(again.effects.outcomes.isEmpty, "nobody is held off for it")
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
        "the deadline between PROOF and SIGN: failed, unsigned, the device hears fail with a tag, and SIGN comes too late"
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
            #expect(effects.told(link) == [.outcome(.fail, tag: tag)] && proofs(effects).isEmpty)
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
        "from too far it counts for nothing, and the device hears so with a tag; at the deadline it is failed, too far")
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

    @Test("where the signal could not be measured, the device hears busy with a tag and may try again")
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

    // MARK: - Several requests

    @Test("superseded while challenged, or while it signs: fail with the older value's tag, and the newer claim fits")
    func superseded() {
        for signs in [false, true] {
            var harness = Harness()
            harness.ask("old")
            let link = harness.claimed()
            if signs { harness.proveKeyed(over: link) }
            let effects = harness.ask("new", value: secret(9))
            let tag = harness.outcomeTag(.fail, over: link, afterProof: signs)
            #expect(effects.told(link) == [.outcome(.fail, tag: tag)] && effects.reasons == [.superseded])
            let again = harness.claimed(secret(9))
            harness.proveKeyed(secret(9), over: again)
            #expect(harness.sign(over: again).sent.map(\.token) == [token("new"), token("new")])
        }
    }

    @Test("two servers with two values: each link's claim fits its own server's, and each gets its own verdict")
    func twoServers() {
        var harness = Harness()
        harness.ask("a", value: secret(1))
        harness.ask("b", by: otherServer, value: secret(2))
        let second = harness.claimed(secret(2), for: otherServer)
        let first = harness.claimed(secret(1))
        harness.proveKeyed(secret(2), over: second, for: otherServer)
        let effects = harness.sign(over: second)
        #expect(effects.sent.map(\.token) == [token("b"), token("b")])
        #expect(proofs(effects).map(\.context.server) == [otherServer])
        #expect(effects.outcomes == [second: .valid], "the other link goes on")
        harness.proveKeyed(secret(1), over: first)
        #expect(harness.sign(over: first).sent.map(\.token) == [token("a"), token("a")])
    }

    @Test("two servers with one value: the one that the claim names gets its verdict, and the other nothing")
    func twoServersOneValue() {
        var harness = Harness()
        harness.ask("a")
        harness.ask("b", by: otherServer)
        let link = harness.claimed(for: otherServer)
        harness.proveKeyed(over: link, for: otherServer)
        let effects = harness.sign(over: link)
        #expect(effects.verdicts == [.valid] && effects.sent.allSatisfy { $0.token == token("b") })
        #expect(harness.observer.open.map(\.exchange) == [exchange("a")])
    }

    @Test("a membership that ends while the device signs: withdrawn, and fail with a tag")
    func withdrawn() {
        var harness = Harness()
        harness.ask()
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        let effects = harness.say(.terminateCommand)
        #expect(effects.reasons == [.withdrawn])
        #expect(effects.told(link) == [.outcome(.fail, tag: harness.outcomeTag(.fail, over: link, afterProof: true))])
    }

    // MARK: - Strangers, restart, privacy

    @Test(
        "strangers who speak in an expected device's name do not push out the link whose claim has fitted, nor it them")
    func impostors() {
        var harness = Harness(Policy { ($0.linkLimit, $0.linksPerDevice) = (32, 2) })
        harness.ask()
        let link = harness.claimed()
        let impostors = (0..<10).map { harness.ready(from: Peer(transport: .rfcomm, address: "stranger \($0)")) }
        #expect(harness.journal.links[link] != nil && harness.journal.links[impostors[0]] == nil)
        harness.proveKeyed(over: link)
        #expect(harness.sign(over: link).verdicts == [.valid])
    }

    @Test("one who claims without end, from many addresses, pushes out no device whose claim has fitted")
    func claimsWithoutEnd() {
        var harness = Harness(Policy { $0.linkLimit = 8 })
        harness.ask()
        let link = harness.claimed()
        for number in 0..<100 {
            _ = harness.claimed(secret(8), from: Peer(transport: .rfcomm, address: "stranger \(number)"))
        }
        harness.proveKeyed(over: link)
        #expect(harness.sign(over: link).verdicts == [.valid])
    }

    @Test("after a restart within the boot a claim fits the observation that was open")
    func reopened() {
        var harness = Harness()
        harness.ask()
        let early = harness.claimed()
        harness.proveKeyed(over: early)
        harness.restart()
        #expect(harness.sign(over: early).isEmpty)
        let link = harness.claimed()
        harness.proveKeyed(over: link)
        #expect(harness.sign(over: link).verdicts == [.valid])
    }

    @Test("a private beacon that offers keyed mode alone names nobody, and the claim fits all the same")
    func hidden() {
        for (modes, isNamed) in [(Modes.keyed, false), ([.challenge, .keyed], true)] {
            var harness = Harness(Policy { ($0.modes, $0.hidesIdentity) = (modes, true) })
            harness.ask()
            let (link, effects) = harness.connect()
            let nonce = Harness.randomBytes(of: link).nonce
            #expect(
                effects.told(link) == [
                    .hello(version: 1, modes: modes, beacon: isNamed ? beacon : Identifier(0), nonce: nonce)
                ])
            harness.claim(over: link)
            harness.proveKeyed(over: link)
            #expect(harness.sign(over: link).verdicts == [.valid])
        }
    }
}
