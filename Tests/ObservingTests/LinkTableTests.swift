import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// docs/proof-link.md: every event of a link in every state of it.
@Suite struct LinkTableTests {
    /// A state of a link, and how it gets there. `device` is named by an open observation, `otherDevice` is not.
    enum Place: CaseIterable {
        case greeting, held, challenged, challengeLeft, challengedForValue, gone

        func link(in harness: inout Harness) -> LinkID {
            switch self {
            case .greeting: return harness.connect().id
            case .held: return harness.ready(otherDevice)
            case .challenged: return harness.ready()
            case .challengeLeft:
                let link = harness.ready()
                harness.advance(.seconds(1))
                harness.handle(.challengeLeft(link))
                return link
            case .challengedForValue: return harness.ready(mode: .value)
            case .gone:
                let link = harness.connect().id
                harness.disconnect(link)
                return link
            }
        }

        /// How long the link may stay in this state.
        var limit: Duration {
            switch self {
            case .greeting: .seconds(5)
            case .held: .seconds(120)
            case .challenged, .challengeLeft, .challengedForValue: .seconds(2)
            case .gone: .seconds(1)
            }
        }
    }

    /// What happens: the columns of the table.
    enum Event: CaseIterable {
        case hello, readyNamed, readyUnnamed, readyForValue, wait, challenge, rightProof, wrongProof
        case rightValue, wrongValue, claim, sign, outcome, malformed, challengeLeft, disconnected, justBeforeLimit,
            atLimit

        func effects(_ link: LinkID, _ place: Place, in harness: inout Harness) -> [Effect] {
            let frame: LinkFrame
            switch self {
            case .hello:
                frame = .hello(version: 1, modes: [.challenge], beacon: beacon, nonce: Array(repeating: 0, count: 16))
            case .readyNamed: frame = .ready(mode: .challenge, device: device)
            case .readyUnnamed: frame = .ready(mode: .challenge, device: otherDevice)
            case .readyForValue: frame = .ready(mode: .value, device: device)
            case .wait: frame = .wait(seconds: 1)
            case .challenge: frame = .challenge(Array(repeating: 0, count: 32))
            case .rightProof: frame = Harness.proof(secret(7), over: link)
            case .wrongProof: frame = Harness.proof(secret(0), over: link)
            case .rightValue: frame = .value(secret(7))
            case .wrongValue: frame = .value(secret(0))
            case .claim: frame = .claim(Array(repeating: 1, count: 16))
            case .sign: frame = .sign(last: true, [1])
            case .outcome: frame = .outcome(.valid, tag: LinkFrame.noTag)
            case .malformed: return harness.handle(.malformed(link))
            case .challengeLeft: return harness.handle(.challengeLeft(link))
            case .disconnected:
                harness.journal.links[link] = nil
                return harness.handle(.disconnected(link))
            case .justBeforeLimit: return harness.advance(place.limit - .nanoseconds(1))
            case .atLimit: return harness.advance(place.limit)
            }
            return harness.handle(.received(link, frame))
        }
    }

    /// C: CHALLENGE. W: WAIT. v i f u m: OUTCOME valid, invalid, fail, unknown, malformed, and the link is closed.
    /// Minus: nothing, the link stays. x: nothing, the link is forgotten. A full stop: nothing, there is no link.
    static let table: [(String, Place)] = [
        // HELLO, READY device, READY otherDevice, READY by value, WAIT, CHALLENGE, right PROOF, wrong PROOF,
        // right VALUE, wrong VALUE, CLAIM, SIGN, OUTCOME, malformed, challenge left, disconnected, just before the limit, at it
        ("mCWCmmmmmmmmmm-x-u", .greeting),
        ("mmmmmmmmmmmmmm-x-u", .held),
        ("mmmmmmvimmmmmm-x-f", .challenged),
        ("mmmmmmvimmmmmm-x-f", .challengeLeft),
        ("mmmmmmmmvimmmm-x-f", .challengedForValue),
        ("..................", .gone),
    ]

