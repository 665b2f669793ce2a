import Foundation
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("The console with hostile text, and its times")
struct ConsoleSizeTests {
    /// Text that is six times as long in a page.
    private static let hostile = String(repeating: "\"", count: 64)

    @Test(
        "names, sites, claims and reasons of characters that a page escapes, at the greatest length, make no page longer"
    )
    func escapes() async {
        let json =
            "{"
            + ["name", "site", "position", "product", "version", "configuration"]
            .map { "\"\($0)\":\"\(String(repeating: #"\""#, count: 64))\"" }.joined(separator: ",")
            + ",\"adapters\":["
            + (0..<16).map { _ in
                "{\"name\":\"\(String(repeating: #"\""#, count: 32))\",\"state\":\"\(String(repeating: #"\""#, count: 32))\"}"
            }.joined(separator: ",") + "]}"
        let nodes = (0..<500).map { number in
            var node = C2Fleet.Node(Identifier(0xDE01_0000_0000_0000 + UInt64(number)))
            (node.membership, node.mayObserve) = (.observer, true)
            (node.facts.name, node.facts.told) = (ConsoleSizeTests.hostile, C2Told(json.utf8, at: Shown.wall))
            node.facts.site = "\(number)" + ConsoleSizeTests.hostile.dropFirst(3)
            node.facts.join = C2Facts.Join(
                mode: .observed, decision: .refused, observer: Identifier(0xDE01_0000_0000_0000 + UInt64(number / 3)),
                reason: String(repeating: "e\u{301}\"", count: 5_000), grade: .keyed, at: Shown.wall)
            node.orders = (0..<8).map { _ in
                var order = C2Fleet.OrderRecord(what: "identify", token: Roles.token("t"), ordered: 1)
                (order.answered, order.answer) = (2, ConsoleSizeTests.hostile)
                return order
            }
            return node
        }
        let it = await ConsoleFixture { world in
            world.snapshot.fleet = C2Fleet(nodes, at: Shown.wall)
            world.snapshot.joins = (0..<1_000).map { ConsoleFleetTests.join(UInt64($0), isHuman: $0 % 2 == 0) }
            world.entries = (1...300).map { _ in
                var entry = C2Entry.told(.decision, nodes[0].id, String(repeating: "\"", count: 20_000))
                entry.reason = String(repeating: "\u{301}", count: 20_000)
                return entry
            }
            for place in world.entries.indices { world.entries[place].id = Int64(place + 1) }
            world.snapshot.fleet.decisions = world.entries.suffix(C2Fleet.mostDecisions)
        }
        let (cookie, _) = await it.signedIn()
        for path in [
            "/", "/joins/j-0", "/nodes", "/nodes?nosite=1", "/nodes?search=%22", "/nodes/de01000000000000", "/map",
            "/map?page=3", "/history", "/history?kind=decision",
        ] {
            let page = await it.get(path, cookie: cookie)
            #expect(page.status == 200, "\(path)")
            #expect(page.text.utf8.count <= 100_000, "\(path): \(page.text.utf8.count)")
        }
    }

    @Test("nodes without a site are found by a field of their own, which no browser changes")
    func withoutSite() async {
        let it = await ConsoleFixture { world in
            var other = C2Fleet.Node(Roles.beacon.id)
            other.facts.site = "harbour"
            world.snapshot.fleet = C2Fleet([Shown.member, other])
        }
        let (cookie, _) = await it.signedIn()
        let page = await it.get("/nodes?search=&state=&role=&site=&nosite=1&sort=state", cookie: cookie).text
        #expect(page.contains("node-\(Roles.device.id)") && !page.contains("node-\(Roles.beacon.id)"))
        #expect(page.contains("value=\"1\" checked"))
        guard let form = ConsoleForm("nosite=1".utf8) else { return }
        var query = ConsoleNodesQuery(form)
        #expect(query.address(page: 1).text == "/nodes?nosite=1&amp;page=2")
        query.list.site = nil
        #expect(query.address(page: 0).text == "/nodes")
    }

    @Test("a staged update that is under way or has stopped is on the page Now, with the nodes that have failed")
    func staged() async {
        let it = await ConsoleFixture { world in
            world.snapshot.staged = C2Snapshot.Staged(
                url: "https://example/file", phase: .stopped, stage: 1, stages: 3, nodes: 9, updated: 1, underWay: 0,
                failures: [.init(node: Roles.device.id, reason: "<digest>")], text: "stage 1 of 3: stopped")
        }
        let (cookie, _) = await it.signedIn()
        let page = await it.get("/", cookie: cookie).text
        #expect(page.contains("href=\"#staged-heading\"><strong>1</strong> staged update has stopped"))
        #expect(page.contains("stage 1 of 3: stopped") && page.contains("&lt;digest&gt;"))
        it.world.change { $0.snapshot.staged?.phase = .finished }
        #expect(!(await it.get("/", cookie: cookie).text.contains("staged-heading")))
    }

    @Test("a polled page learns whether the server has its broker")
    func broker() async {
        let it = await ConsoleFixture()
        let (cookie, _) = await it.signedIn()
        #expect(await it.get("/?part=nav", cookie: cookie).text.contains("data-broker=\"true\""))
        it.world.change { $0.snapshot.hasBroker = false }
        #expect(await it.get("/map?part=nav", cookie: cookie).text.contains("data-broker=\"false\""))
    }

    /// Run by hand: `SRUP_MEASURE_CONSOLE=1`, with a release build for figures that count.
    @Test(
        "the time that each page takes with 10,000 nodes, and a copy of the fleet",
        .enabled(if: ProcessInfo.processInfo.environment["SRUP_MEASURE_CONSOLE"] != nil))
    func times() async {
        let it = await ConsoleFleetTests.crowded()
        let (cookie, _) = await it.signedIn()
        let clock = ContinuousClock()
        func milliseconds(_ time: Duration) -> String { "\((time / .milliseconds(1) * 10).rounded() / 10) ms" }
        for path in [
            "/", "/joins/j-0", "/nodes", "/nodes?page=200&sort=name", "/nodes?search=gate", "/nodes?state=silent",
            "/nodes/de01000000000001", "/map", "/map?page=20", "/history", "/history?kind=decision",
        ] {
            var times: [Duration] = []
            for _ in 0..<5 { times.append(await clock.measure { _ = await it.get(path, cookie: cookie) }) }
            times.sort()
            print("console: \(path): median \(milliseconds(times[2])), greatest \(milliseconds(times[4]))")
        }
        var fleet = ConsoleFleetTests.large
        for round in 1...3 {
            let copy = fleet
            guard var node = fleet[Identifier(0xDE01_0000_0000_0001)] else { return }
            node.facts.heard = Shown.wall + Int64(round)
            let first = clock.measure { fleet.set(node, at: Shown.wall) }
            node.facts.heard = Shown.wall + Int64(round) + 10
            let second = clock.measure { fleet.set(node, at: Shown.wall) }
            print(
                "fleet: a change while a page has a copy \(milliseconds(first)), without \(milliseconds(second)), \(copy.count)"
            )
        }
    }
}
