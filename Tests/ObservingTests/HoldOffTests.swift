import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// The growing hold-off of a peer after false or malformed frames.
@Suite struct HoldOffTests {
    private func isHeldOff(_ harness: inout Harness, _ peer: Peer = phone) -> Bool {
        let (link, effects) = harness.connect(peer)
        guard effects.outcomes == [link: .busy] else {
            harness.disconnect(link)
            return false
        }
        return true
    }

    /// Misbehaves on a link, and measures to the nanosecond how long the peer is then held off.
    private func isHeldOffExactly(_ harness: inout Harness, for delay: Duration, _ peer: Peer = phone) -> Bool {
        let link = harness.connect(peer).id
        harness.handle(.malformed(link))
        harness.advance(delay - .nanoseconds(1))
        let before = isHeldOff(&harness, peer)
        harness.advance(.nanoseconds(1))
        return before && !isHeldOff(&harness, peer)
    }

    @Test("a peer is held off for a second, and twice as long each further time, up to a bound")
    func doubling() {
        var harness = Harness()
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
            #expect(isHeldOffExactly(&harness, for: .seconds(seconds)))
        }
    }

    @Test("after a quiet time as long as the longest hold-off the peer is forgotten, and not before")
    func forgetting() {
        var harness = Harness(Policy { $0.maximumHoldOff = .seconds(100) })
        for _ in 0..<2 {
            #expect(isHeldOffExactly(&harness, for: .seconds(1)))
            harness.advance(.seconds(100) - .nanoseconds(1))
            #expect(isHeldOffExactly(&harness, for: .seconds(2)))
            harness.advance(.seconds(100) - .nanoseconds(1))
            #expect(isHeldOffExactly(&harness, for: .seconds(4)))
            harness.advance(.seconds(100))
        }
    }

    @Test("a wrong proof, a frame out of turn, and invalid bytes cause a hold-off")
    func reasons() {
        let faults: [(inout Harness) -> Void] = [
            { harness in
                let link = harness.ready()
                harness.prove(secret(0), over: link)
            },
            { harness in
                let link = harness.ready()
                harness.handle(.received(link, .ready(mode: .challenge, device: device)))
            },
            { harness in
                let link = harness.connect().id
                harness.handle(.malformed(link))
            },
        ]
        for fault in faults {
            var harness = Harness()
            harness.ask()
            fault(&harness)
            #expect(isHeldOff(&harness))
            #expect(!isHeldOff(&harness, stranger), "another peer is not held off")
        }
    }

    @Test(
        "success, being too far, silence, leaving, waiting in vain, and being refused cause no hold-off"
    )
    func honest() {
        var harness = Harness()
        harness.ask()
        let right = harness.ready()
        harness.prove(over: right)
        #expect(!isHeldOff(&harness))
        harness.ask("second")
        harness.observer.policy.minimumSignal = 0
        let far = harness.ready()
        #expect(harness.prove(over: far).outcomes == [far: .tooFar])
        #expect(!isHeldOff(&harness))
        _ = harness.ready()
        _ = harness.connect()
        _ = harness.ready(otherDevice)
        harness.advance(.seconds(500))
        #expect(harness.observer.openLinks == 0)
        #expect(!isHeldOff(&harness))
        let full = (0..<4).map { _ in harness.connect().id }
        #expect(isHeldOff(&harness))
        harness.disconnect(full[0])
        #expect(!isHeldOff(&harness))
    }

    @Test("a false proof ends all links of its address with busy, and no other's")
    func allLinksOfTheAddressEnd() {
        var harness = Harness()
        harness.ask()
        let links = (0..<3).map { _ in harness.ready(from: stranger) } + [harness.connect(stranger).id]
        let other = harness.ready()
        let effects = harness.prove(secret(0), over: links[1])
        #expect(
            effects.outcomes == [links[1]: .invalid, links[0]: .busy, links[2]: .busy, links[3]: .busy])
        #expect(harness.observer.openLinks == 1 && harness.observer.linksOfPeer == [phone.address: 1])
        harness.advance(.seconds(1) - .nanoseconds(1))
        #expect(isHeldOff(&harness, stranger))
        harness.advance(.nanoseconds(1))
        #expect(!isHeldOff(&harness, stranger), "four links, and one hold-off")
        #expect(harness.prove(over: other).verdicts == [.valid])
    }

    @Test("a newer request ends the hold-off of a device that proved the older request's value against it")
    func forgiven() {
        for (isNewer, server) in [(true, server), (false, otherServer)] {
            var harness = Harness()
            harness.ask("old", value: secret(1))
            let link = harness.ready()
            // The device already has its newer value; the newer request is still on its way.
            harness.prove(secret(2), over: link)
            #expect(isHeldOff(&harness))
            harness.ask("new", by: server, value: secret(2))
            #expect(isHeldOff(&harness) == !isNewer)
            guard isNewer else { continue }
            let again = harness.ready()
            #expect(harness.prove(secret(2), over: again).verdicts == [.valid])
        }
    }

    @Test("a newer request does not end the hold-off for malformed bytes, or for another device's false proof")
    func notForgiven() {
        var harness = Harness()
        harness.ask("old")
        harness.ask("other", for: otherDevice)
        let malformed = harness.connect(stranger).id
        harness.handle(.malformed(malformed))
        let link = harness.ready(otherDevice)
        harness.prove(secret(0), over: link, as: otherDevice)
        harness.ask("new")
        #expect(isHeldOff(&harness, stranger) && isHeldOff(&harness))
    }

    @Test("several false frames at once count each")
    func countedEach() {
        var harness = Harness()
        let links = (0..<4).map { _ in harness.connect().id }
        for link in links { harness.handle(.malformed(link)) }
        harness.advance(.seconds(8) - .nanoseconds(1))
        #expect(isHeldOff(&harness))
        harness.advance(.nanoseconds(1))
        #expect(!isHeldOff(&harness))
    }

    @Test("a peer that is refused during its hold-off is not held off longer for that")
    func knockingIsFree() {
        var harness = Harness()
        let link = harness.connect().id
        harness.handle(.malformed(link))
        for _ in 0..<9 {
            #expect(isHeldOff(&harness))
            harness.advance(.milliseconds(100))
        }
        harness.advance(.milliseconds(100))
        #expect(!isHeldOff(&harness))
    }

    // MARK: - Memory

    /// How many peers are remembered: a private number, read by reflection.
    private func remembered(_ holdOffs: HoldOffs) -> Int {
        Mirror(reflecting: holdOffs).children.first { $0.label == "entries" }
            .map { Mirror(reflecting: $0.value).children.count } ?? -1
    }

    @Test(
        "a bounded number of peers is remembered, however many misbehave; the one that is free soonest is forgotten first"
    )
    func memory() {
        var holdOffs = HoldOffs()
        let policy = Policy { $0.heldOffPeers = 10 }
        let now = Instant(nanoseconds: 0)
        holdOffs.add("worst", at: now, policy)
        holdOffs.add("worst", at: now, policy)
        for number in 0..<1000 {
            holdOffs.add("stranger \(number)", at: now + .nanoseconds(number), policy)
            #expect(remembered(holdOffs) <= 10)
            #expect(holdOffs.holds("stranger \(number)", at: now + .nanoseconds(number)))
        }
        #expect(remembered(holdOffs) == 10)
        #expect(holdOffs.holds("worst", at: now + .milliseconds(1999)))
        #expect(!holdOffs.holds("stranger 0", at: now + .milliseconds(1)))
    }

    @Test("a peer that is already remembered needs no new place")
    func noRoomNeeded() {
        var holdOffs = HoldOffs()
        let policy = Policy { $0.heldOffPeers = 2 }
        let now = Instant(nanoseconds: 0)
        for _ in 0..<5 { for name in ["a", "b"] { holdOffs.add(name, at: now, policy) } }
        #expect(remembered(holdOffs) == 2)
        #expect(holdOffs.holds("a", at: now + .seconds(15)) && holdOffs.holds("b", at: now + .seconds(15)))
    }

    @Test("forgotten peers make room; no peer is released from its hold-off for that")
    func forgottenMakeRoom() {
        var holdOffs = HoldOffs()
        let policy = Policy { ($0.heldOffPeers, $0.maximumHoldOff) = (3, .seconds(10)) }
        let now = Instant(nanoseconds: 0)
        holdOffs.add("forgotten", at: now, policy)
        let later = now + .seconds(10) + .milliseconds(500)
        for name in ["a", "b"] { holdOffs.add(name, at: later, policy) }
        let latest = later + .milliseconds(600)
        holdOffs.add("c", at: latest, policy)
        for name in ["a", "b", "c"] { #expect(holdOffs.holds(name, at: latest), "\(name)") }
    }
}
