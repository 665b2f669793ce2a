import SRUP
import Testing
import TestVectors

@testable import Bench
@testable import C2Server

@Suite("The console's pages and drawings")
struct ConsolePageTests {
    @Test("anything that a node sends is text on the page and in the drawing")
    func escaping() async {
        let bad = "<script>alert(1)</script>\"'><img src=x>"
        let it = await ConsoleFixture { world in
            world.entries = [
                Shown.message(1, Roles.device, "DATA", token: bad, detail: bad),
                Shown.entry(
                    2, Roles.beacon.id, .evidence, "evidence from x: {\"\(bad.replacing("\"", with: ""))\":\"<b>\"}"),
                Shown.entry(3, nil, .remark, bad),
            ]
        }
        let (cookie, _) = await it.signedIn()
        it.world.change { $0.snapshot.fleet = C2Fleet([Shown.member]) }
        let node = "/nodes/\(Roles.device.id)"
        for path in [
            "/", "/history?node=5f1e2d3c4b5a6978", node, "/diagram.svg", "/history?said=<script>&before=9",
            "/nodes?search=<script>&site=<b>",
        ] {
            let text = await it.get(path, cookie: cookie).text
            #expect(!text.contains("<script>") && !text.contains("<img src=x") && !text.contains("<b>"), "\(path)")
        }
        #expect(await it.get("/history", cookie: cookie).text.contains("&lt;script&gt;alert(1)"))
    }

    @Test("only a signed-in operator sees the value, on the join's page, and not in the list or in JSON")
    func value() async throws {
        let it = await ConsoleFixture { $0.snapshot.joins = [Shown.join] }
        let (cookie, _) = await it.signedIn()
        let list = await it.get("/", cookie: cookie).text
        #expect(list.contains("href=\"/joins/j-1\"") && !list.contains("class=\"value") && !list.contains("/join\""))
        let page = await it.get("/joins/j-1", cookie: cookie).text
        #expect(page.contains("class=\"value words\"") && page.contains("Accept \(Shown.code(Roles.device.id))"))
        #expect(await it.get("/picture.svg?join=j-0&view=colours", cookie: cookie).status == 404)
        it.world.change { $0.snapshot.joins[0].hasValue = false }
        let without = await it.get("/joins/j-1", cookie: cookie).text
        #expect(!without.contains("value=\"accept\"") && without.contains("value=\"refuse\""))
    }

    @Test("the right to observe is shown, with a button for the opposite")
    func observers() async {
        let it = await ConsoleFixture { $0.snapshot.fleet = C2Fleet([Shown.member]) }
        let (cookie, _) = await it.signedIn()
        let path = "/nodes/\(Roles.device.id)"
        let no = await it.get(path, cookie: cookie).text
        #expect(no.contains("<span id=\"may-observe\">no</span>"))
        #expect(no.contains("value=\"let-observe\"") && !no.contains("value=\"stop-observing\""))
        it.world.change { world in
            var node = Shown.member
            (node.mayObserve, node.membership) = (true, .observer)
            world.snapshot.fleet = C2Fleet([node])
        }
        let yes = await it.get(path, cookie: cookie).text
        #expect(yes.contains("<span id=\"may-observe\">yes</span>"))
        #expect(!yes.contains("value=\"let-observe\"") && yes.contains("value=\"stop-observing\""))
    }

    @Test("the history has pages, and can be limited to one node")
    func history() async {
        let it = await ConsoleFixture { world in
            world.entries = (1...60).map {
                Shown.entry($0, $0 % 2 == 0 ? Roles.device.id : Roles.beacon.id, .remark, "entry <\($0)>")
            }
        }
        let (cookie, _) = await it.signedIn()
        let newest = await it.get("/history", cookie: cookie).text
        #expect(newest.contains("entry &lt;60&gt;") && newest.contains("entry &lt;36&gt;"))
        #expect(!newest.contains("entry &lt;35&gt;") && newest.contains("/history?before=36\""))
        let oldest = await it.get("/history?before=11", cookie: cookie).text
        #expect(oldest.contains("entry &lt;1&gt;") && !oldest.contains("before=1\"") && oldest.contains(">Newest<"))
        #expect(!oldest.contains("part-history"))
        let ofDevice = await it.get("/history?node=\(Roles.device.id)", cookie: cookie).text
        #expect(ofDevice.contains("entry &lt;60&gt;") && !ofDevice.contains("entry &lt;59&gt;"))
    }

    @Test("the drawing of one join has its messages and no others")
    func oneJoin() async {
        let it = await ConsoleFixture { world in
            world.entries = [
                Shown.message(1, Roles.device, "OBS_JOIN_REQ", token: "T1", detail: "observer x"),
                Shown.message(2, Roles.device, "OBS_JOIN_RESP", token: "T2"),
                Shown.message(3, Roles.beacon, "OBSERVE_REQ", token: "T3", detail: "joining \(Roles.device.id)"),
                Shown.message(4, Roles.beacon, "PAUSE", token: "T4"),
                Shown.message(5, Roles.beacon, "VERDICT", token: "T3"),
                Shown.message(6, Roles.device, "ANSWER", token: "T2"),
                Shown.entry(7, Roles.device.id, .decision, "accepted"),
                Shown.message(8, Roles.device, "LATER", token: "T9"),
            ]
        }
        let (cookie, _) = await it.signedIn()
        let file = await it.get("/diagram.svg?join=1", cookie: cookie)
        for name in ["OBS_JOIN_REQ", "OBS_JOIN_RESP", "OBSERVE_REQ", "VERDICT", "ANSWER"] {
            #expect(file.text.contains(">\(name) "), "\(name)")
        }
        #expect(!file.text.contains("PAUSE") && !file.text.contains("LATER"))
        #expect(file["content-disposition"] == "attachment; filename=\"join-\(Roles.device.id)-1.svg\"")
        let all = await it.get("/diagram.svg", cookie: cookie)
        #expect(all.text.contains("PAUSE") && all.text.contains("LATER"))
        let ofBeacon = await it.get("/diagram.svg?node=\(Roles.beacon.id)", cookie: cookie)
        #expect(ofBeacon.text.contains("PAUSE") && !ofBeacon.text.contains("LATER"))
    }

    @Test("a snapshot has the open joins and no value, and each request is its own join")
    func snapshot() {
        var it = ServerFixture()
        it.withOpenJoin()
        it.hears(Roles.device.says(.humanJoinRequest, 3, "T9"))
        func look() -> C2Snapshot {
            it.c2.snapshot(at: .seconds(30), hasValue: { _ in true })
        }
        let first = look()
        #expect(it.c2.membership(of: Roles.beacon.id) == .observer && it.c2.membership(of: Roles.device.id) == .known)
        #expect(first.joins.map(\.joinMode) == [.human, .observed] && first.joins.map(\.secondsLeft) == [570, 150])
        // T2 is the token in the device's answer; T3 is different each time an observer is asked.
        #expect(first.joins[1].id == "new-1")
        #expect(it.c2.device(ofJoin: first.joins[0].id) == Roles.device.id)
        it.hears(Roles.device.says(.humanJoinRequest, 30, "T10"))
        #expect(it.c2.device(ofJoin: first.joins[0].id) == nil)
        #expect(look().joins[0].id != first.joins[0].id)
        #expect(!String(reflecting: first).contains("000102030405"))
    }
}
