import BootTime
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("The server asks its beacons whether they are alive")
struct C2AskingTests {
    @Test("10,000 beacons are asked once in an interval, at most 50 in a second")
    func spread() {
        var schedule = C2AskSchedule(interval: .seconds(300))
        let nodes = (1...10_000).map { Identifier($0) }
        for node in nodes { schedule.set(node, isAsked: true, at: 0) }
        var (now, asked): (Instant, [Identifier: Int]) = (0, [:])
        while let due = schedule.nextDue, due < .seconds(270) {
            now = max(now, due)
            let some = schedule.next(at: now)
            #expect(some.count <= C2AskSchedule.perSecond && !some.isEmpty)
            for node in some {
                asked[node, default: 0] += 1
                schedule.heard(node, at: now)
            }
            #expect(schedule.next(at: now + .milliseconds(500)).isEmpty)
        }
        #expect(asked.count == 10_000 && asked.values.allSatisfy { $0 == 1 })
        #expect(now <= .seconds(30 + 200))
    }

    @Test("one that does not answer is asked at growing intervals, and at the usual one when it is heard again")
    func growing() {
        var schedule = C2AskSchedule(interval: .seconds(60))
        let node = Identifier(1)
        schedule.set(node, isAsked: true, at: 0)
        var (last, gaps): (Instant, [Int64]) = (0, [])
        for _ in 0..<10 {
            guard let due = schedule.nextDue else { return }
            gaps.append((due - last).wholeSeconds)
            last = due
            #expect(schedule.next(at: due) == [node])
        }
        #expect(gaps == [30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800, 1_800])
        schedule.heard(node, at: last + .seconds(5))
        #expect(schedule.nextDue == last + .seconds(65))
        schedule.set(node, isAsked: false, at: last)
        #expect(schedule.nextDue == nil)
        var long = C2AskSchedule(interval: .seconds(7_200))
        long.set(node, isAsked: true, at: 0)
        #expect(long.next(at: 30) == [] && long.next(at: .seconds(30)) == [node])
        #expect(long.nextDue == .seconds(7_230))
        var off = C2AskSchedule(interval: .zero)
        off.set(node, isAsked: true, at: 0)
        #expect(off.nextDue == nil)
    }

    @Test("when the server is connected again, those that have not answered are asked again, at most 50 in a second")
    func reconnected() {
        var schedule = C2AskSchedule(interval: .seconds(300))
        let nodes = (1...60).map { Identifier($0) }
        for node in nodes { schedule.set(node, isAsked: true, at: 0) }
        #expect(schedule.next(at: .seconds(30)).count == 50 && schedule.next(at: .seconds(31)).count == 10)
        schedule.heard(Identifier(1), at: .seconds(32))
        schedule.reconnected(at: .seconds(100))
        #expect(schedule.next(at: .seconds(100)).count == 50)
        #expect(schedule.next(at: .seconds(101)).count == 9, "the one that has answered is not due")
    }

    @Test(
        "a late answer to an earlier request of the server shows as well that a node is alive; after a later answer it does not"
    )
    func late() {
        var it = ServerFixture()
        it.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let tokens = (0..<10).compactMap { _ -> String? in
            guard case .ask(let request, _)? = it.c2.ask(Roles.beacon.id).first else { return nil }
            return request.token.description
        }
        let body = Body.data(id: DataID.identification.octets, data: Octets("{}".utf8))
        #expect(tokens.count == 10)
        #expect(it.hears(Roles.beacon.says(body, 30, tokens[1])).refusal != nil, "only eight are remembered")
        #expect(it.hears(Roles.beacon.says(body, 31, tokens[5])).refusal == nil)
        #expect(it.hears(Roles.beacon.says(body, 32, tokens[4])).refusal != nil)
        #expect(it.hears(Roles.beacon.says(body, 33, tokens[9])).refusal == nil)
        #expect(it.c2.probes.isEmpty)
    }

    @Test("the answer to the server's own request is taken once, without the history, and no other node's")
    func answers() throws {
        var it = ServerFixture()
        it.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        guard case .ask(let request, let peer)? = it.c2.ask(Roles.beacon.id).first else {
            Issue.record("it asks nobody")
            return
        }
        #expect(request.body == .identityRequest && peer == Roles.beacon.id)
        let token = request.token.description
        let body = Body.data(id: DataID.identification.octets, data: Octets("{}".utf8))
        #expect(it.hears(Roles.device.says(body, 1, token)).refusal != nil)
        let effects = it.hears(Roles.beacon.says(body, 10, token))
        #expect(effects.count == 1)
        guard case .answered(let message, _)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(message.sender == Roles.beacon.id)
        #expect(it.hears(Roles.beacon.says(body, 11, token)).refusal != nil)
        // An operator's request is another matter: it has its line and its entry.
        let ordered = it.c2.obey(.identity(Roles.beacon.id))
        guard case .send(let order, _)? = ordered.first else { return }
        let told = it.hears(Roles.beacon.says(body, 12, order.token.description))
        #expect(told.refusal == nil && told.contains { if case .say = $0 { true } else { false } })
        #expect(it.c2.ask(Identifier(99)).isEmpty)
    }

