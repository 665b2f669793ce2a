import BootTime
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("Requests that stay unanswered")
struct C2RepeatTests {
    private static let start = Instant(.seconds(1_000))

    /// A server with an open join: T3 is `new-2`, and its next number to the beacon is 4.
    private func opened(_ change: (inout C2.Policy) -> Void = { _ in }) -> ServerFixture {
        var server = ServerFixture(change)
        server.now = Self.start
        server.withOpenJoin()
        return server
    }

    /// Lets the time pass, with a tick whenever one is due.
    private func pass(_ server: inout ServerFixture, until seconds: Int) -> [(at: Duration, sent: String)] {
        var log: [(at: Duration, sent: String)] = []
        let end = Self.start + .seconds(seconds)
        for _ in 0..<10_000 {
            guard let next = server.c2.nextDeadline, next <= end else { break }
            server.now = max(server.now, next)
            for sent in server.c2.tick(at: server.now).sent { log.append((server.now - Self.start, sent)) }
        }
        server.now = end
        return log
    }

    @Test("OBSERVE_REQ is sent again at its times, under its token and the next number, until the server gives up")
    func schedule() {
        var server = opened()
        let log = pass(&server, until: 200)
        #expect(log.map { $0.at.wholeSeconds } == [10, 30, 60, 125, 150, 180])
        #expect(log.dropLast().map(\.sent) == (4...8).map { "OBSERVE_REQ #\($0) new-2 to beacon" })
        #expect(log.last?.sent == "RESPONSE join failed #3 new-1 to device")
    }

    @Test("it has the value that was sealed for the first one, so that the beacon takes it for the same question")
    func sameValue() throws {
        var server = opened()
        server.now = Self.start + .seconds(10)
        let effects = server.c2.tick(at: server.now)
        let bodies = effects.compactMap { if case .send(let message, _) = $0 { message.body } else { nil } }
        let sealed = Octets("sealed to \(Roles.beacon.id)".utf8)
        #expect(bodies == [.observationRequest(joining: Roles.device.id, sealed: sealed)])
    }

    @Test("nothing is sent again that could not be answered before the deadline")
    func shortWindow() {
        var server = opened { $0.window = .seconds(34) }
        #expect(pass(&server, until: 40).map { $0.at.wholeSeconds } == [10, 34])
    }

    @Test("the first answer decides, however late; the second is counted and changes nothing")
    func oneVerdict() {
        var server = opened()
        _ = pass(&server, until: 31)
        let decided = server.hears(Roles.beacon.says(.response(.observedJoinValid), 20, "new-2"))
        #expect(decided.decisions == [.accepted])
        let again = server.hears(Roles.beacon.says(.response(.observedJoinInvalid), 36, "new-2"))
        #expect(again.decisions.isEmpty && again.sent.isEmpty)
        #expect(server.c2.refusals == [.duplicate: 1])
        #expect(server.c2.nextDeadline == nil)
        #expect(server.c2.membership(of: Roles.device.id) == .joined)
    }

    @Test(
        "an answer that other messages have overtaken is refused, and the question is asked again two seconds after it")
    func overtaken() {
        var server = opened()
        for _ in 0..<40 { _ = server.c2.obey(.action(Roles.beacon.id, 1)) }
        server.now = Self.start + .milliseconds(100)
        let refused = server.hears(Roles.beacon.says(.response(.observedJoinValid), 18, "new-2"))
        #expect(refused.refusal?.hasPrefix("sequence 18 is not greater than") == true)
        #expect(server.c2.nextDeadline == Self.start + .seconds(2))
        let log = pass(&server, until: 9)
        #expect(log.map(\.sent) == ["OBSERVE_REQ #44 new-2 to beacon"])
        #expect(server.hears(Roles.beacon.says(.response(.observedJoinValid), 60, "new-2")).decisions == [.accepted])
    }

    @Test("copies of an old answer cause no more than 16 requests")
    func bounded() {
        var server = opened()
        var sent = 0
        for second in 1...179 {
            server.now = Self.start + .seconds(second)
            server.hears(Roles.beacon.says(.response(.observedJoinValid), 1, "new-2"))
            sent += server.c2.tick(at: server.now).sent.count
        }
        #expect(sent == C2.Repetition.mostTimes - 1)
    }

    @Test("an answer of another node under the same token causes none")
    func otherNode() {
        var server = opened()
        server.hears(Roles.device.says(.response(.observedJoinValid), 1, "new-2"))
        #expect(server.c2.nextDeadline == Self.start + .seconds(10))
    }

