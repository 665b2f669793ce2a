import SRUP
import Testing
import TestVectors

@testable import C2Server

@Suite("A C2 server that is restarted with its state")
struct C2RestartTests {
    /// The same server after a restart.
    private func restarted(_ server: ServerFixture) -> ServerFixture {
        var next = ServerFixture()
        next.c2 = C2(
            own: Roles.c2.id, policy: server.c2.policy, dependencies: next.c2.dependencies, memory: server.c2.memory)
        return next
    }

    @Test("a server that is made from the remembered state remembers the same")
    func same() {
        var server = ServerFixture()
        server.withOpenJoin()
        server.hears(Roles.beacon.says(.humanJoinRequest, 9, "T9"))
        #expect(server.c2.memory.unanswered.count == 2)
        #expect(restarted(server).c2.memory == server.c2.memory)
    }

    @Test("joins that were open are answered 5F once, under their T2, and the old verdict decides nothing")
    func open() {
        var server = ServerFixture()
        server.withOpenJoin()
        var next = restarted(server)
        let effects = next.c2.answerLeftOpen()
        #expect(effects.sent == ["RESPONSE join failed #3 new-1 to device"])
        #expect(effects.decisions == [.failed])
        #expect(next.c2.answerLeftOpen().isEmpty && next.c2.memory.unanswered.isEmpty)
        let verdict = next.hears(Roles.beacon.says(.response(.observedJoinValid), 5, "new-2"))
        #expect(verdict.refusal != nil && verdict.sent.isEmpty)
        #expect(next.c2.membership(of: Roles.device.id) == .known)
    }

    @Test("a human-moderated join is answered 5F too, and cannot be accepted afterwards")
    func human() {
        var server = ServerFixture()
        server.hears(Roles.device.says(.humanJoinRequest, 1, "T1"))
        var next = restarted(server)
        #expect(next.c2.obey(.accept(Roles.device.id, mark: "new-1")).sent.isEmpty)
        #expect(next.c2.answerLeftOpen().sent == ["RESPONSE join failed #3 new-1 to device"])
    }

    @Test("frames of the earlier run are refused as replays, and the beacon observes without joining again")
    func sequences() {
        var server = ServerFixture()
        let join = Roles.beacon.says(.joinRequest, 1, "T0")
        server.hears(join)
        var next = restarted(server)
        #expect(next.hears(join).refusal == "sequence 1 is not greater than 2")
        #expect(next.c2.refusals == [.sequence: 1])
        let asks = next.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
        #expect(asks.sent.count == 2 && asks.sent[1].hasPrefix("OBSERVE_REQ #3"))
    }

    @Test("each membership is restored: commands, the right to observe, and which messages are accepted")
    func memberships() {
        for membership in C2.MembershipState.allCases {
            var memory = C2.Memory()
            if membership != .known { memory.memberships[Roles.beacon.id] = membership }
            if membership == .observer { memory.given[Roles.beacon.id] = true }
            var server = ServerFixture()
            server.c2 = C2(own: Roles.c2.id, policy: C2.Policy(), dependencies: server.c2.dependencies, memory: memory)
            #expect(server.c2.membership(of: Roles.beacon.id) == membership)
            let isMember = [.joined, .observer].contains(membership)
            #expect(server.c2.obey(.identity(Roles.beacon.id)).sent.isEmpty == !isMember, "\(membership)")
            let asks = server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
            #expect(asks.decisions.isEmpty == (membership == .observer), "\(membership)")
            let joins = server.hears(Roles.beacon.says(.joinRequest, 50, "T0"))
            #expect((joins.refusal != nil) == (membership == .deregistered), "\(membership)")
        }
    }

    @Test("the way in which a node left is remembered until it joins again")
    func departures() {
        var server = ServerFixture()
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        #expect(server.c2.membership(of: Roles.beacon.id) == .observer)
        _ = server.c2.obey(.terminate(Roles.beacon.id))
        #expect(server.c2.membership(of: Roles.beacon.id) == .terminated)
        server.hears(Roles.beacon.says(.joinRequest, 10, "T1"))
        #expect(server.c2.membership(of: Roles.beacon.id) == .observer)
        server.hears(Roles.beacon.says(.resignRequest, 20, "T2"))
        #expect(restarted(server).c2.membership(of: Roles.beacon.id) == .resigned)
        #expect(server.c2.membership(of: Roles.device.id) == .known)
    }

    @Test("a device that has joined by observation is a member, and may not observe")
    func observed() {
        var server = ServerFixture()
        server.withOpenJoin()
        server.hears(Roles.beacon.says(.response(.observedJoinValid), 5, "new-2"))
        #expect(restarted(server).c2.membership(of: Roles.device.id) == .joined)
    }

    @Test("a node that is no longer in the registry is not a member, and its open join has failed")
    func expelled() {
        var server = ServerFixture()
        server.withOpenJoin()
        #expect(server.c2.expel(Roles.beacon.id).sent == ["RESPONSE join failed #3 new-1 to device"])
        #expect(server.c2.membership(of: Roles.beacon.id) == .terminated)
    }

    @Test("answers to other servers leave the number as it is, so that the next answer to us counts")
    func otherServersAnswers() {
        var server = ServerFixture()
        server.withOpenJoin()
        let foreign = server.hears(Roles.beacon.says(.response(.observedJoinValid), 1_000, "another's"))
        #expect(foreign.refusal != nil)
        let ours = server.hears(Roles.beacon.says(.response(.observedJoinValid), 20, "new-2"))
        #expect(ours.decisions == [.accepted])
    }
}
