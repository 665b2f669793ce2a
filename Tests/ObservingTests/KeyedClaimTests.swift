import BootTime
import Keys
import ProofLink
import SRUP
import Testing

@testable import Observing

/// docs/proof-link.md, "Keyed mode": which claim matches which observation, and for how long.
@Suite struct KeyedClaimTests {
    // MARK: - Claims

    @Test(
        "a claim may come before its request: the device is told to wait, and challenged as soon as the request comes")
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

    @Test("a device without its value reports that, waits, and claims when it has the value", arguments: [true, false])
    func zeroClaim(requestFirst: Bool) {
        var harness = Harness()
        let link = harness.connect().id
        harness.handle(.received(link, .claim(KeyedContext.noClaim)))
        if requestFirst { #expect(harness.ask().told(link).isEmpty, "nothing matches a claim without a value") }
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

    @Test("a claim that matches nothing is not counted: it waits as long as strangers may, and may come again")
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

    @Test("a claim is bound to all parties: with any other party it does not match")
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

    @Test("an observation whose deadline has passed matches no claim")
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

    // MARK: - Several requests

    @Test("superseded while challenged or while signing: fail with the older value's tag, and the newer claim matches")
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

    @Test(
        "two servers with two values: each link's claim matches its own server's value, and each gets its own verdict")
    func twoServers() {
        var harness = Harness()
        harness.ask("a", value: secret(1))
        harness.ask("b", by: otherServer, value: secret(2))
        let second = harness.claimed(secret(2), for: otherServer)
        let first = harness.claimed(secret(1))
        harness.proveKeyed(secret(2), over: second, for: otherServer)
        let effects = harness.sign(over: second)
        #expect(effects.sent.map(\.token) == [token("b"), token("b")])
        #expect(effects.proofs.map(\.context.server) == [otherServer])
        #expect(effects.outcomes == [second: .valid], "the other link continues")
        harness.proveKeyed(secret(1), over: first)
        #expect(harness.sign(over: first).sent.map(\.token) == [token("a"), token("a")])
    }

    @Test("an observation that ends also ends its links, even while another server still asks for the same device")
    func endsWithItsObservation() {
        var harness = Harness()
        harness.ask("a", value: secret(1))
        harness.ask("b", by: otherServer, value: secret(2))
        let first = harness.claimed(secret(1))
        let second = harness.claimed(secret(2), for: otherServer)
        let effects = harness.ask("newer", value: secret(9))
        let tag = harness.outcomeTag(.fail, over: first, secret(1), afterProof: false)
        #expect(effects.told(first) == [.outcome(.fail, tag: tag)] && effects.told(second).isEmpty)
        harness.proveKeyed(secret(2), over: second, for: otherServer)
        #expect(harness.sign(over: second).verdicts == [.valid])
    }

    @Test("two servers with one value: the one that the claim names gets its verdict, and the other none")
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
        "strangers that use an expected device's name do not displace the link whose claim has matched, nor the reverse"
    )
    func impostors() {
        var harness = Harness(Policy { ($0.linkLimit, $0.linksPerDevice) = (32, 2) })
        harness.ask()
        let link = harness.claimed()
        let impostors = (0..<10).map { harness.ready(from: Peer(transport: .rfcomm, address: "stranger \($0)")) }
        #expect(harness.journal.links[link] != nil && harness.journal.links[impostors[0]] == nil)
        harness.proveKeyed(over: link)
        #expect(harness.sign(over: link).verdicts == [.valid])
    }

    @Test("endless claims from many addresses do not displace a device whose claim has matched")
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

    @Test("after a restart within the same boot a claim matches the observation that was open")
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

    @Test("a private beacon that offers only keyed mode does not name itself, and the claim still matches")
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
