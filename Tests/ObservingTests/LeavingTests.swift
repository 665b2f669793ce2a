import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// The paper's §6, and JOIN_CMD (§5.2): leaving, and being told to join again.
@Suite struct LeavingTests {
    // MARK: - RESIGN

    @Test(
        "until the server agrees the beacon continues to serve it; then its observations are withdrawn and nothing more is accepted"
    )
    func resigning() {
        var harness = Harness()
        let request = harness.handle(.resign(server, token("bye")))
        #expect(request.order == "rs." && request.sent.map(\.body) == [.resignRequest])
        #expect(harness.ask("one").reasons.isEmpty)
        let agreed = harness.say(.response(.resignSuccess), token("bye"))
        #expect(agreed.reasons == [.withdrawn] && harness.journal.memberships[server] == .resigned)
        for (_, body) in MessageTableTests.table { #expect(harness.say(body).refusals == [.notNow(.resigned)]) }
        #expect(harness.ask("theirs", by: otherServer).reasons.isEmpty)
        #expect(harness.advance(.seconds(10_000)).wanted.isEmpty)
    }

    @Test("if the server does not agree, the beacon stays a member; any status except 70 means that")
    func notAgreed() {
        for status in (UInt8.min...UInt8.max).map(Status.init(rawValue:)) where status != .resignSuccess {
            var harness = Harness()
            harness.handle(.resign(server, token("bye")))
            #expect(harness.say(.response(status), token("bye")).recorded.last == .membership(server, .member))
        }
    }

    @Test(
        "an unanswered request is sent again under its own token and a new sequence id, also after a restart and by a person's order",
        arguments: [false, true])
    func askedAgain(isEnd: Bool) {
        func request(_ text: String) -> Event {
            isEnd ? .deregister(server, token(text)) : .resign(server, token(text))
        }
        var harness = Harness()
        var sent = harness.handle(request("bye")).sent
        #expect(harness.advance(.seconds(30)).wanted == [server])
        harness.restart()
        sent += harness.handle(.again(server, token("bye-2"))).sent
        sent += harness.handle(request("bye-3")).sent
        #expect(sent.map(\.body) == [Body](repeating: isEnd ? .deregisterRequest : .resignRequest, count: 3))
        #expect(sent.map(\.token) == [Token](repeating: token("bye"), count: 3))
        #expect(sent[0].sequence < sent[1].sequence && sent[1].sequence < sent[2].sequence)
        let success = Body.response(isEnd ? .deregisterSuccess : .resignSuccess)
        #expect(harness.say(success, token("bye-2")).refusals == [.notServed])
        let left = Change.membership(server, isEnd ? .deregistered : .resigned)
        #expect(harness.say(success, token("bye")).recorded.contains(left))
    }

    @Test("a request to be deregistered takes the place of one to resign, under a token of its own")
    func resignThenDeregister() {
        var harness = Harness()
        harness.handle(.resign(server, token("bye")))
        #expect(harness.handle(.deregister(server, token("end"))).sent.map(\.token) == [token("end")])
        #expect(harness.say(.response(.resignSuccess), token("bye")).refusals == [.notServed])
        #expect(harness.say(.response(.deregisterSuccess), token("end")).last == .destroy(server))
    }

    @Test("a beacon that is not a member cannot resign or deregister")
    func noMember() {
        var harness = Harness(members: [])
        harness.handle(.join(server, token("fresh")))
        #expect(harness.handle(.resign(server, token("bye"))).isEmpty)
        #expect(harness.handle(.deregister(server, token("bye"))).isEmpty)
    }

    @Test("after resigning only an operator can join again, not JOIN_CMD")
    func resignedForGood() {
        var harness = Harness()
        harness.handle(.resign(server, token("bye")))
        #expect(harness.say(.joinCommand(device: beacon)).refusals == [.notNow(.resigning(token("bye")))])
        harness.say(.response(.resignSuccess), token("bye"))
        #expect(harness.say(.joinCommand(device: beacon)).refusals == [.notNow(.resigned)])
        #expect(harness.handle(.join(server, token("back"))).sent.map(\.body) == [.joinRequest])
    }

    // MARK: - DEREGISTER

    @Test(
        "DEREGISTER_CMD: all observations are withdrawn, it is confirmed, and then the keys are destroyed",
        arguments: [true, false])
    func expelled(asked: Bool) {
        var harness = Harness()
        harness.ask("a")
        harness.ask("b", for: otherDevice, by: otherServer)
        if asked { harness.handle(.deregister(server, token("end"))) }
        let effects =
            asked
            ? harness.say(.response(.deregisterSuccess), token("end")) : harness.say(.deregisterCommand, addressed(3))
        #expect(effects.reasons == [.withdrawn, .withdrawn])
        #expect(effects.last == .destroy(server))
        #expect(effects.responses.contains(.deregisterSuccess) == !asked)
        for sender in [server, otherServer] {
            #expect(harness.say(.action(1), by: sender).refusals == [.notNow(.deregistered)])
        }
        #expect(harness.handle(.join(otherServer, token("x"))).isEmpty)
        // Interrupted before the keys were destroyed: it continues.
        #expect(harness.restart() == [.destroy(server)])
        #expect(harness.say(.action(1), by: otherServer).refusals == [.notNow(.deregistered)])
    }

    @Test("if the server does not agree to a deregistration, the beacon stays a member")
    func notDeregistered() {
        var harness = Harness()
        harness.handle(.deregister(server, token("end")))
        #expect(harness.say(.response(.deregisterFail), token("end")).recorded.last == .membership(server, .member))
        #expect(harness.say(.response(.deregisterSuccess), token("end")).refusals == [.notServed])
    }

    @Test("DEREGISTER_CMD is refused if the configuration forbids it, and does not move the sequence")
    func mayNotDeregister() {
        var harness = Harness()
        harness.observer.terms[server] = terms { $0.deregisters = false }
        let before = Snapshot(harness.observer)
        #expect(harness.say(.deregisterCommand).refusals == [.notAllowed])
        #expect(Snapshot(harness.observer) == before)
    }

    // MARK: - JOIN_CMD

    @Test("JOIN_CMD with this beacon's id starts a join in the configured mode, whether stranger, terminated or member")
    func called() {
        for membership in [Membership.stranger, .terminated, .refused, .member] {
            var harness = Harness(members: [])
            harness.observer.terms[server] = terms { $0.joinMode = .human }
            harness.journal.memberships[server] = membership
            harness.journal.accepted[server] = SequenceID(1)
            harness.restart()
            let effects = harness.say(.joinCommand(device: beacon), token("any"))
            #expect(effects.wanted == [server] && effects.recorded.last == .membership(server, .stranger))
            #expect(harness.handle(.again(server, token("fresh"))).sent.map(\.body) == [.humanJoinRequest])
        }
    }

    @Test("JOIN_CMD with another id, or from a server that may not send it, is refused, and does not move the sequence")
    func notForUs() {
        var harness = Harness()
        harness.say(.terminateCommand)
        let before = Snapshot(harness.observer)
        #expect(harness.say(.joinCommand(device: device)).refusals == [.notForUs])
        #expect(harness.say(.joinCommand(device: beacon), by: Identifier(0xBAD)).refusals == [.notOurServer])
        #expect(Snapshot(harness.observer) == before)
        harness.observer.terms[server] = terms { $0.commandsJoin = false }
        #expect(harness.say(.joinCommand(device: beacon)).refusals == [.notAllowed])
    }

    @Test("a JOIN_CMD that may be a copy of an old one causes a join request, and establishes no sequence id")
    func replayedCommand() {
        var harness = Harness(members: [])
        harness.journal.memberships[server] = .stranger
        harness.restart(losingSequences: true)
        #expect(harness.say(.joinCommand(device: beacon), sequence: SequenceID(30)).wanted == [server])
        #expect(harness.observer.servers[server]?.lastAccepted == nil)
        harness.handle(.again(server, token("fresh")))
        // While the beacon is asking, more of them change nothing.
        #expect(harness.say(.joinCommand(device: beacon), sequence: SequenceID(31)).isEmpty)
        harness.say(.response(.joinSuccess), token("fresh"), sequence: SequenceID(90))
        #expect(harness.observer.servers[server]?.lastAccepted == SequenceID(90))
    }
}