    @Test("what is told, an order and its answer, and the last join are in the fleet; a stranger is not")
    func noting() {
        var it = ServerFixture()
        var fleet = C2Fleet([C2Fleet.Node(Roles.beacon.id), C2Fleet.Node(Roles.device.id)])
        func note(_ effects: [C2.Effect], _ node: Identifier, at now: Int64) -> C2Fleet.Changes {
            fleet.note([C2Step(effects: effects, node: node)], of: it.c2, at: now)
        }
        _ = note(it.hears(Roles.beacon.says(.joinRequest, 1, "T0")), Roles.beacon.id, at: 1_000)
        #expect(fleet[Roles.beacon.id]?.membership == .observer && fleet[Roles.beacon.id]?.facts.heard == 1_000)
        #expect(fleet[Roles.beacon.id]?.facts.join?.mode == .simple)
        let asked = it.c2.ask(Roles.beacon.id)
        _ = note(asked, Roles.beacon.id, at: 2_000)
        fleet.refresh(at: 32_000)
        #expect(fleet[Roles.beacon.id]?.state == .silent)
        guard case .ask(let request, _)? = asked.first else { return }
        let json = Octets(#"{"name":"North","observing":true}"#.utf8)
        let answer = Body.data(id: DataID.identification.octets, data: json)
        let heard = it.hears(Roles.beacon.says(answer, 10, request.token.description))
        #expect(note(heard, Roles.beacon.id, at: 33_000).nodes == [Roles.beacon.id])
        #expect(fleet[Roles.beacon.id]?.facts.told?.name == "North" && fleet[Roles.beacon.id]?.state == .heard)

        let order = it.c2.obey(.action(Roles.beacon.id, 1))
        _ = note(order, Roles.beacon.id, at: 40_000)
        #expect(fleet.unanswered(at: 69_999).isEmpty && fleet.unanswered(at: 70_000).map(\.id) == [Roles.beacon.id])
        guard case .send(let command, _)? = order.first else { return }
        let done = it.hears(Roles.beacon.says(.response(.actionSuccess), 30, command.token.description))
        _ = note(done, Roles.beacon.id, at: 71_000)
        #expect(fleet.unanswered(at: 999_999).isEmpty && fleet[Roles.beacon.id]?.orders.first?.answered == 71_000)
        #expect(fleet[Roles.beacon.id]?.state == .paused)

        it.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
        let refused = it.c2.obey(.observer(Roles.beacon.id, false))
        #expect(note(refused, Roles.beacon.id, at: 80_000).joins)
        #expect(fleet[Roles.device.id]?.facts.join?.decision == .failed && fleet.failed(at: 80_001) == 1)
        #expect(fleet.vouching[.beacon(Roles.beacon.id)] == nil, "it gave no verdict")
        _ = note(it.hears(Roles.stranger.says(.joinRequest, 1, "T9")), Roles.stranger.id, at: 90_000)
        #expect(fleet[Roles.stranger.id] == nil && fleet.failed(at: 3_700_000) == 0)
    }

    @Test("names, sites, what was told and when a node was heard are kept across runs")
    func kept() throws {
        let store = try C2Store(path: nil, own: Roles.c2.id)
        var facts = C2Facts()
        (facts.heard, facts.name, facts.site) = (5, "North gate é", "harbour")
        facts.told = C2Told(#"{"version":"1"}"#.utf8, at: 7)
        facts.join = C2Facts.Join(
            mode: .observed, decision: .refused, observer: Roles.beacon.id, reason: "why", grade: .keyed, at: 9)
        try store.commit(
            store.memory, groups: [:], entries: [], facts: [Identifier(.max): facts, Roles.device.id: C2Facts()])
        #expect(try store.facts() == [Identifier(.max): facts, Roles.device.id: C2Facts()])
        (facts.name, facts.paused) = (nil, false)
        facts.join?.hasVerdict = false
        try store.commit(store.memory, groups: [:], entries: [], facts: [Identifier(.max): facts])
        #expect(try store.facts()[Identifier(.max)] == facts)
    }
}
