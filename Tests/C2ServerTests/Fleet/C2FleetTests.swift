import Bench
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("The fleet: states, lists and who vouched for whom")
struct C2FleetTests {
    private static func member(_ number: UInt64, _ change: (inout C2Fleet.Node) -> Void = { _ in }) -> C2Fleet.Node {
        var node = C2Fleet.Node(Identifier(number))
        node.membership = .joined
        change(&node)
        return node
    }

    private static let told = #"{"accepted":12,"paused":true,"observing":false,"name":"North","version":"1"}"#

    @Test("a member is heard, then quiet; it is silent only when it has not answered for 30 s, and until it is heard")
    func states() {
        let id = Identifier(7)
        var fleet = C2Fleet([C2FleetTests.member(7) { $0.facts.heard = 1_000 }], at: 1_000)
        func state(at now: Int64) -> C2Fleet.State? {
            fleet.refresh(at: now)
            #expect(fleet.count(fleet[id]?.state ?? .left) == 1)
            return fleet[id]?.state
        }
        #expect(state(at: 1_000 + C2Fleet.recently - 1) == .heard)
        #expect(state(at: 1_000 + C2Fleet.recently) == .quiet)
        guard var node = fleet[id] else { return }
        node.asked = 1_000_000
        fleet.set(node, at: 1_000_000)
        #expect(state(at: 1_029_999) == .quiet)
        #expect(state(at: 1_030_000) == .silent && state(at: 9_000_000) == .silent)
        (node.asked, node.facts.heard) = (nil, 9_000_000)
        fleet.set(node, at: 9_000_000)
        #expect(state(at: 9_000_000) == .heard)
        node.facts.told = C2Told(C2FleetTests.told.utf8, at: 1)
        fleet.set(node, at: 9_000_000)
        #expect(state(at: 9_000_000) == .paused)
        for (membership, expected) in [
            (C2.MembershipState.known, C2Fleet.State.notJoined), (.terminated, .left), (.resigned, .left),
            (.deregistered, .deregistered), (.observer, .paused),
        ] {
            node.membership = membership
            fleet.set(node, at: 9_000_000)
            #expect(state(at: 9_000_000) == expected)
        }
    }

    @Test("after any changes the indices are those of a fleet that is built at once")
    func indices() {
        var random = SystemRandomNumberGenerator()
        var fleet = C2Fleet()
        let sites = ["", "gate", "harbour"]
        for step in 0..<3_000 {
            var node = C2Fleet.Node(Identifier(UInt64.random(in: 1...40, using: &random)))
            node.membership = C2.MembershipState.allCases.randomElement(using: &random) ?? .known
            node.mayObserve = .random(using: &random)
            node.facts.heard = .random(using: &random) ? Int64(step) : nil
            node.facts.name = [nil, "a", "B"].randomElement(using: &random) ?? nil
            node.facts.site = sites.randomElement(using: &random)
            node.asked = .random(using: &random) ? Int64(step) : nil
            if Bool.random(using: &random) {
                node.facts.told = C2Told("{\"version\":\"\(step % 3)\",\"configuration\":\"\(step % 5)\"}".utf8, at: 1)
            }
            if Bool.random(using: &random) {
                node.facts.join = C2Facts.Join(
                    mode: C2.JoinMode.allCases.randomElement(using: &random) ?? .simple,
                    decision: .random(using: &random) ? .accepted : .refused,
                    observer: Identifier(UInt64.random(in: 1...5, using: &random)), reason: "", grade: nil, at: 1)
            }
            fleet.set(node, at: Int64(step))
            fleet.refresh(at: Int64(step))
        }
        let whole = C2Fleet(Array(fleet.nodes.values), at: 3_000)
        fleet.refresh(at: 3_000)
        #expect(fleet.orders == whole.orders && fleet.vouching == whole.vouching && fleet.vouchers == whole.vouchers)
        #expect(fleet.states.filter { $0.value > 0 } == whole.states.filter { $0.value > 0 })
        #expect(fleet.sites.mapValues(\.nodes) == whole.sites.mapValues(\.nodes))
        #expect(fleet.sites.mapValues(\.versions) == whole.sites.mapValues(\.versions))
        for sort in C2Fleet.Sort.allCases { #expect(fleet.orders[sort]?.keys.count == fleet.count) }
    }

    @Test("a list is filtered by state, role and site, searched by name, site and identity, and sorted")
    func lists() {
        let fleet = C2Fleet(
            [
                C2FleetTests.member(0xDE01_0000_0000_0005) { $0.facts.name = "South" },
                C2FleetTests.member(2) {
                    ($0.facts.name, $0.facts.site, $0.mayObserve) = ("north Gate", "harbour", true)
                },
                C2FleetTests.member(3) { ($0.facts.heard, $0.membership) = (5, .resigned) },
            ], at: 10)
        func found(_ change: (inout C2Fleet.Query) -> Void) -> [UInt64] {
            var query = C2Fleet.Query()
            query.sort = .id
            change(&query)
            let list = fleet.list(query)
            #expect(list.total == list.nodes.count)
            return list.nodes.map(\.id.number)
        }
        #expect(found { $0.search = "GATE" } == [2] && found { $0.search = "harb" } == [2])
        #expect(found { $0.search = "de01 0000" } == [0xDE01_0000_0000_0005])
        #expect(found { $0.search = "0005" } == [0xDE01_0000_0000_0005] && found { $0.search = "nothing" }.isEmpty)
        #expect(found { $0.observers = true } == [2] && found { $0.state = .left } == [3])
        #expect(found { $0.site = "harbour" } == [2] && found { $0.site = "" } == [3, 0xDE01_0000_0000_0005])
        #expect(found { $0.sort = .name } == [2, 0xDE01_0000_0000_0005, 3])
        #expect(found { $0.sort = .heard }.first == 3)
    }

    @Test("an answer to ID_REQUEST is bounded; wrong, missing and unknown fields hide no others")
    func told() {
        let told = C2Told(
            #"{"name":"N\u202e\u0007orth","site":7,"accepted":"x","refused":3,"adapters":[{"name":"hci0","state":"listening"}],"audit":{"n":1},"paused":true,"later":[]}"#
                .utf8, at: 5)
        #expect(told.name == "North" && told.site == nil && told.accepted == nil && told.refused == 3)
        #expect(told.adapters == [C2Told.Adapter(name: "hci0", state: "listening")] && told.paused == true)
        #expect(told.json.contains("\"audit\":{\"n\":1}"))
        let long = C2Told("{\"name\":\"\(String(repeating: "é", count: 60))\"}".utf8, at: 5)
        #expect(long.name?.utf8.count == 64)
        let huge = C2Told(Array(repeating: UInt8(ascii: "x"), count: 100_000), at: 5)
        #expect(huge.json.utf8.count == C2Told.maximumBytes && huge.name == nil)
        let end = C2Told(#"{"certificateExpires":"2027-01-01T00:00:00Z"}"#.utf8, at: 5)
        #expect(end.expires(before: "2027-01-01T00:00:01Z") && !end.expires(before: "2027-01-01T00:00:00Z"))
        #expect(!told.expires(before: "9999-01-01T00:00:00Z"))
    }

    @Test("a value is usual for a site where more than half of its nodes tell it")
    func usual() {
        #expect(C2Fleet.usual(["1": 2, "2": 1]) == "1" && C2Fleet.usual(["1": 2, "2": 2]) == nil)
        #expect(C2Fleet.usual(["1": 1]) == nil && C2Fleet.usual([:]) == nil)
    }
}
