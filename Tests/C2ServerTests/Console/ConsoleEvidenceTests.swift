import SRUP
import Testing
import TestVectors

@testable import C2Server

@Suite("The required evidence at the console")
struct ConsoleEvidenceTests {
    private static let observed = C2Snapshot.Join(
        id: "j-3", device: Roles.device.id, joinMode: .observed, observer: Roles.beacon.id,
        votes: C2Snapshot.Votes(
            site: "gate <1>", asked: 3, needed: 2, seen: [Roles.beacon.id], unseen: [Roles.stranger.id]),
        secondsLeft: 90, hasValue: false)

    @Test("the required grade is shown, with a button for each other grade", arguments: C2.Grade.allCases)
    func shown(grade: C2.Grade) async {
        let it = await ConsoleFixture { $0.snapshot.requires = grade }
        let (cookie, _) = await it.signedIn()
        let page = await it.get("/", cookie: cookie).text
        #expect(page.contains("Required grade of evidence: <strong>\(grade.rawValue)</strong>."))
        for other in C2.Grade.allCases {
            #expect(page.contains("name=\"require\" value=\"\(other.rawValue)\"") == (other != grade), "\(other)")
        }
    }

    @Test("a higher grade applies at once, a lower one only after a confirmation")
    func setting() async {
        let it = await ConsoleFixture { $0.snapshot.requires = .challenged }
        let (cookie, token) = await it.signedIn()
        let more = await it.post("/require", "token=\(token)&require=keyed", cookie: cookie)
        #expect(more.status == 303 && it.world.now(\.orders) == [.require(.keyed)])
        let asked = await it.post("/require", "token=\(token)&require=reachable", cookie: cookie)
        #expect(asked.status == 200 && asked.text.contains("Require less") && it.world.now(\.orders).count == 1)
        #expect(asked.text.contains("name=\"confirmed\" value=\"yes\""))
        let less = await it.post("/require", "token=\(token)&require=reachable&confirmed=yes", cookie: cookie)
        #expect(less.status == 303 && it.world.now(\.orders) == [.require(.keyed), .require(.reachable)])
    }

    @Test("the attack: a form of another session, page or no session, or with an unknown grade, changes nothing")
    func refused() async {
        let it = await ConsoleFixture()
        let (cookie, token) = await it.signedIn()
        let (otherCookie, _) = await it.signedIn()
        let form = "require=keyed&confirmed=yes"
        #expect(await it.post("/require", "token=\(token)&\(form)", cookie: otherCookie).status == 403)
        #expect(await it.post("/require", form, cookie: cookie).status == 403)
        #expect(await it.post("/require", "token=\(token)&\(form)").status == 403)
        let foreign = await it.post("/require", "token=\(token)&\(form)", cookie: cookie, origin: "http://evil.example")
        #expect(foreign.status == 403)
        for bad in ["", "&require=", "&require=sworn", "&require=keyed%20"] {
            #expect(await it.post("/require", "token=\(token)\(bad)", cookie: cookie).status == 400, "\(bad)")
        }
        #expect(it.world.now(\.orders).isEmpty)
    }

    @Test("sites are shown with their beacons and their quorum, and without sites there is no table")
    func sites() async {
        let it = await ConsoleFixture()
        let (cookie, _) = await it.signedIn()
        #expect(await !it.get("/nodes", cookie: cookie).text.contains("id=\"quorums\""))
        it.world.change {
            $0.snapshot.sites = [
                C2Snapshot.Site(
                    name: "gate <1>", quorum: 2,
                    beacons: [
                        C2Snapshot.Beacon(id: Roles.beacon.id, mayObserve: true, isAsked: true),
                        C2Snapshot.Beacon(id: Roles.device.id, mayObserve: true, isAsked: false),
                        C2Snapshot.Beacon(id: Roles.stranger.id, mayObserve: false, isAsked: false),
                    ])
            ]
        }
        let page = await it.get("/nodes", cookie: cookie).text
        #expect(page.contains("<th scope=\"row\">gate &lt;1&gt;</th>") && page.contains("2 of 3, by keyed proofs"))
        #expect(page.contains("\(Shown.code(Roles.beacon.id))</a> </li>"))
        #expect(page.contains("\(Shown.code(Roles.device.id))</a> is not asked: it has not joined"))
        #expect(page.contains("\(Shown.code(Roles.stranger.id))</a> is not asked: it may not observe"))
    }

    @Test("an open join at a site shows the votes so far, in the list and on its page")
    func votes() async {
        let it = await ConsoleFixture { $0.snapshot.joins = [ConsoleEvidenceTests.observed] }
        let (cookie, _) = await it.signedIn()
        for path in ["/", "/joins/j-3"] {
            let page = await it.get(path, cookie: cookie).text
            #expect(page.contains("Site gate &lt;1&gt;: 1 of 3 beacons have seen it, 2 must."), "\(path)")
            #expect(page.contains("Seen by: \(Shown.code(Roles.beacon.id))."), "\(path)")
            #expect(page.contains("Not seen by: \(Shown.code(Roles.stranger.id))."), "\(path)")
        }
        // An open page changes with each answer.
        #expect(await it.get("/joins/j-3", cookie: cookie).text.contains("data-state=\"open, 2 answers\""))
        it.world.change { $0.snapshot.joins[0].votes = nil }
        #expect(await it.get("/joins/j-3", cookie: cookie).text.contains("Its observer decides."))
    }

    @Test(
        "a finished join shows the grade of its evidence and the reason, in the list, on its page and in the history")
    func ended() async {
        let reason = "the verdict of x: the evidence is reachable, but keyed is required"
        let it = await ConsoleFixture { world in
            world.snapshot.ended = [
                C2Snapshot.Ended(
                    id: "j-4", device: Roles.device.id, joinMode: .observed, observer: Roles.beacon.id, secondsLeft: 9,
                    secondsAgo: 1, decision: .refused, reason: reason, grade: .reachable)
            ]
            var entry = Shown.entry(1, Roles.device.id, .decision, "observed join: refused")
            (entry.grade, entry.reason) = (.reachable, "because <it>")
            world.entries = [entry]
        }
        let (cookie, _) = await it.signedIn()
        let badge = "<span class=\"badge\">reachable</span>"
        let list = await it.get("/", cookie: cookie).text
        #expect(list.contains("<strong>refused</strong> \(badge): \(reason)."))
        #expect(await it.get("/history", cookie: cookie).text.contains("<p>\(badge) because &lt;it&gt;</p>"))
        let page = await it.get("/joins/j-4", cookie: cookie).text
        #expect(page.contains("The evidence: \(badge)") && page.contains(reason))
    }
}
