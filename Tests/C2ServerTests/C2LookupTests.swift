import BootTime
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("Looking up keys")
struct C2LookupTests {
    private let node = Identifier(0x20)

    @Test(
        "frames wait for one look-up, and are handled when it is answered: a known node's in order, of an unknown one the newest",
        arguments: [true, false])
    func waits(isKnown: Bool) {
        var lookups = C2Lookups()
        #expect(lookups.take([1], from: node, isKnown: isKnown, at: 0) == .wait)
        #expect(lookups.take([2], from: node, isKnown: isKnown, at: 1) == .wait)
        #expect(lookups.next(at: 0) == node)
        #expect(lookups.take([3], from: node, isKnown: isKnown, at: 2) == .wait)
        #expect(lookups.next(at: 0) == nil)
        #expect(lookups.answer(node, .key, at: 3) == (isKnown ? [[1], [2], [3]] : [[3]]))
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

    @Test("an unknown node that has waited for three minutes is forgotten, and its frame is counted")
    func timeout() {
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
        #expect(lookups.takeDropped().map(\.node) == [Identifier(101)])
        #expect(lookups.takeDropped().isEmpty, "once")
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
        (policy.inFlight, policy.frames, policy.framesEach) = (2, 8, 3)
        var lookups = C2Lookups(policy)
        let full = C2Lookups.Verdict.refuse("too many frames wait for keys")
        #expect(
            (1...4).map { lookups.take([$0], from: Identifier(1), isKnown: true, at: 0) } == [
                .wait, .wait, .wait, full,
            ])
        #expect(lookups.take([0], from: Identifier(2), isKnown: true, at: 0) == .wait)
        #expect(lookups.take([0], from: Identifier(3), isKnown: true, at: 0) == full)
        #expect(
            [lookups.next(at: 0), lookups.next(at: 0), lookups.next(at: 0)] == [Identifier(2), Identifier(1), nil])
        #expect(lookups.answer(Identifier(1), .none, at: 0).count == 3)
        #expect(lookups.take([0], from: Identifier(3), isKnown: true, at: 0) == .wait)
        #expect(lookups.next(at: 0) == Identifier(3))
    }

    @Test("as many unknown senders as anybody likes to invent leave the room of the known ones free")
    func invented() {
        var lookups = C2Lookups()
        let full = C2Lookups.Verdict.refuse("too many frames wait for keys")
        let verdicts = (0..<1_024).map {
            lookups.take([0], from: Identifier(0x1000 + UInt64($0)), isKnown: false, at: 0)
        }
        #expect(verdicts.count { $0 == .wait } == 512 && verdicts.last == full)
        #expect(lookups.take([1], from: node, isKnown: true, at: 0) == .wait)
        #expect(lookups.next(at: 0) == node)
        #expect(lookups.take([2], from: Identifier(0x1000), isKnown: false, at: 1) == .wait, "a newer one replaces")
        #expect(lookups.frames == 513)
        #expect(lookups.take([0], from: Identifier(0x9000), isKnown: false, at: .seconds(180)) == .wait)
        #expect(lookups.takeDropped().count == 512)
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

    @Test("the last level of a topic below the server's own names its sender")
    func writers() {
        let own = Roles.c2.id
        let prefix = "SRUP/servers/\(own.topicForm)"
        #expect(C2Server.writer(of: prefix + "/2a", to: own) == Identifier(0x2a))
        for topic in [prefix, prefix + "/", prefix + "/x", prefix + "/2a/3", "SRUP/servers/1/2a", "SRUP/2a"] {
            #expect(C2Server.writer(of: topic, to: own) == nil, "\(topic)")
        }
    }
}
