import BootTime
import SRUP
import Testing

@testable import C2Server

@Suite("Looking up keys")
struct C2LookupTests {
    private let node = Identifier(0x20)

    @Test("an unknown node's frames wait in order for one look-up, and are handled when it is answered")
    func waits() {
        var lookups = C2Lookups()
        #expect(lookups.take([1], from: node, isKnown: false, at: 0) == .wait)
        #expect(lookups.take([2], from: node, isKnown: false, at: 1) == .wait)
        #expect(lookups.next(at: 0) == node)
        #expect(lookups.take([3], from: node, isKnown: false, at: 2) == .wait)
        #expect(lookups.next(at: 0) == nil)
        #expect(lookups.answer(node, .key, at: 3) == [[1], [2], [3]])
        #expect(lookups.frames == 0)
        #expect(lookups.take([4], from: node, isKnown: true, at: 4) == .serve)
    }

    @Test("an answer is valid for a time, and then is looked up again")
    func ages() {
        let cases: [(C2Lookups.Answer, Int, known: Bool, during: C2Lookups.Verdict)] = [
            (.key, 600, true, .serve),
            (.none, 60, false, .refuse("the registry has no key of this node")),
            (.silence, 10, false, .refuse("the registry cannot be reached for its key now")),
            (.silence, 10, true, .serve),
        ]
        for (answer, seconds, isKnown, during) in cases {
            var lookups = C2Lookups()
            _ = lookups.take([1], from: node, isKnown: isKnown, at: 0)
            _ = lookups.next(at: 0)
            _ = lookups.answer(node, answer, at: 0)
            let end = Instant.seconds(seconds)
            #expect(lookups.take([2], from: node, isKnown: isKnown, at: end - .nanoseconds(1)) == during, "\(answer)")
            #expect(lookups.take([3], from: node, isKnown: isKnown, at: end) == .wait, "\(answer)")
        }
    }

    @Test("a key that does not verify a frame is looked up again; meanwhile frames that it verifies are accepted")
    func doubts() {
        var policy = C2Lookups.Policy()
        (policy.perMinute, policy.inFlight, policy.framesEach) = (2, 100, 2)
        var lookups = C2Lookups(policy)
        func doubt(_ frame: UInt8, _ sender: Identifier, at now: Instant) -> Bool {
            lookups.doubt([frame], from: sender, at: now)
        }
        let others = [Identifier(0x30), Identifier(0x31)]
        for known in [node] + others {
            _ = lookups.take([1], from: known, isKnown: true, at: 0)
            _ = lookups.next(at: 0)
            _ = lookups.answer(known, .key, at: 0)
        }
        #expect([3, 4, 5].map { doubt($0, node, at: 1) } == [true, true, false], "at most two of one sender wait")
        #expect(lookups.next(at: 0) == node)
        #expect(lookups.take([6], from: node, isKnown: true, at: 2) == .serve)
        #expect(lookups.answer(node, .key, at: 3) == [[3], [4]])
        #expect(lookups.take([7], from: node, isKnown: true, at: 4) == .serve)
        #expect(others.map { doubt(8, $0, at: 5) } == [true, false], "the limit of questions per minute")
        let again = doubt(9, node, at: 5)
        #expect(!again)
        #expect(lookups.take([0], from: others[1], isKnown: true, at: 6) == .serve)
        let later = doubt(9, node, at: .seconds(60) + .nanoseconds(1))
        #expect(later)
        let stranger = doubt(9, Identifier(0x40), at: 5)
        #expect(!stranger, "the registry has returned no key for it")
    }

    @Test("look-ups of unknown nodes are limited per minute, and others wait; members are looked up at once")
    func storm() {
        var policy = C2Lookups.Policy()
        (policy.perMinute, policy.inFlight) = (3, 100)
        var lookups = C2Lookups(policy)
        func stranger(_ number: UInt64, at now: Instant) -> C2Lookups.Verdict {
            lookups.take([0], from: Identifier(number), isKnown: false, at: now)
        }
        #expect((100...104).allSatisfy { stranger($0, at: 0) == .wait }, "none is dropped")
        #expect(lookups.take([0], from: node, isKnown: true, at: 0) == .wait)
        #expect((0...3).map { _ in lookups.next(at: 0) } == [node, Identifier(100), Identifier(101), Identifier(102)])
        #expect(lookups.next(at: .seconds(59)) == nil && lookups.due == .seconds(60))
        #expect(lookups.next(at: .seconds(60)) == Identifier(103) && lookups.due == nil)
        #expect(lookups.next(at: .seconds(60)) == Identifier(104))
    }

