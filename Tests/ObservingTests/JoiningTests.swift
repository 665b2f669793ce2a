import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// The start and the end of a membership.
@Suite struct JoiningTests {
    /// The delays after which a token is requested if nobody ever answers.
    private func retries(_ harness: inout Harness, _ count: Int) -> [Duration] {
        (0..<count).map { _ in
            let before = harness.now
            repeat {
                guard let next = harness.observer.nextDeadline else { return .zero }
                harness.now = next
            } while harness.handle(.tick).wanted != [server]
            harness.handle(.again(server, harness.freshToken()))
            return harness.now - before
        }
    }

    @Test("a join is recorded, and JOIN_REQ has the token that the shell gave")
    func joining() {
        var harness = Harness(members: [])
        let effects = harness.handle(.join(server, token("fresh")))
        #expect(effects.order == "rs.")
        #expect(effects.recorded == [.membership(server, .joining(token("fresh")))])
        #expect(effects.sent.map(\.body) == [.joinRequest] && effects.sent.map(\.token) == [token("fresh")])
        #expect(harness.observer.memberships == [server: .joining(token("fresh"))])
    }

    @Test("the answer 50 makes us a member, and 5E, 5F or anything else refused")
    func answers() {
        for status in (UInt8.min...UInt8.max).map(Status.init(rawValue:)) {
            var harness = Harness(members: [])
            harness.handle(.join(server, token("fresh")))
            let effects = harness.say(.response(status), token("fresh"))
            let membership: Membership = status == .joinSuccess ? .member : .refused
            #expect(effects.order == "rr.")
            #expect(effects.recorded.last == .membership(server, membership), "\(status)")
            #expect(harness.observer.memberships == [server: membership])
        }
    }

    @Test("an answer under another token is refused and changes nothing")
    func foreignToken() {
        var harness = Harness(members: [])
        harness.handle(.join(server, token("fresh")))
        let before = Snapshot(harness.observer)
        for text in ["foreign", "fresh ", "fres"] {
            let effects = harness.say(.response(.joinSuccess), token(text))
            #expect(effects.refusals == [.notNow(.joining(token("fresh")))] && effects.order == ".")
        }
        #expect(Snapshot(harness.observer) == before)
        #expect(harness.say(.response(.joinSuccess), token("fresh")).recorded.last == .membership(server, .member))
    }

    @Test("a request that is repeated keeps its token; in another join mode, and after an answer, it gets a new one")
    func oneToken() {
        var harness = Harness(members: [])
        var sent = harness.handle(.join(server, token("one"))).sent
        sent += harness.handle(.join(server, token("two"))).sent
        sent += harness.handle(.again(server, token("three"))).sent
        sent += harness.handle(.joinAgain(server, token("four"))).sent
        sent += harness.handle(.join(server, token("five"), .human)).sent
        sent += harness.handle(.again(server, token("six"))).sent
        harness.say(.response(.joinRefused), token("five"))
        sent += harness.handle(.again(server, token("seven"))).sent
        #expect(sent.map(\.token) == ["one", "one", "one", "one", "five", "five", "seven"].map { token($0) })
        #expect(Set(sent.map(\.sequence)).count == sent.count)
    }

    @Test("an answer from another server under our token is refused")
    func foreignServer() {
        var harness = Harness(members: [otherServer])
        harness.handle(.join(server, token("fresh")))
        #expect(harness.say(.response(.joinSuccess), token("fresh"), by: otherServer).refusals == [.notServed])
        #expect(harness.observer.memberships[server] == .joining(token("fresh")))
    }

    @Test(
        "if the last sequence id is unknown, only the answer to our join request is accepted, and establishes it")
    func sequenceNotKnown() {
        var harness = Harness(members: [])
        harness.handle(.join(server, token("fresh")))
        #expect(harness.observer.servers[server]?.lastAccepted == nil)
        #expect(harness.say(.action(1), sequence: SequenceID(900)).refusals == [.notNow(.joining(token("fresh")))])
        #expect(harness.say(.response(.joinSuccess), token("fresh"), sequence: SequenceID(500)).refusals.isEmpty)
        #expect(harness.say(.action(1), sequence: SequenceID(500)).refusals.count == 1)
        #expect(harness.say(.action(1), sequence: SequenceID(501)).refusals.isEmpty)
    }

