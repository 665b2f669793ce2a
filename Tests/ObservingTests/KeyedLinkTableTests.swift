import BootTime
import Keys
import ProofLink
import SRUP
import Testing

@testable import Observing

/// docs/proof-link.md, "Keyed mode": every event of a link in every state of it.
@Suite struct KeyedLinkTableTests {
    /// A state of a link, and how it gets there. `device` is asked for with the value 7; `otherDevice`, with the value 8, is not.
    enum Place: CaseIterable {
        case greeting, held, waitsWithoutValue, waitsUnfitting, challenged, challengeLeft, signing, partlySigned, gone

        func link(in harness: inout Harness) -> LinkID {
            switch self {
            case .greeting: return harness.connect().id
            case .held: return harness.ready(otherDevice)
            case .waitsWithoutValue:
                let link = harness.connect().id
                harness.handle(.received(link, .claim(KeyedContext.noClaim)))
                return link
            case .waitsUnfitting: return harness.claimed(secret(8), as: otherDevice)
            case .challenged, .challengeLeft, .signing, .partlySigned: return fitted(in: &harness)
            case .gone:
                let link = harness.connect().id
                harness.disconnect(link)
                return link
            }
        }

        private func fitted(in harness: inout Harness) -> LinkID {
            let link = harness.claimed()
            if self == .challenged { return link }
            harness.advance(.seconds(1))
            harness.handle(.challengeLeft(link))
            if self == .challengeLeft { return link }
            harness.proveKeyed(over: link)
            if self == .partlySigned { harness.handle(.received(link, .sign(last: false, [1]))) }
            return link
        }

        /// How long the link may stay in this state.
        var limit: Duration {
            switch self {
            case .greeting: .seconds(5)
            case .held, .waitsWithoutValue, .waitsUnfitting: .seconds(120)
            case .challenged, .challengeLeft: .seconds(2)
            case .signing, .partlySigned: .seconds(10)
            case .gone: .seconds(1)
            }
        }

        /// Whether a claim has matched: every OUTCOME has a tag then.
        var isFitted: Bool {
            switch self {
            case .challenged, .challengeLeft, .signing, .partlySigned: true
            case .greeting, .held, .waitsWithoutValue, .waitsUnfitting, .gone: false
            }
        }

        var hasProved: Bool { self == .signing || self == .partlySigned }
    }

    /// What happens: the columns of the table.
    enum Event: CaseIterable {
        case hello, ready, wait, challenge, claimNothing, claimFitting, claimUnfitting, rightProof, wrongProof
        case proofOfChallengeMode, value, signPiece, signLast, signTooMuch, outcome, malformed, challengeLeft
        case disconnected, justBeforeLimit, atLimit, superseded, requested

        func effects(_ link: LinkID, _ place: Place, in harness: inout Harness) -> [Effect] {
            guard frames(link, harness).isEmpty else {
                return frames(link, harness).flatMap { harness.handle(.received(link, $0)) }
            }
            switch self {
            case .malformed: return harness.handle(.malformed(link))
            case .challengeLeft: return harness.handle(.challengeLeft(link))
            case .disconnected:
                harness.journal.links[link] = nil
                return harness.handle(.disconnected(link))
            case .justBeforeLimit: return harness.advance(place.limit - .nanoseconds(1))
            case .atLimit: return harness.advance(place.limit)
            case .superseded: return harness.ask("newer", value: secret(9))
            default: return harness.ask("other", for: otherDevice, value: secret(8))
            }
        }

        private func frames(_ link: LinkID, _ harness: Harness) -> [LinkFrame] {
            let keys = KeyedKeys(secret(7), hmacSHA256)
            let (right, wrong) = (harness.keyedProof(over: link), harness.keyedProof(secret(8), over: link))
            switch self {
            case .hello:
                return [.hello(version: 1, modes: [.keyed], beacon: beacon, nonce: Array(repeating: 0, count: 16))]
            case .ready: return [.ready(mode: .challenge, device: device)]
            case .wait: return [.wait(seconds: 1)]
            case .challenge: return [.challenge(Array(repeating: 0, count: 32))]
            case .claimNothing: return [.claim(KeyedContext.noClaim)]
            case .claimFitting: return [.claim(right.context.claim(keys.claim, hmacSHA256))]
            case .claimUnfitting: return [.claim(Array(repeating: 1, count: 16))]
            case .rightProof: return [.proof(nonce: right.nonce, tag: right.tag)]
            case .wrongProof: return [.proof(nonce: wrong.nonce, tag: wrong.tag)]
            case .proofOfChallengeMode: return [Harness.proof(secret(7), over: link)]
            case .value: return [.value(secret(7))]
            case .signPiece: return [.sign(last: false, [2, 3])]
            case .signLast: return [.sign(last: true, [4, 5])]
            case .signTooMuch: return Array(repeating: .sign(last: false, Array(repeating: 1, count: 128)), count: 17)
            case .outcome: return [.outcome(.valid, tag: LinkFrame.noTag)]
            case .malformed, .challengeLeft, .disconnected, .justBeforeLimit, .atLimit, .superseded, .requested:
                return []
            }
        }
    }

