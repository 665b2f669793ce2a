import BootTime
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import C2Server

@Suite("Nodes that a server does not know, or whose ids it does not know")
struct C2StrangerTests {
    /// 2027-01-01, in microseconds since 1970.
    private static let now: Int64 = 1_798_761_600_000_000
    private let start = UInt64(C2StrangerTests.now)
    private let beacon = Roles.beacon.id

    private func server(_ change: (inout C2.Policy) -> Void = { _ in }) -> ServerFixture {
        ServerFixture(clock: C2StrangerTests.now, change)
    }

    // MARK: - Ids that begin at a clock

    @Test("a node that has lost its ids begins at its clock, and is heard; a day ahead of our clock it is not")
    func clock() {
        var server = server()
        server.hears(Roles.beacon.says(.joinRequest, 3, "T0"))
        let day: UInt64 = 86_400_000_000
        let highest = SequenceID.highest(atClock: C2StrangerTests.now).number
        #expect(highest > start + day)
        let refused = server.hears(Roles.beacon.says(.joinRequest, highest + 1, "T1"))
        #expect(refused.sent.isEmpty && refused.refusal?.contains("ahead of this server's clock") == true)
        #expect(
            server.hears(Roles.beacon.says(.joinRequest, start + 16, "T2")).sent == [
                "RESPONSE join success #\(start + 17) T2 to beacon"
            ])
        #expect(
            server.hears(Roles.beacon.says(.joinRequest, start + day, "T3")).sent.count == 1, "its clock may be ahead")
        #expect(
            server.hears(Roles.beacon.says(.joinRequest, .max >> 1, "T4")).sent.isEmpty, "the attack is still refused")
    }

    @Test(
        "the server's own ids to a node that it knows nothing of begin at its clock, and above the node's where it has spoken"
    )
    func ownIDs() {
        var server = server()
        #expect(server.c2.obey(.join(beacon)).sent == ["JOIN_CMD #\(start + 1) new-1@\(beacon.topicForm) to beacon"])
        // The beacon's id is lower. It has not heard a lower one of ours.
        #expect(
            server.hears(Roles.beacon.says(.joinRequest, 16, "T0")).sent == [
                "RESPONSE join success #\(start + 2) T0 to beacon"
            ])
        #expect(
            server.hears(Roles.beacon.says(.joinRequest, 32, "T1")).sent.isEmpty,
            "one number for both directions, as before")
    }

    // MARK: - forget

    @Test(
        "forget: a node that has lost its ids is heard again, whatever its first id is; its membership ends until it joins"
    )
    func forget() throws {
        var server = server()
        server.hears(Roles.beacon.says(.joinRequest, 1 << 62, "T0"))
        #expect(server.hears(Roles.beacon.says(.joinRequest, start, "T1")).sent.isEmpty)
        #expect(server.c2.obey(.forget(beacon)).sent.isEmpty)
        #expect(!server.c2.isMember(beacon) && server.c2.membership(of: beacon) == .known)
        // It survives a restart.
        var next = ServerFixture(clock: C2StrangerTests.now)
        next.c2 = C2(
            own: Roles.c2.id, policy: server.c2.policy, dependencies: next.c2.dependencies, memory: server.c2.memory)
        let answer = try #require(next.hears(Roles.beacon.says(.joinRequest, start, "T2")).sent.first)
        #expect(
            answer == "RESPONSE join success #\((1 << 62) + 2 as UInt64) T2 to beacon", "ours go on where they were")
        #expect(next.c2.isMember(beacon))
        #expect(
            next.hears(Roles.beacon.says(.joinRequest, start + 16, "T3")).sent.isEmpty,
            "from here on ids must rise again")
    }

    @Test("forget: an old message that is replayed then ends nothing, and a deregistered node stays so")
    func replayed() {
        var server = server()
        server.hears(Roles.beacon.says(.joinRequest, 100, "T0"))
        _ = server.c2.obey(.forget(beacon))
        let effects = server.hears(Roles.beacon.says(.deregisterRequest, 7, "old"))
        #expect(effects.sent.first?.hasPrefix("RESPONSE deregister fail") == true)
        #expect(server.c2.membership(of: beacon) == .known)
        server.hears(Roles.beacon.says(.joinRequest, 2 << 20, "T1"))
        server.hears(Roles.beacon.says(.deregisterRequest, 3 << 20, "T2"))
        _ = server.c2.obey(.forget(beacon))
        #expect(server.c2.membership(of: beacon) == .deregistered)
    }

    // MARK: - A server that has lost its state

    @Test("an observer that is named and is not a member is told to join, once a minute however many devices name it")
    func named() {
        var server = server()
        let commands = (1...5).flatMap { number in
            server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), number, "T\(number)")).sent
        }.filter { $0.hasPrefix("JOIN_CMD") }
        #expect(commands.count == 1 && commands[0].hasSuffix("to beacon"))
        server.now += .seconds(60)
        let again = server.hears(Roles.device.says(.observedJoinRequest(observer: beacon), 9, "T9")).sent
        #expect(again.contains { $0.hasPrefix("JOIN_CMD") })
    }

    @Test("a node that may not observe is told nothing, by whichever device it is named")
    func notAnObserver() {
        var server = server { $0.observers = [] }
        let sent = server.hears(Roles.device.says(.observedJoinRequest(observer: beacon), 1, "T1")).sent
        #expect(sent.map { $0.prefix(8) } == ["RESPONSE"])
    }

    @Test("a device that may not join causes nothing")
    func notWanted() {
        for change in [{ $0.joinModes = [:] }, { $0.accepted = [] }] as [(inout C2.Policy) -> Void] {
            var server = server(change)
            let sent = server.hears(Roles.device.says(.observedJoinRequest(observer: beacon), 1, "T1")).sent
            #expect(sent.map { $0.prefix(8) } == ["RESPONSE"])
        }
    }

    @Test("ten seconds after its start, a server tells the observers that have neither joined nor left to join")
    func begun() {
        for before in [nil, Body.joinRequest, .resignRequest] {
            var server = server()
            server.c2.begin(at: server.now)
            #expect(server.c2.nextDeadline == server.now + .seconds(10))
            if let before {
                server.hears(Roles.beacon.says(.joinRequest, 1, "T0"));
                server.hears(Roles.beacon.says(before, 30, "T1"))
            }
            #expect(server.c2.tick(at: server.now + .milliseconds(9_999)).isEmpty)
            let sent = server.c2.tick(at: server.now + .seconds(10)).sent
            #expect(sent.map { $0.prefix(8) } == (before == nil ? ["JOIN_CMD"] : []), "\(sent)")
            #expect(server.c2.nextDeadline == nil && server.c2.tick(at: server.now + .seconds(99)).isEmpty)
        }
    }

    @Test("an observer that a person has refused is not told to join, neither at the start nor when a device names it")
    func refused() {
        var server = server()
        server.c2.begin(at: server.now)
        server.hears(Roles.beacon.says(.humanJoinRequest, 1, "T0"))
        _ = server.c2.obey(.refuse(beacon))
        #expect(server.c2.tick(at: server.now + .seconds(10)).sent.isEmpty)
        let named = server.hears(Roles.device.says(.observedJoinRequest(observer: beacon), 1, "T1")).sent
        #expect(named.map { $0.prefix(8) } == ["RESPONSE"])
    }

    @Test(
        "an answer of a node that is not a member, under a token of this server, is refused, and the node is told to join"
    )
    func answers() {
        var server = server()
        let token = "00000000-0000-4000-8000-000000000000"
        let ours = "\(token)@\(Roles.c2.id)@\(beacon)"
        let sent = server.hears(Roles.beacon.says(.response(.observedJoinValid), 5, ours))
        #expect(sent.refusal != nil && sent.sent.map { $0.prefix(8) } == ["JOIN_CMD"])
        for others in [token, "\(token)@\(Roles.stranger.id)@\(beacon)"] {
            server.now += .seconds(100)
            #expect(server.hears(Roles.beacon.says(.response(.observedJoinValid), 6, others)).sent.isEmpty)
        }
    }

    @Test(
        "a node that wants to leave and is not a member hears that it is none, and so does one whose membership was ended"
    )
    func leaving() {
        var server = server()
        let sent = server.hears(Roles.beacon.says(.resignRequest, 5, "T1")).sent
        #expect(
            sent.map { $0.prefix(20) } == ["RESPONSE resign fail", "TERMINATE_CMD #7 new"], "\(sent)")
        server.hears(Roles.beacon.says(.joinRequest, 99, "T2"))
        _ = server.c2.obey(.terminate(beacon))
        server.now += .seconds(60)
        let named = server.hears(Roles.device.says(.observedJoinRequest(observer: beacon), 1, "T3")).sent
        #expect(named.contains { $0.hasPrefix("TERMINATE_CMD") })
    }
}
