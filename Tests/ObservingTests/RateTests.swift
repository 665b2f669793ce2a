import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// How often one server may ask (docs/protocol.md, "Rates").
@Suite struct RateTests {
    private static let three = RateLimit(burst: 3, interval: .seconds(1))

    private func limited() -> Harness {
        Harness(Policy { ($0.requestRate, $0.commandRate) = (Self.three, Self.three) })
    }

    @Test("requests above the rate are refused without storing anything, and each interval makes room for one")
    func requests() {
        var harness = limited()
        for number in 1...3 {
            #expect(harness.ask("t\(number)", for: Identifier(UInt64(number) << 8)).refusals.isEmpty)
        }
        let before = Snapshot(harness.observer)
        for _ in 0..<100 {
            let effects = harness.ask("more")
            #expect(effects.order == "." && effects.refusals == [.tooFast])
        }
        #expect(Snapshot(harness.observer) == before)
        harness.advance(.seconds(1) - .nanoseconds(1))
        #expect(harness.ask("more").refusals == [.tooFast])
        harness.advance(.nanoseconds(1))
        #expect(harness.ask("more").refusals.isEmpty)
        #expect(harness.ask("another").refusals == [.tooFast])
        harness.advance(.seconds(100))
        for number in 1...3 { #expect(harness.ask("late \(number)").refusals.isEmpty) }
        #expect(harness.ask("late 4").refusals == [.tooFast], "a long silence allows no more than one burst")
    }

    @Test("each server has its own rate limit, with one for requests and one for commands")
    func apart() {
        var harness = limited()
        for _ in 0..<5 { harness.ask() }
        #expect(harness.ask().refusals == [.tooFast])
        #expect(harness.ask("theirs", by: otherServer).refusals.isEmpty)
        for _ in 0..<3 { #expect(harness.say(.action(99)).responses == [.actionUnknown]) }
        #expect(harness.say(.action(99)).refusals == [.tooFast])
        #expect(harness.say(.identityRequest).refusals == [.tooFast])
        #expect(harness.say(.action(99), addressed(2), by: otherServer).refusals.isEmpty)
    }

    @Test(
        "a message that ends a membership is obeyed whatever came before it",
        arguments: [Body.terminateCommand, .deregisterCommand])
    func endings(body: Body) {
        var harness = limited()
        for _ in 0..<10 { harness.say(.action(99)) }
        #expect(harness.say(body).refusals.isEmpty)
        #expect(harness.observer.memberships[server]?.isMember == false)
    }

    @Test("the answer to our own request is not limited")
    func answers() {
        var harness = limited()
        for _ in 0..<10 { harness.say(.action(99)) }
        harness.handle(.resign(server, token("bye")))
        #expect(harness.say(.response(.resignSuccess), token("bye")).refusals.isEmpty)
    }

    @Test("refused messages do not count: copies of others' messages do not use up a server's rate")
    func refusedIsFree() {
        var harness = limited()
        for _ in 0..<100 {
            #expect(harness.ask("copied", sealed: [1]).refusals == [.notSealedToUs])
            #expect(harness.ask("old", by: server, sealed: []).refusals == [.notSealedToUs])
            #expect(harness.say(.action(1), sequence: SequenceID(1)).refusals.count == 1)
            #expect(harness.say(.action(1), addressed(1, to: device)).refusals == [.notForUs])
            #expect(harness.ask("x", by: Identifier(0xBAD)).refusals == [.notOurServer])
        }
        for number in 1...3 {
            #expect(harness.ask("t\(number)").refusals.isEmpty)
            #expect(harness.say(.action(99)).refusals.isEmpty)
        }
    }

    @Test(
        "a bucket has room for its burst at once, and for one more after each interval",
        arguments: 1...5)
    func bucket(burst: Int) {
        let limit = RateLimit(burst: burst, interval: .milliseconds(10))
        var bucket = RateBucket()
        var now = Instant(nanoseconds: 0)
        for _ in 0..<burst {
            #expect(bucket.hasRoom(at: now, limit))
            bucket.take(at: now, limit)
        }
        for _ in 0..<20 {
            #expect(!bucket.hasRoom(at: now + (.milliseconds(10) - .nanoseconds(1)), limit))
            now = now + .milliseconds(10)
            #expect(bucket.hasRoom(at: now, limit))
            bucket.take(at: now, limit)
        }
        #expect(bucket.hasRoom(at: now + .seconds(1_000), limit))
    }

    // MARK: - Several requests for one device at once

    @Test("requests of one batch for one device cost one observation: the replaced ones are answered as superseded")
    func overtaken() {
        var harness = Harness()
        let sealed = Octets(secret(7).withBytes(Array.init))
        let request = Body.observationRequest(joining: device, sealed: sealed)
        for number in 1...10 {
            let effects = harness.say(request, token("t\(number)"), isOvertaken: true)
            #expect(effects.order == "rrs." && effects.reasons == [.superseded])
            #expect(effects.responses == [.observedJoinFail])
        }
        #expect(harness.observer.openObservations == 0)
        harness.say(request, token("newest"))
        let link = harness.ready()
        #expect(harness.prove(over: link).sent.map(\.token) == [token("newest")])
    }

    @Test("a device that answers its newest request is not refused for an older one that was in the same batch")
    func noFalseVerdict() {
        var harness = Harness()
        let link = harness.ready()
        let old = Body.observationRequest(joining: device, sealed: Octets(secret(1).withBytes(Array.init)))
        // The device waits, with the value of its newest request. The older one must not make the beacon challenge it.
        #expect(harness.say(old, token("old"), isOvertaken: true).told(link).isEmpty)
        #expect(harness.ask("new", value: secret(2)).told(link).count == 1)
        #expect(harness.prove(secret(2), over: link).verdicts == [.valid])
        #expect(harness.journal.answered.values.filter { $0.verdict == .invalid }.isEmpty)
    }

    @Test("a replaced request supersedes what is open, and when sent again it gets its one verdict")
    func overtakenSupersedes() {
        var harness = Harness()
        harness.ask("open")
        let link = harness.ready()
        let request = Body.observationRequest(joining: device, sealed: Octets(secret(8).withBytes(Array.init)))
        let effects = harness.say(request, token("overtaken"), isOvertaken: true)
        #expect(effects.reasons == [.superseded, .superseded] && effects.outcomes == [link: .fail])
        #expect(harness.say(request, token("overtaken")).responses == [.observedJoinFail])
        #expect(harness.observer.openObservations == 0)
    }

    @Test("the same token again, while open, is not a new request: replaced or not it changes nothing")
    func repeatedWhileOpen() {
        var harness = Harness()
        harness.ask()
        let request = Body.observationRequest(joining: device, sealed: Octets(secret(7).withBytes(Array.init)))
        #expect(harness.say(request, token("first"), isOvertaken: true).order == "r.")
        #expect(harness.observer.openObservations == 1)
    }
}
