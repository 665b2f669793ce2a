import SRUP
import Testing
import TestVectors

@testable import C2Server

@Suite("A C2 server that goes on after its end")
struct C2RestartTests {
    /// The same server in its next run.
    private func restarted(_ server: Bystander) -> Bystander {
        var next = Bystander()
        next.c2 = C2(own: Cast.c2.id, policy: server.c2.policy, means: next.c2.means, memory: server.c2.memory)
        return next
    }

    @Test("what it remembers is the same after it has been made of it")
    func same() {
        var server = Bystander()
        server.withOpenJoin()
        server.hears(Cast.beacon.says(.humanJoinRequest, 9, "T9"))
        #expect(server.c2.memory.unanswered.count == 2)
        #expect(restarted(server).c2.memory == server.c2.memory)
    }

    @Test("joins that were open are answered 5F once, under their T2, and the old verdict decides nothing")
    func open() {
        var server = Bystander()
        server.withOpenJoin()
        var next = restarted(server)
        let effects = next.c2.answerLeftOpen()
        #expect(effects.sent == ["RESPONSE join failed #3 new-1 to device"])
        #expect(effects.decisions == [.failed])
        #expect(next.c2.answerLeftOpen().isEmpty && next.c2.memory.unanswered.isEmpty)
        let verdict = next.hears(Cast.beacon.says(.response(.observedJoinValid), 5, "new-2"))
        #expect(verdict.refusal != nil && verdict.sent.isEmpty)
        #expect(next.c2.standing(of: Cast.device.id) == .known)
    }

    @Test("a join before human eyes is answered 5F too, and cannot be accepted any more")
    func human() {
        var server = Bystander()
        server.hears(Cast.device.says(.humanJoinRequest, 1, "T1"))
        var next = restarted(server)
        #expect(next.c2.obey(.accept(Cast.device.id, mark: "new-1")).sent.isEmpty)
        #expect(next.c2.answerLeftOpen().sent == ["RESPONSE join failed #3 new-1 to device"])
    }

    @Test("frames of the earlier run are replays, and the beacon observes without joining again")
    func sequences() {
        var server = Bystander()
        let join = Cast.beacon.says(.joinRequest, 1, "T0")
        server.hears(join)
        var next = restarted(server)
        #expect(next.hears(join).refusal == "sequence 1 is not greater than 2")
        #expect(next.c2.refusals == [.sequence: 1])
        let asks = next.hears(Cast.device.says(.observedJoinRequest(observer: Cast.beacon.id), 1, "T1"))
        #expect(asks.sent.count == 2 && asks.sent[1].hasPrefix("OBSERVE_REQ #3"))
    }

    @Test("each standing is what it was: who may be ordered, who may observe, who is heard")
    func standings() {
        for standing in C2.Standing.allCases {
            var memory = C2.Memory()
            if standing != .known { memory.standings[Cast.beacon.id] = standing }
            if standing == .observer { memory.given[Cast.beacon.id] = true }
            var server = Bystander()
            server.c2 = C2(own: Cast.c2.id, policy: C2.Policy(), means: server.c2.means, memory: memory)
            #expect(server.c2.standing(of: Cast.beacon.id) == standing)
            let isMember = [.joined, .observer].contains(standing)
            #expect(server.c2.obey(.identity(Cast.beacon.id)).sent.isEmpty == !isMember, "\(standing)")
            let asks = server.hears(Cast.device.says(.observedJoinRequest(observer: Cast.beacon.id), 1, "T1"))
            #expect(asks.decisions.isEmpty == (standing == .observer), "\(standing)")
            let joins = server.hears(Cast.beacon.says(.joinRequest, 50, "T0"))
            #expect((joins.refusal != nil) == (standing == .deregistered), "\(standing)")
        }
    }

    @Test("leaving is remembered by its manner, and joining again undoes it")
    func departures() {
        var server = Bystander()
        server.hears(Cast.beacon.says(.joinRequest, 1, "T0"))
        #expect(server.c2.standing(of: Cast.beacon.id) == .observer)
        _ = server.c2.obey(.terminate(Cast.beacon.id))
        #expect(server.c2.standing(of: Cast.beacon.id) == .terminated)
        server.hears(Cast.beacon.says(.joinRequest, 10, "T1"))
        #expect(server.c2.standing(of: Cast.beacon.id) == .observer)
        server.hears(Cast.beacon.says(.resignRequest, 20, "T2"))
        #expect(restarted(server).c2.standing(of: Cast.beacon.id) == .resigned)
        #expect(server.c2.standing(of: Cast.device.id) == .known)
    }

    @Test("an observed device is joined, and observes nobody")
    func observed() {
        var server = Bystander()
        server.withOpenJoin()
        server.hears(Cast.beacon.says(.response(.observedJoinValid), 5, "new-2"))
        #expect(restarted(server).c2.standing(of: Cast.device.id) == .joined)
    }

    @Test("who is not in the registry any more is out, and its open join has failed")
    func expelled() {
        var server = Bystander()
        server.withOpenJoin()
        #expect(server.c2.expel(Cast.beacon.id).sent == ["RESPONSE join failed #3 new-1 to device"])
        #expect(server.c2.standing(of: Cast.beacon.id) == .terminated)
    }

    @Test("answers to other servers leave the number as it is, so that the next answer to us counts")
    func otherServersAnswers() {
        var server = Bystander()
        server.withOpenJoin()
        let foreign = server.hears(Cast.beacon.says(.response(.observedJoinValid), 1_000, "another's"))
        #expect(foreign.refusal != nil)
        let ours = server.hears(Cast.beacon.says(.response(.observedJoinValid), 20, "new-2"))
        #expect(ours.decisions == [.accepted])
    }
}