    private func letter(_ effects: [Effect], _ link: LinkID, _ observer: Observer) -> Character {
        let stays = observer.links[link] != nil
        switch effects.told(link).last {
        case .challenge: return stays ? "C" : "?"
        case .wait: return stays ? "W" : "?"
        case .outcome(let outcome, _):
            guard !stays, effects.contains(.close(link)) else { return "?" }
            switch outcome {
            case .valid: return "v"
            case .invalid: return "i"
            case .fail: return "f"
            case .unknown: return "u"
            case .busy: return "b"
            case .malformed: return "m"
            case .tooFar: return "t"
            }
        case nil: return stays ? "-" : "x"
        default: return "?"
        }
    }

    @Test("the table has every state once")
    func tableIsComplete() { #expect(Self.table.map(\.1) == Place.allCases) }

    @Test("every event in every state of a link has the outcome in the table", arguments: table)
    func product(row: String, place: Place) {
        #expect(row.count == Event.allCases.count)
        for (event, expected) in zip(Event.allCases, row) {
            var harness = Harness(
                Policy {
                    $0.modes = [.value, .challenge]
                    $0.observationWindow = .seconds(1000)
                })
            harness.ask()
            let link = place.link(in: &harness)
            let effects = event.effects(link, place, in: &harness)
            let met = place == .gone && effects.isEmpty ? "." : letter(effects, link, harness.observer)
            #expect(met == expected, "\(event) while \(place)")
            #expect(effects.verdicts == (expected == "v" ? [.valid] : []))
            #expect(
                harness.journal.open[exchange("first")]?.mismatches == (expected == "v" ? nil : expected == "i" ? 1 : 0)
            )
            #expect(harness.observer.openLinks == harness.journal.links.count)
            #expect(harness.observer.linksOfPeer == (harness.observer.openLinks == 0 ? [:] : [phone.address: 1]))
            // Only the peer that presented something false is held off.
            let again = harness.connect()
            #expect(again.effects.outcomes == ("mi".contains(expected) ? [again.id: .busy] : [:]))
        }
    }

    @Test("a mode that was not offered is malformed: value mode is off by default")
    func valueModeIsOff() {
        var harness = Harness()
        harness.ask()
        let (link, effects) = harness.connect()
        let nonce = Harness.randomBytes(of: link).nonce
        #expect(
            effects == [.tell(link, .hello(version: 1, modes: [.challenge, .keyed], beacon: beacon, nonce: nonce))])
        #expect(harness.handle(.received(link, .ready(mode: .value, device: device))).outcomes == [link: .malformed])
    }

    @Test("frames that come after the beacon has ended a link are ignored")
    func lateFrames() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        harness.handle(.malformed(link))
        for event in Event.allCases {
            #expect(event.effects(link, .challenged, in: &harness).isEmpty, "\(event)")
        }
    }

    @Test("a held link is told how long, and challenged as soon as the request arrives")
    func held() {
        var harness = Harness(Policy { $0.holdLimit = .seconds(90) })
        let links = (0..<3).map { _ in harness.connect().id }
        for link in links {
            let effects = harness.handle(.received(link, .ready(mode: .challenge, device: device)))
            #expect(effects == [.report(.ready(link, phone, device: device)), .tell(link, .wait(seconds: 90))])
        }
        let other = harness.connect(stranger).id
        harness.handle(.received(other, .ready(mode: .challenge, device: otherDevice)))
        let effects = harness.ask()
        #expect(effects.order == "rr.ttt")
        for link in links { #expect(effects.told(link).count == 1) }
        #expect(effects.told(other).isEmpty)
    }

    @Test("WAIT is limited to what its two bytes can say")
    func longHold() {
        var harness = Harness(Policy { $0.holdLimit = .seconds(100_000) })
        let link = harness.connect().id
        let effects = harness.handle(.received(link, .ready(mode: .challenge, device: device)))
        #expect(effects.told(link) == [.wait(seconds: .max)])
    }
}
