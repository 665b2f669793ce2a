import Bench
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("The console as a view of many nodes")
struct ConsoleFleetTests {
    /// 10,000 nodes at 40 sites; every tenth is a beacon that vouched for nine others.
    static let large: C2Fleet = {
        let nodes = (0..<10_000).map { number in
            var node = C2Fleet.Node(Identifier(0xDE01_0000_0000_0000 + UInt64(number)))
            node.membership = number % 10 == 0 ? .observer : .joined
            node.mayObserve = number % 10 == 0
            node.facts.heard = Shown.wall - Int64(number) * 1_000
            node.facts.name = "North <gate> \(number)"
            node.facts.site = "site <\(number % 40)>"
            node.facts.told = C2Told(
                #"{"name":"x","adapters":[{"name":"hci0","state":"listening"}],"accepted":12,"refused":3,"open":0,"observing":true,"paused":false,"version":"0.1.\#(number % 7 == 0 ? 0 : 1)","configuration":"0123456789abcdef","certificateExpires":"2026-11-26T00:00:00Z"}"#
                    .utf8, at: Shown.wall)
            if number % 10 != 0 {
                node.facts.join = C2Facts.Join(
                    mode: .observed, decision: number % 3 == 0 ? .refused : .accepted,
                    observer: Identifier(0xDE01_0000_0000_0000 + UInt64(number / 10 * 10)),
                    reason: "the verdict of de01000000000000: observed join <valid>", grade: .keyed, at: Shown.wall)
            }
            node.asked = number % 4 == 0 ? Shown.wall - 60_000 : nil
            return node
        }
        return C2Fleet(nodes, at: Shown.wall)
    }()

    static func join(_ number: UInt64, isHuman: Bool) -> C2Snapshot.Join {
        C2Snapshot.Join(
            id: "j-\(number)", device: Identifier(0xDE01_0000_0000_0001 + number),
            joinMode: isHuman ? .human : .observed, observer: isHuman ? nil : Roles.beacon.id,
            secondsLeft: Int64(number), hasValue: isHuman)
    }

    static func crowded() async -> ConsoleFixture {
        await ConsoleFixture { world in
            world.snapshot.fleet = large
            world.snapshot.joins = (0..<1_000).map { join(UInt64($0), isHuman: $0 % 2 == 0) }
            // Entries as long as the store may have them, of characters that become longer in a page.
            world.entries = (1...300).map {
                Shown.message($0, Roles.device, "DATA", token: "T", detail: String(repeating: "<", count: 2_000))
            }
        }
    }

