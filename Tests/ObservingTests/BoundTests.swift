import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// Bounds on links, and the room kept for an expected device (docs/proof-link.md, "Bounds at the beacon").
@Suite struct BoundTests {
    private func peer(_ number: Int) -> Peer { Peer(transport: .rfcomm, address: "stranger \(number)") }

    @Test("one peer has a limited number of links; the next gets busy until one has ended", arguments: [1, 4])
    func perPeer(bound: Int) {
        var harness = Harness(Policy { $0.linksPerPeer = bound })
        let links = (0..<bound).map { _ in harness.connect().id }
        let (turnedAway, effects) = harness.connect()
        #expect(effects.outcomes == [turnedAway: .busy] && effects.order == "tc.")
        #expect(harness.observer.openLinks == bound)
        #expect(harness.connect(stranger).effects.outcomes.isEmpty)
        harness.disconnect(links[0])
        #expect(harness.connect().effects.outcomes.isEmpty)
        #expect(harness.connect().effects.outcomes.count == 1)
        harness.advance(.seconds(5))
        #expect(harness.observer.openLinks == 0 && harness.observer.linksOfPeer.isEmpty)
        #expect(harness.connect().effects.outcomes.isEmpty)
    }

    @Test("READY, the proof and the request each have their time limit")
    func limits() {
        var harness = Harness(
            Policy { ($0.readyLimit, $0.proofLimit, $0.holdLimit) = (.seconds(3), .seconds(7), .seconds(11)) })
        let silent = harness.connect(peer(1)).id
        let held = harness.ready(otherDevice, from: peer(2))
        harness.ask()
        let challenged = harness.ready(from: peer(3))
        #expect(harness.advance(.seconds(3)).outcomes == [silent: .unknown])
        #expect(harness.advance(.seconds(4)).outcomes == [challenged: .fail])
        #expect(harness.advance(.seconds(4)).outcomes == [held: .unknown])
        #expect(harness.observer.openLinks == 0)
    }

    @Test("the proof's time starts when CHALLENGE was sent, and a second report of that does not restart it")
    func proofLimitFromDeparture() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        harness.advance(.milliseconds(1900))
        harness.handle(.challengeLeft(link))
        #expect(harness.advance(.milliseconds(1900)).isEmpty)
        harness.handle(.challengeLeft(link))
        #expect(harness.advance(.milliseconds(99)).isEmpty)
        #expect(harness.advance(.milliseconds(1)).outcomes == [link: .fail])
    }

    @Test("a link does not outlive the observation that it was challenged for")
    func challengedLinkEndsWithItsObservation() {
        var harness = Harness(Policy { $0.proofLimit = .seconds(1000) })
        harness.ask()
        let link = harness.ready()
        #expect(harness.advance(.seconds(120)).outcomes == [link: .fail])
    }

    // MARK: - Links altogether

    @Test("when all places are taken, links that are silent for long make room first, then held ones, then new ones")
    func eviction() {
        var harness = Harness(Policy { $0.linkLimit = 4 })
        let held = [1, 2].map { harness.ready(otherDevice, from: peer($0)) }
        let silent = [3, 4].map { harness.connect(peer($0)).id }
        harness.advance(.seconds(1))
        #expect(harness.connect(peer(5)).effects.outcomes == [silent[0]: .busy])
        #expect(harness.connect(peer(6)).effects.outcomes == [silent[1]: .busy])
        // The two silent ones that remain are new: READY may be on its way.
        #expect(harness.connect(peer(7)).effects.outcomes == [held[0]: .busy])
        #expect(harness.connect(peer(8)).effects.outcomes == [held[1]: .busy])
        #expect(harness.connect(peer(9)).effects.outcomes.count == 1)
        #expect(harness.observer.openLinks == 4)
    }

    @Test("an expected device that has just connected is not displaced by strangers that send READY and wait")
    func newcomerAmongHeld() {
        var harness = Harness(Policy { $0.linkLimit = 8 })
        for number in 0..<8 { _ = harness.ready(otherDevice, from: peer(number)) }
        harness.ask()
        let link = harness.connect().id
        for number in 8..<15 { _ = harness.ready(otherDevice, from: peer(number)) }
        harness.handle(.received(link, .ready(mode: .challenge, device: device)))
        #expect(harness.prove(over: link).outcomes == [link: .valid])
    }

    @Test("strangers that name an expected device displace each other, not the device that comes after them")
    func impostors() {
        var harness = Harness(Policy { ($0.linkLimit, $0.linksPerDevice) = (16, 4) })
        harness.ask()
        let impostors = (0..<40).map { harness.ready(from: peer($0)) }
        #expect(harness.observer.openLinks == 4)
        let link = harness.ready()
        #expect(harness.prove(over: link).outcomes[link] == .valid)
        #expect(harness.journal.links[impostors[0]] == nil)
    }

    @Test("the link that makes room is closed before the new one gets HELLO")
    func evictionOrder() {
        var harness = Harness(Policy { $0.linkLimit = 1 })
        let old = harness.connect(peer(1)).id
        let (new, effects) = harness.connect(peer(2))
        #expect(effects.order == "tc.t")
        #expect(effects.outcomes == [old: .busy] && effects.told(new).count == 1)
        #expect(harness.observer.linksOfPeer == [peer(2).address: 1])
    }

    @Test("if expected devices take all places, a new link gets busy")
    func allExpected() {
        var harness = Harness(Policy { $0.linkLimit = 3 })
        for number in 1...3 {
            harness.ask("t\(number)", for: Identifier(UInt64(number)))
            _ = harness.ready(Identifier(UInt64(number)), from: peer(number))
        }
        let (newcomer, effects) = harness.connect(peer(4))
        #expect(effects.outcomes == [newcomer: .busy])
        #expect(harness.observer.openLinks == 3)
    }

    @Test(
        "strangers that fill all places, silent or held, never keep an expected device out",
        arguments: [false, true])
    func starvation(held: Bool) {
        var harness = Harness(Policy { $0.linkLimit = 8 })
        func flood(_ numbers: Range<Int>) {
            for number in numbers {
                let link = harness.connect(peer(number)).id
                guard held, harness.journal.links[link] != nil else { continue }
                harness.handle(.received(link, .ready(mode: .challenge, device: otherDevice)))
            }
        }
        flood(0..<50)
        #expect(harness.observer.openLinks == 8)
        harness.ask()
        let link = harness.ready()
        flood(50..<1000)
        #expect(harness.observer.openLinks == 8)
        #expect(harness.prove(over: link).outcomes == [link: .valid])
    }

    @Test("a device that connected before its request keeps its link when the request arrives")
    func requestAfterDevice() {
        var harness = Harness(Policy { $0.linkLimit = 4 })
        let link = harness.ready()
        harness.ask()
        for number in 0..<50 { harness.connect(peer(number)) }
        #expect(harness.prove(over: link).verdicts == [.valid])
    }

    @Test("the observer asks to be woken at each time limit, and not when nothing is open")
    func nextDeadline() {
        var harness = Harness()
        #expect(harness.observer.nextDeadline == nil)
        harness.connect()
        #expect(harness.observer.nextDeadline == harness.now + .seconds(5))
        harness.ask()
        #expect(harness.observer.nextDeadline == harness.now + .seconds(5))
        var wakes = 0
        while let next = harness.observer.nextDeadline {
            harness.now = next
            harness.handle(.tick)
            wakes += 1
        }
        #expect(wakes == 2 && harness.observer.openLinks == 0 && harness.observer.openObservations == 0)
    }
}
