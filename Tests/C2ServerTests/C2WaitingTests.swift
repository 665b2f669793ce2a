import BootTime
import Keys
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("Joins for which there is no room yet")
struct C2WaitingTests {
    private static let nodes = [TestNode(0xDE1, "dev_2048"), TestNode(0xDE2, "wrong_2048"), TestNode(0xDE3, "c2_2048")]
    private static let keys = PublicKeys(
        Dictionary(uniqueKeysWithValues: (nodes + [Roles.beacon]).map { ($0.id, $0.key.publicKey) }))

    private struct Stage {
        var server: ServerFixture
        private var sequences: [Identifier: UInt64] = [:]

        init(_ change: (inout C2.Policy) -> Void = { _ in }) {
            server = ServerFixture {
                ($0.limit, $0.waitingLimit) = (1, 1)
                change(&$0)
            }
            server.now = Instant(.seconds(1_000))
            says(Roles.beacon, .joinRequest, "T0")
        }

        @discardableResult
        mutating func says(_ node: TestNode, _ body: Body, _ token: String) -> [C2.Effect] {
            sequences[node.id, default: 0] += 100
            return server.c2.receive(
                node.says(body, sequences[node.id, default: 0], token), checkedBy: C2WaitingTests.keys, at: server.now)
        }

        @discardableResult
        mutating func asks(_ number: Int, _ token: String = "T1") -> [C2.Effect] {
            says(nodes[number], .observedJoinRequest(observer: Roles.beacon.id), token)
        }

        /// What the server does as soon as it looks at the clock again.
        mutating func ticks(after seconds: Int = 0) -> [C2.Effect] {
            server.now += .seconds(seconds)
            return server.c2.tick(at: server.now)
        }
    }

    /// What was sent to a node, without numbers.
    private func sent(_ effects: [C2.Effect], to number: Int) -> [String] {
        let end = " to \(Self.nodes[number].id)"
        return effects.sent.filter { $0.hasSuffix(end) }.map { sent in
            sent.dropLast(end.count).split(separator: " ").filter { !$0.hasPrefix("#") }.joined(separator: " ")
        }
    }

    @Test("the next request gets no answer, and is served as soon as the open join has ended")
    func waits() throws {
        var stage = Stage()
        let token = try #require(stage.asks(0).askedUnder)
        let held = stage.asks(1)
        #expect(held.sent.isEmpty && held.decisions.isEmpty)
        #expect(held.contains(.say("\(Self.nodes[1].id) asks to join, and waits: 1 joins are open")))
        #expect(stage.ticks().isEmpty, "there is no room")
        stage.says(Roles.beacon, .response(.observedJoinValid), token)
        #expect(stage.server.c2.nextDeadline == stage.server.now)
        let begun = stage.ticks()
        #expect(sent(begun, to: 1) == ["OBS_JOIN_RESP new-3"])
        #expect(begun.askedUnder == "new-4")
        #expect(stage.server.c2.waiting.isEmpty)
    }

    @Test("one that finds the queue full is counted and not answered, and a repetition of it is served later")
    func full() throws {
        var stage = Stage()
        let token = try #require(stage.asks(0).askedUnder)
        stage.asks(1)
        #expect(stage.asks(2).sent.isEmpty)
        #expect(stage.server.c2.refusals == [.busy: 1])
        stage.says(Roles.beacon, .response(.observedJoinFail), token)
        _ = stage.ticks()
        #expect(stage.asks(2, "T2").sent.isEmpty)
        #expect(stage.server.c2.waiting.map(\.device) == [Self.nodes[2].id])
    }

    @Test("a repeated request keeps its place, and is answered under its own token")
    func repeated() throws {
        var stage = Stage { $0.waitingLimit = 2 }
        stage.asks(0)
        stage.asks(1, "T1")
        stage.asks(2, "T2")
        #expect(stage.asks(1, "T3").sent.isEmpty)
        #expect(stage.server.c2.waiting.map(\.device) == [1, 2].map { Self.nodes[$0].id })
        #expect(stage.server.c2.waiting.map(\.token) == [Roles.token("T3"), Roles.token("T2")])
    }

    @Test("one that gets no room within the window is counted and not answered, and its repetition waits again")
    func noRoom() {
        var stage = Stage()
        stage.asks(0)
        stage.server.now += .seconds(1)
        stage.asks(1)
        // The first device asks again and again: its own join is replaced each time.
        for _ in 0..<36 {
            stage.server.now += .seconds(5)
            stage.asks(0)
        }
        let ended = stage.ticks()
        #expect(sent(ended, to: 1).isEmpty && ended.decisions.isEmpty)
        #expect(stage.server.c2.refusals == [.busy: 1] && stage.server.c2.waiting.isEmpty)
        #expect(
            ended.contains(
                .say("the request of \(Self.nodes[1].id) is not answered: 1 joins were open all the time")), "\(ended)")
        stage.asks(1, "T2")
        #expect(stage.server.c2.waiting.map(\.token) == [Roles.token("T2")])
    }

    @Test("a human-moderated join waits for another one, and not for observed ones")
    func human() {
        var stage = Stage()
        stage.asks(0)
        #expect(sent(stage.says(Self.nodes[1], .humanJoinRequest, "T1"), to: 1) == ["HM_JOIN_RESP new-3"])
        #expect(stage.says(Self.nodes[2], .humanJoinRequest, "T2").sent.isEmpty)
        _ = stage.server.c2.obey(.refuse(Self.nodes[1].id))
        #expect(sent(stage.ticks(), to: 2) == ["HM_JOIN_RESP new-4"])
    }

    @Test("what is not allowed is refused at once, and not after it has waited")
    func notAllowed() {
        var stage = Stage { $0.accepted = [Self.nodes[0].id] }
        stage.asks(0)
        #expect(sent(stage.asks(1), to: 1) == ["RESPONSE join refused T1"])
    }

    @Test("a server that is restarted does not answer them: a failure would be final, and their devices ask again")
    func restarted() {
        var stage = Stage()
        stage.asks(0)
        stage.asks(1)
        let memory = stage.server.c2.memory
        var next = C2(own: Roles.c2.id, policy: C2.Policy(), dependencies: stage.server.c2.dependencies, memory: memory)
        let answered = next.answerLeftOpen()
        #expect(answered.decisions == [.failed] && sent(answered, to: 1).isEmpty, "only the open one")
    }

    @Test("at most 16 begin at a time, and the others right after them")
    func burst() {
        var stage = Stage { $0.limit = 0 }
        stage.server.c2.waiting = (1...40).map {
            C2.Waiting(
                device: Identifier(0x1000 + $0), observer: Roles.beacon.id, token: Roles.token("T"),
                deadline: stage.server.now + .seconds(100))
        }
        #expect(stage.server.c2.nextAdmission == stage.server.now + .seconds(100))
        var roomy = C2.Policy()
        (roomy.limit, roomy.observers) = (100, [Roles.beacon.id])
        var server = C2(
            own: Roles.c2.id, policy: roomy, dependencies: stage.server.c2.dependencies, memory: stage.server.c2.memory)
        server.waiting = stage.server.c2.waiting
        let counts = (0..<3).map { _ in server.tick(at: stage.server.now).sent.count { $0.hasPrefix("OBSERVE_REQ") } }
        #expect(counts == [16, 16, 8])
    }
}