    @Test(
        "no page is longer than 100 kB with 10,000 nodes, 1,000 open joins and long entries, and it has few tab stops")
    func bytes() async {
        let it = await ConsoleFleetTests.crowded()
        let (cookie, _) = await it.signedIn()
        for path in [
            "/", "/joins/j-0", "/nodes", "/nodes?page=200&sort=name", "/nodes?search=gate", "/nodes?state=silent",
            "/nodes/de01000000000001", "/map", "/map?page=20", "/history", "/history?before=100",
            "/history?kind=decision",
        ] {
            let page = await it.get(path, cookie: cookie)
            #expect(page.status == 200, "\(path)")
            #expect(page.text.utf8.count <= 100_000, "\(path): \(page.text.utf8.count)")
            let stops = page.text.matches(of: /<(a href|a class="[^"]*" href|button|input|select|summary)/).count
            #expect(stops - page.text.matches(of: /type="hidden"/).count <= 120, "\(path): \(stops)")
        }
    }

    @Test("a page of the list reads its own nodes, and no others; a search reads each node once")
    func work() {
        var query = C2Fleet.Query()
        for (page, sort) in [(0, C2Fleet.Sort.state), (7, .name), (199, .heard), (200, .id), (99_999, .site)] {
            (query.page, query.sort) = (page, sort)
            #expect(ConsoleFleetTests.large.list(query).read <= C2Fleet.pageLength)
        }
        query.search = "gate 77"
        #expect(ConsoleFleetTests.large.list(query).read == 10_000)
    }

    @Test("a name comes from the operator, with the identity in groups; a device's own is quoted as its claim")
    func names() async {
        let it = await ConsoleFixture { world in
            var node = Shown.member
            node.facts.told = C2Told(#"{"name":"Fake gate","observing":true}"#.utf8, at: 1)
            world.snapshot.fleet = C2Fleet([node])
        }
        let (cookie, token) = await it.signedIn()
        let id = Roles.device.id
        let list = await it.get("/nodes", cookie: cookie).text
        #expect(list.contains("calls itself “Fake gate”") && !list.contains("<strong>Fake gate"))
        #expect(list.contains("<span>5f1e</span><span>2d3c</span><span>4b5a</span><b class=\"end\">6978</b>"))
        let form = "token=\(token)&node=\(id)&order="
        #expect(await it.post("/order", form + "name&text=North+%C3%A9", cookie: cookie).status == 303)
        #expect(await it.post("/order", form + "site&text=", cookie: cookie).status == 303)
        let long = String(repeating: "x", count: 65)
        #expect(await it.post("/order", form + "name&text=\(long)", cookie: cookie).status == 400)
        #expect(await it.post("/order", form + "name&text=a%07", cookie: cookie).status == 400)
        #expect(it.world.now(\.orders) == [.name(id, "North é"), .site(id, "")])
        it.world.change { world in
            guard var node = world.snapshot.fleet[id] else { return }
            node.facts.name = "North <é>"
            world.snapshot.fleet.set(node, at: 0)
        }
        let named = await it.get("/nodes", cookie: cookie).text
        #expect(named.contains("<strong>North &lt;é&gt;</strong>") && !named.contains("Fake gate"))
        #expect(await it.get("/nodes/\(id)", cookie: cookie).text.contains("“Fake gate”"))
    }

    @Test("an expiring certificate, another version and another configuration than the site's catch the eye")
    func warnings() async {
        let it = await ConsoleFixture { world in
            world.snapshot.fleet = C2Fleet(
                (1...4).map { (number: UInt64) in
                    var node = C2Fleet.Node(Identifier(number))
                    (node.membership, node.mayObserve) = (.observer, true)
                    let isOdd = number == 4
                    node.facts.told = C2Told(
                        "{\"version\":\"\(isOdd ? 2 : 1)\",\"configuration\":\"\(isOdd ? "b" : "a")\",\"certificateExpires\":\"\(isOdd ? "2026-11-28" : "2027-11-28")T00:00:00Z\"}"
                            .utf8, at: 1)
                    return node
                })
        }
        let (cookie, _) = await it.signedIn()
        for path in ["/nodes", "/nodes/0000000000000004"] {
            let page = await it.get(path, cookie: cookie).text
            for words in [
                "certificate expires on 2026-11-28", "version 2, its site has 1", "another configuration than its site",
            ] { #expect(page.ranges(of: words).count == 1, "\(path): \(words)") }
        }
        let other = await it.get("/nodes/0000000000000003", cookie: cookie).text
        #expect(!other.contains("class=\"warn\""))
    }

    @Test("the page Now counts what needs the operator, each as a link, and says when nothing does")
    func tiles() async {
        let it = await ConsoleFixture()
        let (cookie, _) = await it.signedIn()
        #expect(await it.get("/", cookie: cookie).text.contains("Nothing needs you."))
        it.world.change { $0.snapshot.fleet = ConsoleFleetTests.large }
        it.world.change { $0.snapshot.joins = [Shown.join] }
        let page = await it.get("/", cookie: cookie).text
        #expect(page.contains("href=\"/nodes?state=silent\"><strong>2500</strong> silent"))
        #expect(page.contains("<strong>1</strong> join waits for you") && !page.contains("Nothing needs you"))
        it.world.change { $0.snapshot.hasBroker = false }
        #expect(await it.get("/", cookie: cookie).text.contains("The server has lost its broker"))
    }

    @Test("the map has every device up to sixty, and sums above, with the same as a table; it says what it is not")
    func map() async {
        let it = await ConsoleFixture { world in
            var beacon = C2Fleet.Node(Roles.beacon.id)
            beacon.facts.name = "Gate"
            var (good, bad) = (Shown.member, C2Fleet.Node(Roles.stranger.id))
            func join(_ mode: C2.JoinMode, _ decision: C2.Decision) -> C2Facts.Join {
                C2Facts.Join(
                    mode: mode, decision: decision, observer: mode == .observed ? Roles.beacon.id : nil, reason: "x",
                    grade: nil, at: 1)
            }
            good.facts.join = join(.observed, .accepted)
            bad.facts.join = join(.human, .refused)
            world.snapshot.fleet = C2Fleet([beacon, good, bad])
        }
        let (cookie, _) = await it.signedIn()
        let page = await it.get("/map", cookie: cookie).text
        #expect(page.contains("It does not show where things are."))
        #expect(page.ranges(of: "<line class=\"observed\"").count == 1)
        #expect(page.ranges(of: "<line class=\"other negative\"").count == 1)
        #expect(page.contains("The same as a table") && page.contains("<strong>Gate</strong>"))
        it.world.change { $0.snapshot.fleet = ConsoleFleetTests.large }
        let many = await it.get("/map", cookie: cookie).text
        #expect(many.contains("9 devices: 6 accepted, 3 not") && many.contains("page=2"))
        #expect(many.ranges(of: "<rect").count == 2 * ConsolePage.mostVouchers)
    }

    @Test("a node's page offers only the orders that apply, and shows each order with its answer or that there is none")
    func orders() async {
        var node = Shown.member
        (node.mayObserve, node.membership) = (true, .observer)
        node.facts.told = C2Told(#"{"observing":false,"paused":true}"#.utf8, at: 1)
        let token = Roles.token("t")
        node.orders = [
            C2Fleet.OrderRecord(what: "pause", token: token, ordered: Shown.wall - 90_000),
            C2Fleet.OrderRecord(what: "resume", token: token, ordered: Shown.wall - 31_000),
            C2Fleet.OrderRecord(what: "identify", token: token, ordered: Shown.wall - 1_000),
        ]
        (node.orders[0].sent, node.orders[0].answered) = (Shown.wall - 89_000, Shown.wall - 88_000)
        node.orders[0].answer = "action success"
        let fleet = C2Fleet([node], at: Shown.wall)
        let it = await ConsoleFixture { $0.snapshot.fleet = fleet }
        let (cookie, _) = await it.signedIn()
        let page = await it.get("/nodes/\(node.id)", cookie: cookie).text
        for word in ["resume", "identity", "restart-radio", "stop-observing", "terminate", "update", "name", "site"] {
            #expect(page.contains("name=\"order\" value=\"\(word)\""), "\(word)")
        }
        for word in ["pause", "let-observe", "join"] {
            #expect(!page.contains("name=\"order\" value=\"\(word)\""), "\(word)")
        }
        #expect(page.contains("<strong>answered</strong>") && page.contains("action success"))
        #expect(
            page.ranges(of: "no answer</strong>").count == 1 && page.ranges(of: "waiting for the answer").count == 1)
        #expect(await it.get("/nodes/0000000000000009", cookie: cookie).status == 404)
    }

    @Test("a part of a page is fetched by itself, and a change names kinds and nodes, of many none")
    func parts() async {
        let it = await ConsoleFixture { $0.snapshot.fleet = ConsoleFleetTests.large }
        let (cookie, _) = await it.signedIn()
        let part = await it.get("/nodes?part=rows", cookie: cookie).text
        #expect(part.hasPrefix("<div id=\"part-rows\" data-live=\"count\" data-kinds=\"nodes\">"))
        #expect(!part.contains("<html") && !part.contains("<form"))
        #expect(await it.get("/nodes?part=nothing", cookie: cookie).status == 404)
        var change = ConsoleChange(kinds: [.nodes], nodes: [Identifier(1)])
        change.form(ConsoleChange(kinds: [.joins]))
        change.form(ConsoleChange(kinds: [.nodes], nodes: [Identifier(2)]))
        #expect(
            change.json(hasBroker: false)
                == "{\"broker\":false,\"kinds\":[\"joins\",\"nodes\"],\"nodes\":[\"0000000000000001\",\"0000000000000002\"]}"
        )
        change.form(ConsoleChange(kinds: [.nodes]))
        change.form(ConsoleChange(kinds: [.nodes], nodes: [Identifier(3)]))
        #expect(change.nodes.isEmpty && change.kinds.contains(.nodes))
        var many = ConsoleChange(kinds: [.nodes], nodes: Set((1...20).map { Identifier($0) }))
        many.form(ConsoleChange(kinds: [.nodes], nodes: Set((21...40).map { Identifier($0) })))
        #expect(many.nodes.isEmpty)
    }
}