    /// Found with this suite: such a member refused everything, and a new join did not help.
    @Test("a member whose sequence id is unknown can join again, which establishes it")
    func memberOfUnknownSequence() {
        var harness = Harness(members: [server])
        harness.journal.accepted[server] = nil
        harness.restart()
        #expect(harness.handle(.join(server, token("fresh"))).sent.map(\.body) == [.joinRequest])
        harness.say(.response(.joinSuccess), token("fresh"), sequence: SequenceID(700))
        #expect(harness.observer.servers[server]?.lastAccepted == SequenceID(700))
        #expect(harness.ask().recorded.count == 2)
    }

    @Test("a member does not join again")
    func memberStays() {
        var harness = Harness(members: [server])
        let before = Snapshot(harness.observer)
        #expect(harness.handle(.join(server, token("fresh"))).isEmpty)
        #expect(Snapshot(harness.observer) == before)
    }

    // MARK: - Again

    @Test("an unanswered join request is sent again with a delay that doubles up to a bound")
    func retrying() {
        var harness = Harness(members: [])
        harness.handle(.join(server, harness.freshToken()))
        #expect(retries(&harness, 8) == [30, 60, 120, 240, 480, 600, 600, 600].map { .seconds($0) })
        #expect(retries(&harness, 30).allSatisfy { $0 == .seconds(600) })
    }

    @Test("a refused beacon tries again, but only after the longest delay")
    func retryingAfterRefusal() {
        var harness = Harness(members: [])
        harness.handle(.join(server, harness.freshToken()))
        harness.say(.response(.joinRefused), token("fresh-1"))
        #expect(harness.observer.memberships == [server: .refused])
        #expect(retries(&harness, 1) == [.seconds(600)])
    }

    @Test("a beacon that has become a member needs no token, and starts with a short delay when it must join again")
    func noRetryOnceMember() {
        var harness = Harness(members: [])
        harness.handle(.join(server, harness.freshToken()))
        _ = retries(&harness, 3)
        harness.say(.response(.joinSuccess), token("fresh-1"))
        #expect(harness.advance(.seconds(10_000)).isEmpty)
        harness.say(.terminateCommand)
        #expect(harness.advance(.seconds(10_000)).isEmpty)
        harness.handle(.join(server, harness.freshToken()))
        #expect(retries(&harness, 2) == [.seconds(30), .seconds(60)])
    }

    /// Found with this suite: each join started its own series.
    @Test("repeated requests to join result in one series of attempts")
    func oneSeries() {
        var harness = Harness(members: [])
        for _ in 0..<3 { harness.handle(.join(server, harness.freshToken())) }
        #expect(retries(&harness, 3) == [.seconds(120), .seconds(240), .seconds(480)])
    }

    @Test("two servers are joined independently")
    func twoServers() {
        var harness = Harness(members: [])
        harness.handle(.join(server, token("a")))
        harness.handle(.join(otherServer, token("b")))
        harness.say(.response(.joinSuccess), token("b"), by: otherServer)
        #expect(harness.observer.memberships == [server: .joining(token("a")), otherServer: .member])
        #expect(harness.advance(.seconds(30)).wanted == [server])
    }

    // MARK: - TERMINATE

    @Test(
        "TERMINATE answers that server's open observations with fail, ends their links, and does not affect other servers"
    )
    func terminate() {
        var harness = Harness()
        harness.ask("a", for: Identifier(1))
        harness.ask("b", for: Identifier(2))
        harness.ask("c", for: Identifier(2), by: otherServer)
        let (first, second) = (harness.ready(Identifier(1)), harness.ready(Identifier(2)))
        let effects = harness.say(.terminateCommand)
        #expect(
            effects.reasons == [.withdrawn, .withdrawn] && effects.responses == [.observedJoinFail, .observedJoinFail])
        #expect(Array(effects.recorded.prefix(2)).last == .membership(server, .terminated))
        #expect(effects.outcomes == [first: .fail])
        #expect(harness.observer.open.map(\.exchange) == [exchange("c", of: otherServer)])
        #expect(harness.prove(over: second, as: Identifier(2)).sent.map(\.token) == [token("c")])
    }

    @Test("after TERMINATE only JOIN_CMD is accepted from that server, until an operator joins again")
    func terminated() {
        var harness = Harness()
        harness.say(.terminateCommand)
        let before = Snapshot(harness.observer)
        for (_, body) in MessageTableTests.table where body.type != .joinCommand {
            #expect(harness.say(body).refusals == [.notNow(.terminated)], "\(body.type)")
        }
        #expect(Snapshot(harness.observer) == before)
        #expect(harness.ask(by: otherServer).verdicts.isEmpty)
        harness.handle(.join(server, token("again")))
        harness.say(.response(.joinSuccess), token("again"))
        #expect(harness.ask("second", for: otherDevice).recorded.count == 2)
    }
}
