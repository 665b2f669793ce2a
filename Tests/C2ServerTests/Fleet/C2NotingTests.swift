import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("What the fleet notes of joins, orders and answers")
struct C2NotingTests {
    private var it = ServerFixture()
    private var fleet = C2Fleet([C2Fleet.Node(Roles.beacon.id), C2Fleet.Node(Roles.device.id)])

    init() {
        let joins = it.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        note(joins, Roles.beacon.id, at: 1_000)
    }

    private mutating func note(_ effects: [C2.Effect], _ node: Identifier, at now: Int64) {
        _ = fleet.note([C2Step(effects: effects, node: node)], of: it.c2, at: now)
    }

    private var beacon: C2Fleet.Node? { fleet[Roles.beacon.id] }

    private static func token(of effects: [C2.Effect]) -> String {
        for case .send(let message, Roles.beacon.id) in effects { return message.token.description }
        return ""
    }

    @Test("a beacon is on the map only where it gave a verdict, and not where a device named it in vain")
    mutating func verdicts() {
        let asked = it.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
        note(asked, Roles.device.id, at: 2_000)
        let token = C2NotingTests.token(of: asked)
        note(it.hears(Roles.beacon.says(.response(.observedJoinInvalid), 30, token)), Roles.beacon.id, at: 3_000)
        #expect(fleet.vouching[.beacon(Roles.beacon.id)]?.devices.keys.map(\.node) == [Roles.device.id])
        #expect(fleet.vouching[.beacon(Roles.beacon.id)]?.accepted == 0)
        // Refused at once: the stranger's identity is no beacon's.
        let atOnce = it.hears(Roles.device.says(.observedJoinRequest(observer: Roles.stranger.id), 40, "T2"))
        note(atOnce, Roles.device.id, at: 4_000)
        #expect(
            fleet[Roles.device.id]?.facts.join?.decision == .refused
                && fleet.vouching[.beacon(Roles.stranger.id)] == nil)
        #expect(fleet.vouching[.beacon(Roles.beacon.id)] == nil, "its last join is another one")
    }

    @Test("a node that is no longer a member owes no answer, and old failures are dropped without anybody who looks")
    mutating func departed() {
        note(it.c2.obey(.action(Roles.beacon.id, 1)), Roles.beacon.id, at: 2_000)
        #expect(fleet.unanswered(at: 60_000).count == 1)
        note(it.c2.obey(.terminate(Roles.beacon.id)), Roles.beacon.id, at: 70_000)
        #expect(fleet.unanswered(at: 200_000).isEmpty && fleet.waiting.isEmpty)
        #expect(beacon?.orders.first?.answer == "none: it is not a member")
        fleet.failures = [1, 2, 3]
        let refused = it.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
        note(refused, Roles.device.id, at: 9_000_000)
        #expect(fleet.failures == [9_000_000])
    }

    @Test("that this server has paused a beacon is known before it tells anything of itself, until it says otherwise")
    mutating func paused() {
        let order = it.c2.obey(.action(Roles.beacon.id, 1))
        note(order, Roles.beacon.id, at: 2_000)
        let done = it.hears(Roles.beacon.says(.response(.actionSuccess), 30, C2NotingTests.token(of: order)))
        note(done, Roles.beacon.id, at: 3_000)
        #expect(beacon?.facts.told == nil && beacon?.facts.paused == true && beacon?.state == .paused)
        guard case .ask(let request, _)? = it.c2.ask(Roles.beacon.id).first else { return }
        let told = Body.data(id: DataID.identification.octets, data: Octets(#"{"paused":false}"#.utf8))
        note(it.hears(Roles.beacon.says(told, 40, request.token.description)), Roles.beacon.id, at: 4_000)
        #expect(beacon?.facts.paused == nil && beacon?.state == .heard)
    }

    @Test("the answer to the server's own request leaves the operator's order open")
    mutating func tokens() {
        guard case .ask(let request, _)? = it.c2.ask(Roles.beacon.id).first else { return }
        let order = it.c2.obey(.identity(Roles.beacon.id))
        note(order, Roles.beacon.id, at: 2_000)
        let told = Body.data(id: DataID.identification.octets, data: Octets("{}".utf8))
        note(it.hears(Roles.beacon.says(told, 30, request.token.description)), Roles.beacon.id, at: 3_000)
        #expect(beacon?.orders.first?.answered == nil)
        note(it.hears(Roles.beacon.says(told, 31, C2NotingTests.token(of: order))), Roles.beacon.id, at: 4_000)
        #expect(beacon?.orders.first?.answered == 4_000)
    }

    @Test("orders of an earlier run wait from the start of this one, and at most eight of a node are shown")
    mutating func earlier() {
        let asked = (0..<20).map { (Roles.token("a\($0)"), C2.Asked(node: Roles.beacon.id, what: .action(1))) }
        fleet.note(waiting: Dictionary(asked) { $1 }, at: 100_000)
        #expect(beacon?.orders.count == C2Fleet.mostOrders && fleet.waiting.count == C2Fleet.mostOrders)
        #expect(fleet.unanswered(at: 129_999).isEmpty && fleet.unanswered(at: 130_000).count == 1)
    }
}