    @Test("an unknown node that has waited for three minutes is forgotten, and so is its frame")
    func patience() {
        var policy = C2Lookups.Policy()
        (policy.perMinute, policy.inFlight) = (1, 1)
        var lookups = C2Lookups(policy)
        for number: UInt64 in [100, 101] {
            _ = lookups.take([0], from: Identifier(number), isKnown: false, at: 0)
        }
        #expect(lookups.next(at: 0) == Identifier(100))
        #expect(lookups.frames == 2)
        _ = lookups.answer(Identifier(100), .none, at: .seconds(180))
        #expect(lookups.next(at: .seconds(180)) == nil && lookups.frames == 0)
        #expect(lookups.take([0], from: Identifier(101), isKnown: false, at: .seconds(181)) == .wait)
        #expect(lookups.next(at: .seconds(181)) == Identifier(101))
    }

    @Test("a frame of an unknown node is short, as a request to join is")
    func long() {
        var lookups = C2Lookups()
        let frame = [UInt8](repeating: 0, count: 4_097)
        let why = "4097 bytes of an unknown sender, which is too long for a request to join"
        #expect(lookups.take(frame, from: node, isKnown: false, at: 0) == .refuse(why))
        #expect(lookups.take(frame, from: node, isKnown: true, at: 0) == .wait)
    }

    @Test("concurrent look-ups, and waiting frames in total and of one sender, are bounded")
    func bounds() {
        var policy = C2Lookups.Policy()
        (policy.inFlight, policy.frames, policy.framesEach) = (2, 5, 3)
        var lookups = C2Lookups(policy)
        let full = C2Lookups.Verdict.refuse("too many frames wait for keys")
        #expect(
            (1...4).map { lookups.take([$0], from: Identifier(1), isKnown: false, at: 0) } == [
                .wait, .wait, .wait, full,
            ])
        #expect(lookups.take([0], from: Identifier(2), isKnown: false, at: 0) == .wait)
        #expect(lookups.take([0], from: Identifier(3), isKnown: false, at: 0) == .wait)
        #expect(lookups.take([0], from: Identifier(4), isKnown: false, at: 0) == full)
        #expect(
            [lookups.next(at: 0), lookups.next(at: 0), lookups.next(at: 0)] == [Identifier(1), Identifier(2), nil])
        #expect(lookups.answer(Identifier(1), .none, at: 0).count == 3)
        #expect(lookups.next(at: 0) == Identifier(3))
    }

    @Test("a bounded number of answers is remembered, and one beyond that is looked up again")
    func remembered() {
        var policy = C2Lookups.Policy()
        (policy.remembered, policy.perMinute) = (1, 10)
        var lookups = C2Lookups(policy)
        for number: UInt64 in [1, 2] {
            _ = lookups.take([0], from: Identifier(number), isKnown: false, at: 0)
            _ = lookups.next(at: 0)
            _ = lookups.answer(Identifier(number), .none, at: 0)
        }
        #expect(lookups.take([0], from: Identifier(1), isKnown: false, at: 1) != .wait)
        #expect(lookups.take([0], from: Identifier(2), isKnown: false, at: 1) == .wait)
    }

    @Test("a topic names its node, and a server's topic names none")
    func owners() {
        #expect(C2Server.owner(of: "SRUP/2a") == Identifier(0x2a))
        #expect(C2Server.owner(of: "SRUP/2a/more") == Identifier(0x2a))
        for topic in ["SRUP/servers/c2/2a", "SRUP", "", "OTHER/2a", "SRUP/"] {
            #expect(C2Server.owner(of: topic) == nil)
        }
    }
}