    /// C: CHALLENGE. W: WAIT. v i f u m: OUTCOME valid, invalid, fail, unknown, malformed, and the link is closed.
    /// Minus: nothing, the link stays. x: nothing, the link is forgotten. A full stop: nothing, there is no link.
    static let table: [(String, Place)] = [
        // HELLO, READY, WAIT, CHALLENGE, CLAIM nothing, CLAIM that matches, CLAIM that does not, right PROOF, wrong PROOF,
        // PROOF of challenge mode, VALUE, SIGN, SIGN the last, SIGN too much, OUTCOME, malformed, challenge left, disconnected,
        // just before the limit, at it, superseded, otherDevice is asked for
        ("mCmmWCWmmmmmmmmm-x-u--", .greeting),
        ("mmmmmmmmmmmmmmmm-x-u-C", .held),
        ("mmmmmC-mmmmmmmmm-x-u--", .waitsWithoutValue),
        ("mmmmmmmmmmmmmmmm-x-u-C", .waitsUnfitting),
        ("mmmmmmm-iimmmmmm-x-ff-", .challenged),
        ("mmmmmmm-iimmmmmm-x-ff-", .challengeLeft),
        ("mmmmmmmmmmm-vmmm-x-ff-", .signing),
        ("mmmmmmmmmmm-vmmm-x-ff-", .partlySigned),
        ("......................", .gone),
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
            var harness = Harness(Policy { $0.observationWindow = .seconds(1000) })
            harness.ask()
            let link = place.link(in: &harness)
            let effects = event.effects(link, place, in: &harness)
            let met = place == .gone && effects.told(link).isEmpty ? "." : letter(effects, link, harness.observer)
            #expect(met == expected, "\(event) while \(place)")
            let verdicts: [Verdict] = expected == "v" ? [.valid] : event == .superseded ? [.failed] : []
            #expect(effects.verdicts == verdicts, "\(event) while \(place)")
            let mismatches = verdicts.isEmpty ? expected == "i" ? 1 : 0 : nil
            #expect(harness.journal.open[exchange("first")]?.mismatches == mismatches, "\(event) while \(place)")
            checkTag(effects, link, place, event, harness)
            #expect(harness.observer.openLinks == harness.journal.links.count)
            #expect(harness.observer.linksOfPeer == (harness.observer.openLinks == 0 ? [:] : [phone.address: 1]))
            // Only the peer that presented something false is held off.
            let again = harness.connect()
            #expect(again.effects.outcomes == ("mi".contains(expected) ? [again.id: .busy] : [:]))
        }
    }

    /// OUTCOME has the value's tag in every status once a claim has matched, and none before.
    private func checkTag(
        _ effects: [Effect], _ link: LinkID, _ place: Place, _ event: Event, _ harness: Harness
    ) {
        guard case .outcome(let outcome, let tag)? = effects.told(link).last else { return }
        let proves = [.rightProof, .wrongProof, .proofOfChallengeMode].contains(event) && outcome != .malformed
        let wanted =
            place.isFitted
            ? harness.outcomeTag(outcome, over: link, afterProof: place.hasProved || proves) : LinkFrame.noTag
        #expect(tag == wanted, "\(event) while \(place)")
    }

    @Test("frames that come after the beacon has ended a link are ignored")
    func lateFrames() {
        var harness = Harness()
        harness.ask()
        let link = harness.claimed()
        harness.handle(.malformed(link))
        for event in Event.allCases where event != .superseded && event != .requested {
            #expect(event.effects(link, .challenged, in: &harness).isEmpty, "\(event)")
        }
    }

    @Test("CLAIM is malformed where keyed mode is not offered")
    func notOffered() {
        var harness = Harness(Policy { $0.modes = [.challenge, .value] })
        harness.ask()
        let link = harness.connect().id
        #expect(harness.claim(over: link).outcomes == [link: .malformed])
    }
}