    @Test("after a connection that was lost and is back, everything unanswered is sent again once")
    func reconnected() {
        var server = opened()
        _ = server.c2.obey(.identity(Roles.beacon.id))
        server.now = Self.start + .seconds(5)
        server.c2.reconnected(at: server.now)
        let log = pass(&server, until: 9)
        #expect(log.map { $0.at.wholeSeconds } == [6, 6])
        #expect(Set(log.map { $0.sent.prefix { $0 != " " } }) == ["OBSERVE_REQ", "ID_REQUEST"])
    }

    @Test("at most four go to one node at a time, and 16 in a second")
    func pace() {
        var server = ServerFixture()
        server.now = Self.start
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        for _ in 0..<40 { _ = server.c2.obey(.identity(Roles.beacon.id)) }
        let log = pass(&server, until: 18)
        #expect(log.count == 40)
        for (index, one) in log.enumerated() where index >= 4 {
            #expect(one.at - log[index - 4].at >= .milliseconds(250), "number \(index)")
        }
    }

    @Test(
        "commands that do no harm when they come twice are sent again, until they are answered",
        arguments: [
            (C2Order.identity(Roles.beacon.id), [15, 60, 240]), (.deregister(Roles.beacon.id), [15, 60, 240]),
            (.update(Roles.beacon.id, url: "https://a/b", digest: [1]), [60, 300]),
            (.activate(Roles.beacon.id), [60, 300]),
            (.action(Roles.beacon.id, 1), []), (.terminate(Roles.beacon.id), []), (.join(Roles.beacon.id), []),
            (.data(Roles.beacon.id, id: Octets("a".utf8), Octets("b".utf8)), []),
        ] as [(C2Order, [Int64])])
    func commands(order: C2Order, times: [Int64]) throws {
        var server = ServerFixture()
        server.now = Self.start
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let first = try #require(server.c2.obey(order).sent.first)
        let log = pass(&server, until: 1_000)
        #expect(log.map { $0.at.wholeSeconds } == times)
        func words(_ sent: String) -> [Substring] { sent.split(separator: " ").filter { !$0.hasPrefix("#") } }
        #expect(log.allSatisfy { words($0.sent) == words(first) }, "the same token: \(log)")
    }

    @Test("a command's second answer is counted and not taken for another")
    func commandAnsweredTwice() {
        var server = ServerFixture()
        server.now = Self.start
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        _ = server.c2.obey(.identity(Roles.beacon.id))
        #expect(pass(&server, until: 20).count == 1)
        let token = "new-1@\(Roles.beacon.id.topicForm)"
        let answer = Body.data(id: DataID.identification.octets, data: Octets("{}".utf8))
        #expect(server.hears(Roles.beacon.says(answer, 20, token)).refusal == nil)
        #expect(server.hears(Roles.beacon.says(answer, 36, token)).refusal?.contains("was repeated") == true)
        #expect(server.c2.refusals == [.duplicate: 1])
        #expect(pass(&server, until: 1_000).isEmpty)
    }

    @Test(
        "an older beacon repeats its verdict without the proof: where proofs are required, it is asked again, and its late answer is a duplicate"
    )
    func repeatedWithoutProof() {
        var server = opened { $0.requires = .keyed }
        _ = pass(&server, until: 31)
        let effects = server.hears(Roles.beacon.says(.response(.observedJoinValid), 20, "new-2"))
        #expect(effects.decisions.isEmpty)
        #expect(effects.askedUnder == "new-3")
        let late = server.hears(Roles.beacon.says(.response(.observedJoinValid), 36, "new-2"))
        #expect(late.sent.isEmpty && server.c2.refusals == [.duplicate: 1])
    }

    @Test("a node that has left gets nothing again but DEREGISTER_CMD", arguments: [true, false])
    func left(isDeregistered: Bool) {
        var server = ServerFixture()
        server.now = Self.start
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        for order in [C2Order.identity(Roles.beacon.id), .action(Roles.beacon.id, 1), .activate(Roles.beacon.id)] {
            _ = server.c2.obey(order)
        }
        _ = server.c2.obey(isDeregistered ? .deregister(Roles.beacon.id) : .terminate(Roles.beacon.id))
        #expect(server.c2.asked.values.map(\.what) == (isDeregistered ? [.deregister] : []))
        let log = pass(&server, until: 1_000)
        #expect(
            log.count == (isDeregistered ? 3 : 0) && log.allSatisfy { $0.sent.hasPrefix("DEREGISTER_CMD") }, "\(log)")
    }
}
