import BootTime
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("What the server decides about a join")
struct C2DecisionTests {
    @Test("A beacon's JOIN_REQ is answered with success, under its token and with the next number")
    func simpleJoin() {
        var server = ServerFixture()
        let effects = server.hears(Roles.beacon.says(.joinRequest, 7, "T0"))
        #expect(effects.sent == ["RESPONSE join success #8 T0 to beacon"])
        #expect(effects.contains(.say("join of \(Roles.beacon.id): accepted")))
    }

    @Test("An observed join gives the device and the observer new tokens")
    func opening() {
        var server = ServerFixture()
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let effects = server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 10, "T1"))
        #expect(effects.sent == ["OBS_JOIN_RESP #11 new-1 to device", "OBSERVE_REQ #3 new-2 to beacon"])
        #expect(effects.decisions.isEmpty)
    }

    @Test(
        "The observer's verdict becomes the device's answer, under the answer's token",
        arguments: [
            (Status.observedJoinValid, C2.Decision.accepted, "join success"),
            (.observedJoinInvalid, .refused, "join refused"), (.observedJoinFail, .failed, "join failed"),
        ])
    func verdicts(status: Status, decision: C2.Decision, answer: String) {
        var server = ServerFixture()
        server.withOpenJoin()
        let effects = server.hears(Roles.beacon.says(.response(status), 4, "new-2"))
        #expect(effects.sent == ["RESPONSE \(answer) #3 new-1 to device"])
        let grounds = C2.Grounds(
            grade: status == .observedJoinValid ? .reachable : nil,
            reason: "the verdict of \(Roles.beacon.id): \(status)")
        #expect(effects.last == .decided(decision, device: Roles.device.id, observer: Roles.beacon.id, grounds))
        #expect(server.c2.nextDeadline == nil)
    }

    @Test("The answer to the device is sent before the decision is reported")
    func order() throws {
        var server = ServerFixture()
        server.withOpenJoin()
        let effects = server.hears(Roles.beacon.says(.response(.observedJoinValid), 4, "new-2"))
        let sent = try #require(effects.firstIndex { if case .send = $0 { true } else { false } })
        let told = try #require(effects.firstIndex { if case .decided = $0 { true } else { false } })
        #expect(sent < told)
    }

    @Test("A device that the policy does not name is refused at once, under its own token")
    func policy() {
        var server = ServerFixture { $0.accepted = [Identifier(1)] }
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let effects = server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
        #expect(effects.sent == ["RESPONSE join refused #2 T1 to device"])
        #expect(effects.decisions == [.refused])
    }

    @Test("An observer that has not joined cannot observe")
    func observerHasNotJoined() {
        var server = ServerFixture()
        let effects = server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
        #expect(effects.sent.first == "RESPONSE join refused #2 T1 to device")
        #expect(effects.sent.dropFirst().map { $0.prefix(8) } == ["JOIN_CMD"], "the observer is told to join")
    }

    @Test("No node observes itself")
    func selfObservation() {
        var server = ServerFixture()
        server.hears(Roles.device.says(.joinRequest, 1, "T0"))
        let effects = server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.device.id), 3, "T1"))
        #expect(effects.sent == ["RESPONSE join refused #4 T1 to device"])
    }

    @Test("The server gives up on an observer when the window has passed, and not before")
    func window() {
        var server = ServerFixture { $0.window = .nanoseconds(1_000) }
        server.withOpenJoin()
        #expect(server.c2.nextDeadline == 1_000)
        #expect(server.c2.tick(at: 999).isEmpty)
        let effects = server.c2.tick(at: 1_000)
        #expect(effects.sent == ["RESPONSE join failed #3 new-1 to device"])
        #expect(effects.decisions == [.failed])
        let late = server.hears(Roles.beacon.says(.response(.observedJoinValid), 4, "new-2"))
        #expect(late.sent.isEmpty && late.decisions.isEmpty)
    }

    @Test("The number of open joins is limited, and a device's newer request replaces its own")
    func limit() {
        var server = ServerFixture {
            $0.limit = 1
            $0.observers = [Roles.beacon.id, Roles.device.id]
        }
        server.withOpenJoin()
        server.hears(Roles.device.says(.joinRequest, 5, "T3"))
        let effects = server.hears(Roles.beacon.says(.observedJoinRequest(observer: Roles.device.id), 9, "T4"))
        #expect(effects.sent.isEmpty && server.c2.waiting.map(\.device) == [Roles.beacon.id])
        // A device's newer request replaces its own earlier one.
        #expect(
            server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 15, "T5")).sent.count == 2)
    }

    @Test(
        "The attack: a member that may not observe is named as observer by an accomplice, and refused with the reason")
    func accomplice() {
        // Both are members: one is honest, and the other wants a device accepted on its verdict alone.
        var server = ServerFixture()
        server.hears(Roles.device.says(.joinRequest, 1, "T0"))
        let effects = server.hears(Roles.beacon.says(.observedJoinRequest(observer: Roles.device.id), 1, "T1"))
        #expect(effects.sent == ["RESPONSE join refused #2 T1 to beacon"] && effects.decisions == [.refused])
        let (device, beacon) = (Roles.device.id, Roles.beacon.id)
        let why = "\(beacon) may not join, observed by \(device): \(device) may not observe; see c2 --observer"
        #expect(effects.contains(.say(why)))
    }

    @Test("by default no node may observe; an order changes that, and forbidding it fails the open observations")
    func mayObserve() {
        var server = ServerFixture { $0.observers = [] }
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let request = Body.observedJoinRequest(observer: Roles.beacon.id)
        #expect(server.hears(Roles.device.says(request, 1, "T1")).decisions == [.refused])
        #expect(
            server.c2.obey(.observer(Roles.beacon.id, true)) == [.say("\(Roles.beacon.id) may observe from now on")])
        #expect(server.hears(Roles.device.says(request, 11, "T2")).sent.count == 2)
        #expect(server.c2.obey(.observer(Roles.beacon.id, false)).decisions == [.failed])
        #expect(server.hears(Roles.device.says(request, 21, "T3")).decisions == [.refused])
    }

    @Test("A device that has joined by observation may observe others where that is given")
    func chain() {
        for (observers, sent) in [(Set([Roles.beacon.id]), 1), ([Roles.beacon.id, Roles.device.id], 2)] {
            var server = ServerFixture { $0.observers = observers }
            server.withOpenJoin()
            server.hears(Roles.beacon.says(.response(.observedJoinValid), 4, "new-2"))
            let effects = server.hears(Roles.beacon.says(.observedJoinRequest(observer: Roles.device.id), 5, "T5"))
            #expect(effects.sent.count == sent)
        }
    }

    @Test("For tests, a decided request is published a second time after the answer: only for the named device")
    func replaying() throws {
        var honest = ServerFixture { $0.replaysRequestsOf = [Roles.beacon.id] }
        honest.withOpenJoin()
        let plain = honest.hears(Roles.beacon.says(.response(.observedJoinValid), 4, "new-2"))
        #expect(!plain.contains(.sendAgain(Roles.token("new-2"), to: Roles.beacon.id)))
        var server = ServerFixture { $0.replaysRequestsOf = [Roles.device.id] }
        server.withOpenJoin()
        let effects = server.hears(Roles.beacon.says(.response(.observedJoinValid), 4, "new-2"))
        #expect(effects.contains(.sendAgain(Roles.token("new-2"), to: Roles.beacon.id)))
    }

    @Test("The observer's evidence is shown, and decides nothing")
    func evidence() {
        var server = ServerFixture()
        server.withOpenJoin()
        let data = Body.data(id: DataID.observationEvidence.octets, data: Octets(#"{"mode":"challenge"}"#.utf8))
        let effects = server.hears(Roles.beacon.says(data, 4, "new-2"))
        #expect(
            effects.contains(.say("evidence on \(Roles.device.id) from \(Roles.beacon.id): {\"mode\":\"challenge\"}")))
        #expect(effects.decisions.isEmpty)
    }

    @Test("Evidence of a node that was not asked, or under another token, is refused")
    func strangeEvidence() {
        let data = Body.data(id: DataID.observationEvidence.octets, data: Octets("{}".utf8))
        for (sender, token, why) in [
            (Roles.beacon, "T0", "OBSERVATION_EVIDENCE under a token that no open observation has"),
            (Roles.device, "new-2", "evidence that this node was not asked for"),
        ] {
            var server = ServerFixture()
            server.withOpenJoin()
            server.hears(Roles.device.says(.joinRequest, 5, "T5"))
            #expect(server.hears(sender.says(data, 9, token)).refusal == why)
        }
    }

    @Test(
        "A device's newer request replaces its older one, which gets no answer that could be mistaken for the newer's")
    func superseded() {
        var server = ServerFixture()
        server.withOpenJoin()
        let effects = server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 5, "T5"))
        #expect(effects.sent == ["OBS_JOIN_RESP #6 new-3 to device", "OBSERVE_REQ #4 new-4 to beacon"])
        #expect(effects.decisions.isEmpty)
        #expect(server.c2.ended.map(\.grounds.reason) == ["the device has asked again"])
        // The old verdict no longer decides anything.
        #expect(server.hears(Roles.beacon.says(.response(.observedJoinValid), 9, "new-2")).decisions.isEmpty)
        #expect(server.hears(Roles.beacon.says(.response(.observedJoinValid), 19, "new-4")).decisions == [.accepted])
    }

    @Test("An observer can send as much evidence as an honest one, and not more")
    func muchEvidence() {
        var server = ServerFixture()
        server.withOpenJoin()
        let data = Body.data(id: DataID.observationEvidence.octets, data: Octets("{}".utf8))
        let refused = (1...10).map { server.hears(Roles.beacon.says(data, 3 + $0, "new-2")).refusal != nil }
        #expect(refused == [false, false, false, false, true, true, true, true, true, true])
        #expect(server.hears(Roles.beacon.says(.response(.observedJoinValid), 20, "new-2")).decisions == [.accepted])
    }

    @Test(
        "The lifelines: a node that joined simply, or may observe, is a beacon; a device that then joins simply stays a device"
    )
    func roles() {
        var server = ServerFixture()
        server.withOpenJoin()
        #expect(server.c2.role(of: Roles.beacon.id) == .beacon)
        #expect(server.c2.role(of: Roles.device.id) == .device)
        #expect(server.c2.role(of: Roles.c2.id) == .c2)
        #expect(server.hears(Roles.device.says(.joinRequest, 50, "T5")).refusal == nil)
        #expect(server.c2.role(of: Roles.device.id) == .device)
    }
}
