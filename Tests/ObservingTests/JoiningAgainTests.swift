import BootTime
import SRUP
import Testing

@testable import Observing

/// A server that has lost its state does not know the beacon, and a person has it send a new join request.
@Suite struct JoiningAgainTests {
    @Test(
        "a member sends a new join request if a person wants it, in every mode, and is not a member until it is accepted"
    )
    func asks() {
        for joinMode in [JoinMode.simple, .human, .observed(by: otherDevice)] {
            var harness = Harness(members: [server])
            let effects = harness.handle(.joinAgain(server, token("again"), joinMode))
            #expect(effects.order == "rs." && effects.sent.map(\.body) == [joinMode.request])
            #expect(effects.recorded == [.membership(server, .joining(token("again"), joinMode))])
            #expect(harness.ask().refusals == [.notNow(.joining(token("again"), joinMode))])
            #expect(harness.say(.action(1)).refusals == [.notNow(.joining(token("again"), joinMode))])
        }
    }

    @Test("the answer decides: 50 makes it a member again, anything else refused, with infrequent new requests")
    func answered() {
        for status in (UInt8.min...UInt8.max).map(Status.init(rawValue:)) {
            var harness = Harness(members: [server])
            harness.handle(.joinAgain(server, token("again")))
            let membership: Membership = status == .joinSuccess ? .member : .refused
            #expect(harness.say(.response(status), token("again")).recorded.last == .membership(server, membership))
            #expect(harness.advance(.seconds(600)).wanted == (membership == .refused ? [server] : []), "\(status)")
        }
    }

    @Test("without an answer the request is sent again, also after a restart, and the beacon is still not a member")
    func notAnswered() {
        var harness = Harness(members: [server])
        harness.handle(.joinAgain(server, token("again")))
        #expect(harness.advance(.seconds(30)).wanted == [server])
        harness.handle(.again(server, token("again-2")))
        harness.restart()
        #expect(harness.observer.memberships == [server: .joining(token("again"))])
        #expect(harness.say(.response(.joinSuccess), token("again-2")).refusals == [.notNow(.joining(token("again")))])
        #expect(harness.say(.response(.joinSuccess), token("again")).recorded.last == .membership(server, .member))
    }

    @Test(
        "sequence ids stay: no answer at or below the last accepted one is accepted, and ours continue above those used"
    )
    func sequences() {
        var harness = Harness(members: [server])
        harness.say(.action(1), sequence: SequenceID(700))
        let before = harness.journal.lastSent[server]?.number ?? 0
        let request = harness.handle(.joinAgain(server, token("again")))
        #expect(request.sent.map(\.sequence.number) == [max(before, 700) + Observer.sequenceStep])
        for low: UInt64 in [0, 1, 17, 699, 700] {
            let effects = harness.say(.response(.joinSuccess), token("again"), sequence: SequenceID(low))
            #expect(effects.refusals == [.replayed(SequenceID(low), last: SequenceID(700))])
        }
        #expect(harness.observer.memberships[server] == .joining(token("again")))
        let accepted = harness.say(.response(.joinSuccess), token("again"), sequence: SequenceID(701))
        #expect(accepted.recorded.last == .membership(server, .member))
    }

    @Test("open observations continue and get their verdict; other servers are not affected")
    func observations() {
        var harness = Harness()
        harness.ask("open")
        harness.handle(.joinAgain(server, token("again")))
        #expect(harness.observer.openObservations == 1)
        #expect(harness.prove(over: harness.ready()).verdicts == [.valid])
        #expect(harness.ask("theirs", for: otherDevice, by: otherServer).refusals.isEmpty)
    }

    @Test("while a request to leave waits for its answer, and after deregistration, no join request is sent")
    func notNow() {
        for request in [Event.resign(server, token("bye")), .deregister(server, token("bye"))] {
            var harness = Harness()
            harness.handle(request)
            let before = Snapshot(harness.observer)
            #expect(harness.handle(.joinAgain(server, token("again"))).isEmpty)
            #expect(Snapshot(harness.observer) == before)
        }
        var harness = Harness()
        harness.say(.deregisterCommand)
        let before = Snapshot(harness.observer)
        #expect(harness.handle(.joinAgain(otherServer, token("again"))).isEmpty)
        #expect(Snapshot(harness.observer) == before)
    }

    @Test("for a server of which the beacon is not a member it is an ordinary join")
    func ordinary() {
        for membership in [Membership.stranger, .refused, .terminated, .resigned] {
            var harness = Harness(members: [])
            harness.journal.memberships[server] = membership
            harness.restart()
            #expect(harness.handle(.joinAgain(server, token("fresh"))).sent.map(\.body) == [.joinRequest])
        }
    }

    @Test("a server that does not let us leave is reported with its answer")
    func declined() {
        for (request, status) in [
            (Event.resign(server, token("bye")), Status.resignFail),
            (.deregister(server, token("bye")), .deregisterFail),
        ] {
            var harness = Harness()
            harness.handle(request)
            let effects = harness.say(.response(status), token("bye"))
            #expect(effects.last == .report(.declined(server, status)))
        }
    }
}
