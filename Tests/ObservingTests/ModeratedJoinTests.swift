import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// The paper's §5.2.1 and §5.2.2, with the beacon as the device: it shows its own value.
@Suite struct ModeratedJoinTests {
    static let manners: [JoinMode] = [.human, .observed(by: otherDevice)]

    /// The message that carries our value.
    private func response(_ joinMode: JoinMode, sealed: [UInt8] = [UInt8](repeating: 7, count: 16)) -> Body {
        joinMode == .human
            ? .humanJoinResponse(sealed: Octets(sealed)) : .observedJoinResponse(sealed: Octets(sealed))
    }

    private func joining(_ joinMode: JoinMode) -> Harness {
        var harness = Harness(members: [])
        harness.handle(.join(server, token("fresh"), joinMode))
        return harness
    }

    @Test(
        "the request has its join mode, the value is shown, and the answer under the value's token decides",
        arguments: manners)
    func wholeJoin(joinMode: JoinMode) {
        var harness = Harness(members: [])
        let request = harness.handle(.join(server, token("fresh"), joinMode))
        #expect(
            request.sent.map(\.body) == [
                joinMode == .human ? .humanJoinRequest : .observedJoinRequest(observer: otherDevice)
            ])
        let shown = harness.say(response(joinMode), token("T2"))
        #expect(shown.order == "rr.p" && shown.last == .present(server, joinMode))
        #expect(harness.observer.presented(to: server) == secret(7))
        #expect(harness.journal.memberships[server] == .presenting(token("T2"), joinMode))
        #expect(harness.say(.response(.joinSuccess), token("fresh")).refusals.count == 1)
        #expect(harness.say(.response(.joinSuccess), token("T2")).recorded.last == .membership(server, .member))
        #expect(harness.observer.presented(to: server) == nil)
    }

    @Test(
        "a server can refuse at once under our token, but cannot accept before a person has seen the value",
        arguments: manners)
    func noShortCut(joinMode: JoinMode) {
        var harness = joining(joinMode)
        #expect(
            harness.say(.response(.joinSuccess), token("fresh")).refusals == [
                .notNow(.joining(token("fresh"), joinMode))
            ]
        )
        #expect(harness.say(.response(.joinRefused), token("fresh")).recorded.last == .membership(server, .refused))
    }

    @Test("a value of the other join mode is refused", arguments: manners)
    func otherMode(joinMode: JoinMode) {
        var harness = joining(joinMode)
        let other: JoinMode = joinMode == .human ? .observed(by: otherDevice) : .human
        #expect(harness.say(response(other), token("T2")).refusals == [.notNow(.joining(token("fresh"), joinMode))])
        #expect(harness.observer.presented(to: server) == nil)
    }

    @Test("a value that is not sealed to this beacon is refused, and the join continues", arguments: manners)
    func notSealedToUs(joinMode: JoinMode) {
        var harness = joining(joinMode)
        #expect(harness.say(response(joinMode, sealed: [1]), token("T2")).refusals == [.notSealedToUs])
        #expect(harness.say(response(joinMode, sealed: [1, 2, 3]), token("T2")).refusals == [.notAValue])
        #expect(harness.say(response(joinMode), token("T3")).last == .present(server, joinMode))
    }

    @Test("of two values the later one is shown, and only the answer to that one counts", arguments: manners)
    func newerValue(joinMode: JoinMode) {
        var harness = joining(joinMode)
        harness.say(response(joinMode), token("T2"))
        let newer = harness.say(response(joinMode, sealed: [UInt8](repeating: 9, count: 16)), token("T3"))
        #expect(newer.last == .present(server, joinMode) && harness.observer.presented(to: server) == secret(9))
        #expect(harness.say(.response(.joinSuccess), token("T2")).refusals.count == 1)
        #expect(harness.say(.response(.joinSuccess), token("T3")).recorded.last == .membership(server, .member))
    }

    @Test("a value without a decision is forgotten, and the join is requested again", arguments: manners)
    func undecided(joinMode: JoinMode) {
        var harness = joining(joinMode)
        harness.say(response(joinMode), token("T2"))
        #expect(harness.advance(.seconds(599)).wanted.isEmpty)
        #expect(harness.advance(.seconds(1)).wanted == [server])
        let again = harness.handle(.again(server, token("fresh-2")))
        #expect(again.sent.map(\.token) == [token("fresh-2")] && again.sent.first?.body != .joinRequest)
        #expect(harness.observer.presented(to: server) == nil)
        #expect(harness.say(.response(.joinSuccess), token("T2")).refusals.count == 1)
    }

    @Test("after a restart the value is gone, and the join is requested in the same mode", arguments: manners)
    func restarted(joinMode: JoinMode) {
        var harness = joining(joinMode)
        harness.say(response(joinMode), token("T2"))
        harness.restart()
        #expect(harness.observer.presented(to: server) == nil)
        let again = harness.handle(.again(server, token("fresh-2")))
        #expect(again.recorded == [.membership(server, .joining(token("fresh-2"), joinMode))])
    }

    @Test(
        "where the journal was lost, a simple request first establishes the sequence id, and a refusal does so too",
        arguments: manners)
    func establishing(joinMode: JoinMode) {
        var harness = Harness(members: [])
        harness.restart(losingSequences: true)
        #expect(harness.handle(.join(server, token("first"), joinMode)).sent.map(\.body) == [.joinRequest])
        // A value from before the loss would be out of date.
        #expect(harness.say(response(joinMode), token("T2"), sequence: SequenceID(40)).refusals.count == 1)
        let refusal = harness.say(.response(.joinRefused), token("first"), sequence: SequenceID(50))
        #expect(refusal.wanted == [server])
        let again = harness.handle(.again(server, token("second")))
        #expect(again.sent.first?.body.type == (joinMode == .human ? .humanJoinRequest : .observedJoinRequest))
        #expect(harness.say(response(joinMode), token("T2"), sequence: SequenceID(50)).refusals.count == 1)
        #expect(
            harness.say(response(joinMode), token("T2"), sequence: SequenceID(51)).last == .present(server, joinMode))
    }
}
