import BootTime
import SRUP
import TestVectors
import Testing

@testable import Bench
@testable import C2Server

@Suite("Human-moderated joins, leaving, and orders")
struct C2MemberTests {
    private func joined(_ change: (inout C2.Policy) -> Void = { _ in }) -> ServerFixture {
        var server = ServerFixture(change)
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        return server
    }

    private func said(_ effects: [C2.Effect], _ words: String) -> Bool {
        effects.contains { if case .say(let line) = $0 { line.contains(words) } else { false } }
    }

    @Test(
        "INITIATE names file and digest with the reference's NUL; ACTIVATE goes under its token; answers count from the node asked"
    )
    func updates() {
        var server = joined()
        let digest = [UInt8](repeating: 0xAB, count: 32)
        let effects = server.c2.obey(.update(Roles.beacon.id, url: "https://x/y", digest: digest))
        guard case .send(let initiate, Roles.beacon.id)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(
            initiate.body
                == .initiate(
                    url: Octets(Array("https://x/y".utf8) + [0]),
                    digest: Octets(Array(String(repeating: "ab", count: 32).utf8) + [0])))
        let token = initiate.token.description
        let stranger = server.hears(Roles.device.says(.response(.updateSuccess), 1, token))
        #expect(stranger.refusal == "update success from a node that was not asked")
        let answered = server.hears(Roles.beacon.says(.response(.updateSuccess), 9, token))
        #expect(said(answered, "the answer to INITIATE of \(Roles.beacon.id): update success"))
        #expect(server.c2.obey(.activate(Roles.beacon.id)).sent.first?.contains(" \(token) to beacon") == true)
        let activated = server.hears(Roles.beacon.says(.response(.activateFail), 19, token))
        #expect(said(activated, "the answer to ACTIVATE of \(Roles.beacon.id): activate failed"))
        #expect(server.c2.obey(.activate(Roles.device.id)).sent.isEmpty)
    }

