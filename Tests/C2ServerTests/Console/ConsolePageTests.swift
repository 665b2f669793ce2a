import FoundationEssentials
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
        for path in ["/", "/?node=5f1e2d3c4b5a6978", "/diagram.svg", "/?said=<script>&before=9"] {
            let text = await it.get(path, cookie: cookie).text
            #expect(!text.contains("<script>") && !text.contains("<img src=x") && !text.contains("<b>"), "\(path)")
        }
        #expect(await it.get("/", cookie: cookie).text.contains("&lt;script&gt;alert(1)"))
    }

    @Test("only a signed-in operator sees the value, on the join's page, and not in the list or in JSON")
    func value() async throws {
        let it = await ConsoleFixture { $0.snapshot.joins = [Shown.join] }
        let (cookie, _) = await it.signedIn()
        let list = await it.get("/", cookie: cookie).text
        #expect(list.contains("href=\"/joins/j-1\"") && !list.contains("class=\"value") && !list.contains("/join\""))
        let page = await it.get("/joins/j-1", cookie: cookie).text
        #expect(page.contains("class=\"value words\"") && page.contains("Accept <code>\(Roles.device.id)</code>"))
        #expect(await it.get("/picture.svg?join=j-0&view=colours", cookie: cookie).status == 404)
        it.world.change { $0.snapshot.joins[0].hasValue = false }
        let without = await it.get("/joins/j-1", cookie: cookie).text
        #expect(!without.contains("value=\"accept\"") && without.contains("value=\"refuse\""))
    }

    @Test("the right to observe is shown, with a button for the opposite")
    func observers() async {
        let it = await ConsoleFixture { $0.snapshot.nodes = [Shown.member] }
        let (cookie, _) = await it.signedIn()
        let no = await it.get("/", cookie: cookie).text
        #expect(no.contains("<td data-name=\"May observe\">no</td>"))
        #expect(no.contains("value=\"let-observe\"") && !no.contains("value=\"stop-observing\""))
        it.world.change { $0.snapshot.nodes[0].mayObserve = true }
        let yes = await it.get("/", cookie: cookie).text
        #expect(yes.contains("<td data-name=\"May observe\">yes</td>"))
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
        let newest = await it.get("/", cookie: cookie).text
        #expect(newest.contains("entry &lt;60&gt;") && newest.contains("entry &lt;36&gt;"))
        #expect(!newest.contains("entry &lt;35&gt;") && newest.contains("/?before=36#"))
        let oldest = await it.get("/?before=11", cookie: cookie).text
        #expect(oldest.contains("entry &lt;1&gt;") && !oldest.contains("before=1#") && oldest.contains(">Newest<"))
        #expect(!oldest.contains("data-live=\"history\""))
        let ofDevice = await it.get("/?node=\(Roles.device.id)", cookie: cookie).text
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

    @Test("a snapshot has the nodes' membership states and the open joins, and each request is its own join")
    func snapshot() throws {
        var it = ServerFixture()
        it.withOpenJoin()
        it.hears(Roles.device.says(.humanJoinRequest, 3, "T9"))
        func look() -> C2Snapshot {
            it.c2.snapshot(
                knowing: [Roles.device.id, Roles.beacon.id, Roles.c2.id], heard: [Roles.beacon.id: 5],
                at: .seconds(30),
                hasValue: { _ in true })
        }
        let first = look()
        #expect(first.nodes.map(\.id) == [Roles.beacon.id, Roles.device.id].sorted { $0.number < $1.number })
        #expect(first.nodes.first { $0.id == Roles.beacon.id }?.membership == .observer)
        #expect(first.nodes.first { $0.id == Roles.device.id }?.membership == .known)
        #expect(first.joins.map(\.joinMode) == [.human, .observed] && first.joins.map(\.secondsLeft) == [570, 150])
        // T2 is the token in the device's answer; T3 is different each time an observer is asked.
        #expect(first.joins[1].id == "new-1")
        #expect(it.c2.device(ofJoin: first.joins[0].id) == Roles.device.id)
        it.hears(Roles.device.says(.humanJoinRequest, 30, "T10"))
        #expect(it.c2.device(ofJoin: first.joins[0].id) == nil)
        #expect(look().joins[0].id != first.joins[0].id)
        let json = String(decoding: try JSONEncoder().encode(first), as: UTF8.self)
        #expect(!json.contains("000102030405") && !json.contains("value\":\""))
    }
}