    @Test(
        "an answer to INITIATE that comes after ACTIVATE is INITIATE's, and one to an older INITIATE is not the newer one's"
    )
    func crossing() throws {
        var server = joined()
        let digest = [UInt8](repeating: 0xAB, count: 32)
        func initiate() throws -> String {
            guard
                case .send(let sent, _)? = server.c2.obey(.update(Roles.beacon.id, url: "https://x/y", digest: digest))
                    .first
            else { throw CancellationError() }
            return sent.token.description
        }
        let older = try initiate()
        _ = server.c2.obey(.activate(Roles.beacon.id))
        let newer = try initiate()
        let superseded = server.hears(Roles.beacon.says(.response(.updateFailFile), 29, older))
        #expect(
            said(
                superseded,
                "the answer to INITIATE, replaced by a newer one, of \(Roles.beacon.id): update failed: file"))
        let fetched = server.hears(Roles.beacon.says(.response(.updateSuccess), 39, newer))
        #expect(said(fetched, "the answer to INITIATE of \(Roles.beacon.id): update success"))
        _ = server.c2.obey(.activate(Roles.beacon.id))
        let activated = server.hears(Roles.beacon.says(.response(.activateSuccess), 49, newer))
        #expect(said(activated, "the answer to ACTIVATE of \(Roles.beacon.id): activate success"))
    }

    // MARK: - Human-moderated joins

    @Test("HM_JOIN_REQ gets a sealed value under a new token, the operator sees the same value, and the order decides")
    func human() {
        for (command, answer, decision) in [
            (C2Order.accept(Roles.device.id, mark: "new-1"), "join success", C2.Decision.accepted),
            (.refuse(Roles.device.id), "join refused", .refused),
        ] {
            var server = ServerFixture()
            let asked = server.hears(Roles.device.says(.humanJoinRequest, 1, "T1"))
            #expect(asked.sent == ["HM_JOIN_RESP #2 new-1 to device"])
            #expect(asked.last == .moderate(device: Roles.device.id, Roles.value ?? .random()))
            let decided = server.c2.obey(command)
            #expect(decided.sent == ["RESPONSE \(answer) #3 new-1 to device"] && decided.decisions == [decision])
            #expect(server.c2.obey(command).sent.isEmpty)
        }
    }

    @Test(
        "a join is accepted only with its own mark: if the device asks again, another value must be compared"
    )
    func askedAnew() {
        let device = Roles.device.id
        var server = ServerFixture()
        server.hears(Roles.device.says(.humanJoinRequest, 1, "T1"))
        let again = server.hears(Roles.device.says(.humanJoinRequest, 3, "T1b"))
        #expect(said(again, "has asked again"))
        for mark in ["new-1", "new", ""] {
            #expect(server.c2.obey(.accept(device, mark: mark)).sent.isEmpty)
        }
    }

    @Test("a human-moderated join ends when its device leaves in any way, and cannot be accepted afterwards")
    func letGoMeanwhile() {
        let beacon = Roles.beacon.id
        let ways: [(String, (inout ServerFixture) -> [C2.Effect])] = [
            ("terminate", { $0.c2.obey(.terminate(beacon)) }), ("deregister", { $0.c2.obey(.deregister(beacon)) }),
            ("resign", { $0.hears(Roles.beacon.says(.resignRequest, 9, "T9")) }),
            ("deregistered", { $0.hears(Roles.beacon.says(.deregisterRequest, 9, "T9")) }),
            ("revoked", { $0.c2.expel(beacon) }),
        ]
        for (name, way) in ways {
            var server = joined()
            server.hears(Roles.beacon.says(.humanJoinRequest, 5, "T1"))
            #expect(way(&server).decisions == [.failed], "\(name)")
            #expect(
                server.c2.obey(.accept(beacon, mark: "new-1")).sent.isEmpty && !server.c2.isMember(beacon), "\(name)")
        }
    }

    @Test("a request to leave that names another server is ignored, and does not change our counter")
    func leavesAnother() {
        var server = joined()
        let uuid = "5e0b7d2c-0000-4000-8000-00000000009a"
        for body in [Body.resignRequest, .deregisterRequest] {
            #expect(server.hears(Roles.beacon.says(body, 500, uuid + "@77")).isEmpty)
        }
        #expect(server.c2.isMember(Roles.beacon.id))
        let ours = server.hears(Roles.beacon.says(.resignRequest, 17, uuid + "@" + Roles.c2.id.topicForm))
        #expect(ours.sent == ["RESPONSE resign success #18 \(uuid)@\(Roles.c2.id.topicForm) to beacon"])
    }

    @Test("evidence and identification under another server's token do not change our counter")
    func answersAnother() {
        var server = joined()
        for id in ["OBSERVATION_EVIDENCE", "IDENTIFICATION", "UPDATE_HTTP_STATUS", "UPDATE_HTTP_CONTENTS"] {
            let data = Body.data(id: Octets(id.utf8), data: Octets("{}".utf8))
            #expect(server.hears(Roles.beacon.says(data, 500, "theirs")).refusal?.hasPrefix(id) == true)
        }
        #expect(server.c2.counter[Roles.beacon.id] == SequenceID(2))
    }

    @Test(
        "the reference's answer to ID_REQUEST has another id and a token of its own; it counts once, and only if it was asked for"
    )
    func referenceIdentity() {
        var server = joined()
        let data = Body.data(id: Octets("IDENTIFICATION_RESPONSE".utf8), data: Octets("pySRUP version 2.0".utf8))
        #expect(server.hears(Roles.beacon.says(data, 500, "T7")).refusal?.contains("not requested") == true)
        #expect(server.c2.counter[Roles.beacon.id] == SequenceID(2), "it may be for another server")
        _ = server.c2.obey(.identity(Roles.beacon.id))
        let answer = server.hears(Roles.beacon.says(data, 500, "T8"))
        #expect(said(answer, "identification of \(Roles.beacon.id): pySRUP version 2.0"))
        #expect(server.hears(Roles.beacon.says(data, 501, "T9")).refusal?.contains("not requested") == true)
    }

    @Test("a human-moderated join without a decision in time fails")
    func nobodyLooks() {
        var server = ServerFixture { $0.humanWindow = .nanoseconds(5) }
        server.hears(Roles.device.says(.humanJoinRequest, 1, "T1"))
        #expect(server.c2.nextDeadline == 5)
        #expect(server.c2.tick(at: 4).isEmpty)
        #expect(server.c2.tick(at: 5).sent == ["RESPONSE join failed #3 new-1 to device"])
        #expect(server.c2.obey(.accept(Roles.device.id, mark: "new-1")).sent.isEmpty)
    }

    @Test("a device that asks again gets another value, and the answer uses the newer token")
    func asksAgain() {
        var server = ServerFixture()
        server.hears(Roles.device.says(.humanJoinRequest, 1, "T1"))
        server.hears(Roles.device.says(.humanJoinRequest, 3, "T1b"))
        let accepted = server.c2.obey(.accept(Roles.device.id, mark: "new-2"))
        #expect(accepted.sent == ["RESPONSE join success #5 new-2 to device"])
    }

    @Test("each join mode is for the nodes that the policy names; others are refused immediately under their own token")
    func joinModes() {
        let requests: [(C2.JoinMode, Body)] = [
            (.simple, .joinRequest), (.human, .humanJoinRequest),
            (.observed, .observedJoinRequest(observer: Roles.beacon.id)),
        ]
        for (joinMode, request) in requests {
            for allowed in C2.JoinMode.allCases {
                var server = ServerFixture { $0.joinModes = [Roles.device.id: [allowed], Roles.beacon.id: [.simple]] }
                server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
                let effects = server.hears(Roles.device.says(request, 1, "T1"))
                let refusal = ["RESPONSE join refused #2 T1 to device"]
                #expect((effects.sent == refusal) == (joinMode != allowed), "\(joinMode), allowed \(allowed)")
            }
            var server = ServerFixture { $0.joinModes = [:] }
            #expect(server.hears(Roles.device.says(request, 1, "T1")).sent == ["RESPONSE join refused #2 T1 to device"])
        }
    }

    // MARK: - Leaving

    @Test("a member may resign and be deregistered; a node that is kept or is not a member may not")
    func leaving() {
        let requests: [(Body, String, String)] = [
            (.resignRequest, "resign success", "resign failed"),
            (.deregisterRequest, "deregister success", "deregister failed"),
        ]
        for (request, yes, no) in requests {
            var server = joined()
            #expect(server.hears(Roles.beacon.says(request, 3, "R")).sent == ["RESPONSE \(yes) #4 R to beacon"])
            var keeper = joined { $0.keeps = [Roles.beacon.id] }
            #expect(keeper.hears(Roles.beacon.says(request, 3, "R")).sent == ["RESPONSE \(no) #4 R to beacon"])
            var stranger = ServerFixture()
            #expect(stranger.hears(Roles.beacon.says(request, 3, "R")).sent.first == "RESPONSE \(no) #4 R to beacon")
        }
    }

    @Test("an observer that has left observes nothing: its open joins fail, and it is not asked again")
    func observerLeaves() {
        var server = ServerFixture()
        server.withOpenJoin()
        let effects = server.hears(Roles.beacon.says(.resignRequest, 4, "R"))
        #expect(effects.sent == ["RESPONSE resign success #5 R to beacon", "RESPONSE join failed #3 new-1 to device"])
        let again = server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 9, "T1b"))
        #expect(again.decisions == [.refused])
    }

    @Test("no message of a deregistered node is accepted")
    func deregistered() {
        var server = joined()
        server.hears(Roles.beacon.says(.deregisterRequest, 3, "R"))
        for body in [Body.joinRequest, .humanJoinRequest, .resignRequest] {
            let effects = server.hears(Roles.beacon.says(body, 50, "X"))
            #expect(effects.sent.isEmpty && effects.refusal?.contains("permanently deregistered") == true)
        }
        #expect(server.c2.obey(.join(Roles.beacon.id)).sent.isEmpty)
    }

    // MARK: - Orders

    @Test("orders go to members under tokens that name them, and their answers are reported")
    func orders() {
        var server = joined()
        let id = Roles.beacon.id.topicForm
        #expect(server.c2.obey(.action(Roles.beacon.id, 1)).sent == ["ACTION #3 new-1@\(id) to beacon"])
        let answer = server.hears(Roles.beacon.says(.response(.actionSuccess), 19, "new-1@\(id)"))
        #expect(said(answer, "the answer to action 0x01 of \(Roles.beacon.id): action success"))
        #expect(server.c2.obey(.identity(Roles.beacon.id)).sent == ["ID_REQUEST #20 new-2@\(id) to beacon"])
        let data = Body.data(id: DataID.identification.octets, data: Octets("{}".utf8))
        #expect(said(server.hears(Roles.beacon.says(data, 36, "new-2@\(id)")), "identification of"))
        #expect(server.hears(Roles.beacon.says(data, 52, "new-2@\(id)")).refusal != nil)
        #expect(server.c2.obey(.terminate(Roles.beacon.id)).sent == ["TERMINATE_CMD #37 new-3@\(id) to beacon"])
        #expect(said(server.c2.obey(.action(Roles.beacon.id, 1)), "has not joined"))
        #expect(server.c2.obey(.join(Roles.beacon.id)).sent == ["JOIN_CMD #38 new-4@\(id) to beacon"])
    }

    @Test("an answer to an order counts only from the node that was ordered")
    func foreignAnswer() {
        var server = joined()
        server.hears(Roles.device.says(.joinRequest, 1, "T0"))
        _ = server.c2.obey(.deregister(Roles.beacon.id))
        let token = "new-1@\(Roles.beacon.id.topicForm)"
        #expect(server.hears(Roles.device.says(.response(.deregisterSuccess), 9, token)).refusal != nil)
        #expect(!server.c2.deregistered.contains(Roles.beacon.id))
        server.hears(Roles.beacon.says(.response(.deregisterSuccess), 19, token))
        #expect(server.c2.deregistered == [Roles.beacon.id])
    }

    @Test("syndication messages are read, shown, and refused with a reason")
    func syndication() {
        var server = joined()
        let bodies: [Body] = [
            .syndicationRequest(sealed: Octets([1])), .syndicatedDeviceCount(3), .syndicationEnd,
            .syndicatedAction(1, target: Roles.device.id), .syndicationTerminate,
        ]
        for (number, body) in bodies.enumerated() {
            let effects = server.hears(Roles.beacon.says(body, 10 + UInt64(number), "S"))
            #expect(effects.sent.isEmpty)
            #expect(
                effects.refusal == "\(body.type.name) is a message between servers, which this server does not support")
        }
    }
}
