import BootTime
import HumanView
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("Deciding at the console")
struct ConsoleDecisionTests {
    private static let second = C2Snapshot.Join(
        id: "j-2", device: Roles.beacon.id, joinMode: .human, observer: nil, secondsLeft: 95, hasValue: true)

    private func twoJoins() async -> ConsoleFixture {
        await ConsoleFixture { $0.snapshot.joins = [Shown.join, ConsoleDecisionTests.second] }
    }

    @Test(
        "The attack: the second click of a double click accepts nothing, whatever page it meets",
        arguments: [120, 200, 350] as [Int64])
    func doubleClick(gap: Int64) async {
        let it = await twoJoins()
        let (cookie, _) = await it.signedIn()
        let first = await it.form(cookie: cookie) + "&decision=accept&" + ConsoleFixture.typed
        it.world.change { $0.now += ConsolePolicy.minimumLook }
        let answer = await it.post("/join", first, cookie: cookie)
        #expect(answer.status == 303 && answer["location"] == "/joins/j-1")
        it.world.change { $0.now += .milliseconds(gap) }
        // The same form: the browser may send it twice.
        let again = await it.post("/join", first, cookie: cookie)
        #expect(again.status == 303 && again["location"] == "/joins/j-1")
        // Another join's form, as if that were under the pointer, and even with the right words.
        let other = await it.form("j-2", cookie: cookie)
        it.world.change { $0.now += .milliseconds(gap) }
        let early = await it.post("/join", "\(other)&decision=accept&\(ConsoleFixture.typed)", cookie: cookie)
        #expect(
            early.status == 409
                && early.text.contains("less than 1.5 seconds. Compare the values first. Nothing was done."))
        #expect(it.world.now(\.decided) == ["j-1 true"])
        // The list has no buttons that decide; a join that has ended stays listed, and cannot be decided.
        let list = await it.get("/", cookie: cookie).text
        #expect(!list.contains("name=\"decision\"") && list.contains("class=\"join over accepted\""))
        let places = ["join-j-1", "join-j-2"].compactMap { list.firstRange(of: $0)?.lowerBound }
        #expect(places.count == 2 && places[0] < places[1])
    }

    @Test("A join that is over leaves the list after 30 s")
    func place() async {
        let it = await twoJoins()
        let (cookie, _) = await it.signedIn()
        #expect(await it.decide("refuse", cookie: cookie).status == 303)
        it.world.change { $0.snapshot.ended[0].secondsAgo = 29 }
        #expect(await it.get("/", cookie: cookie).text.contains("id=\"join-j-1\""))
        it.world.change { $0.snapshot.ended[0].secondsAgo = 30 }
        let later = await it.get("/", cookie: cookie).text
        #expect(!later.contains("id=\"join-j-1\""))
    }

    @Test("Each decision is answered with the page of the same join: the result, and how to undo it")
    func result() async {
        let it = await twoJoins()
        let (cookie, token) = await it.signedIn()
        let accepted = await it.decide("accept", cookie: cookie)
        it.world.change { $0.snapshot.fleet = C2Fleet([Shown.member]) }
        let page = await it.get(accepted["location"], cookie: cookie).text
        #expect(page.contains("Accepted: device \(Shown.code(Roles.device.id)) is a member now."))
        #expect(page.contains("a person has &lt;b&gt;compared&lt;/b&gt;"))
        #expect(page.contains("Undo: end membership") && !page.contains("name=\"decision\""))
        let undo = "token=\(token)&node=\(Roles.device.id)&order=terminate"
        #expect(await it.post("/order", undo, cookie: cookie).text.contains("End membership"))
        #expect(it.world.now(\.orders).isEmpty)
        #expect(await it.post("/order", undo + "&confirmed=yes", cookie: cookie).status == 303)
        #expect(it.world.now(\.orders) == [.terminate(Roles.device.id)])
        let refused = await it.decide("refuse", of: "j-2", cookie: cookie)
        let other = await it.get(refused["location"], cookie: cookie).text
        #expect(other.contains("Refused: device \(Shown.code(Roles.beacon.id))") && !other.contains("Undo"))
    }

    @Test(
        "An accept needs the three words that the page hides; wrong ones have no effect, and only a few tries are allowed"
    )
    func words() async {
        let it = await twoJoins()
        let (cookie, _) = await it.signedIn()
        let page = await it.get("/joins/j-1", cookie: cookie).text
        let words = HumanView.words.picture(of: Roles.value ?? .random()).spoken.split(separator: " ")
        for (place, word) in words.enumerated() {
            #expect(page.contains("<li>\(word)</li>") == ![1, 4, 8].contains(place), "\(place)")
        }
        #expect(page.matches(of: /<input id="word/).count == 3 && page.contains("words, view 1 of 4"))
        for (tries, wrong) in ["", "word2=a&word5=b&word9=c", ConsoleFixture.typed + "x", "word2=\(words[1])"]
            .enumerated()
        {
            let answer = await it.decide("accept", words: wrong, cookie: cookie)
            #expect(answer.status == 409 && answer.text.contains("Nothing was done."), "\(wrong)")
            #expect(it.world.now(\.shown).triesLeft == 4 - tries)
        }
        #expect(it.world.now(\.decided).isEmpty)
        let right = ConsoleFixture.typed.uppercased().replacing("WORD", with: "word").replacing("=", with: "=+")
        #expect(await it.decide("accept", words: right, cookie: cookie).status == 303)
        #expect(it.world.now(\.decided) == ["j-1 true"])
        it.world.change { $0.shown.triesLeft = 0 }
        let last = await it.get("/joins/j-2", cookie: cookie).text
        #expect(!last.contains("value=\"accept\"") && last.contains("value=\"refuse\""))
    }

    @Test("The hidden words are three of the first ten, and the same on every request")
    func hidden() {
        for _ in 0..<200 {
            let shown = C2Shown(.random())
            #expect(Set(shown.hidden).count == 3 && shown.hidden.allSatisfy { (0..<10).contains($0) })
            #expect(shown.comparison(as: .words).hidden == shown.hidden)
        }
        #expect(Set((0..<200).map { _ in C2Shown(.random()).hidden }).count > 20)
    }

    @Test(
        "Another view is a link on the page, is named with its number, and asks for no words; no picture has the words")
    func views() async {
        let it = await twoJoins()
        let (cookie, _) = await it.signedIn()
        for (view, number) in [("hexadecimal", 2), ("pictograph", 3), ("colours", 4)] {
            let page = await it.get("/joins/j-1?view=\(view)", cookie: cookie).text
            #expect(page.contains("\(view), view \(number) of 4") && page.contains("?view=words"))
            #expect(!page.contains("<input id=\"word"))
        }
        #expect(await it.get("/picture.svg?join=j-1&view=words", cookie: cookie).status == 404)
        #expect(await it.get("/picture.svg?join=j-1", cookie: cookie).status == 404)
        #expect(await it.get("/picture.svg?join=j-1&view=colours", cookie: cookie)["content-type"] == "image/svg+xml")
        let form = await it.form(view: "colours", cookie: cookie)
        it.world.change { $0.now += ConsolePolicy.minimumLook }
        // A form of one view is not valid for another.
        let words = form.replacing("view=colours", with: "view=pictograph")
        #expect(await it.post("/join", words + "&decision=accept", cookie: cookie).status == 403)
        #expect(await it.post("/join", form + "&decision=accept", cookie: cookie).status == 303)
    }

    @Test("A form's number belongs to one join and session, is made by this console, and can be used once")
    func numbers() async {
        let it = await twoJoins()
        let (cookie, _) = await it.signedIn()
        let form = await it.form(cookie: cookie)
        let (others, _) = await it.signedIn()
        let foreign = await it.form(cookie: others)
        func number(_ form: String) -> Substring { form.split(separator: "number=")[1] }
        it.world.change { $0.now += ConsolePolicy.minimumLook }
        for wrong in [
            form.replacing(number(form), with: number(foreign)), form.replacing("join=j-1", with: "join=j-2"),
            form.replacing(number(form), with: ""), form.replacing(number(form), with: "0-0-0"), form + "0",
        ] {
            let answer = await it.post("/join", wrong + "&decision=accept&" + ConsoleFixture.typed, cookie: cookie)
            #expect(answer.status == 403, "\(wrong)")
        }
        #expect(await it.post("/join", form + "&decision=accept", cookie: cookie).status == 409)
        let used = await it.post("/join", form + "&decision=accept&" + ConsoleFixture.typed, cookie: cookie)
        #expect(used.status == 409 && used.text.contains("was already sent"))
        #expect(await it.post("/join", form + "&decision=perhaps", cookie: cookie).status == 400)
        #expect(it.world.now(\.decided).isEmpty)
    }

    @Test("A decision is for the join that was shown: if another has replaced it, nothing is done")
    func outdated() async {
        let it = await twoJoins()
        let (cookie, _) = await it.signedIn()
        let form = await it.form(cookie: cookie)
        it.world.change { world in
            world.now += ConsolePolicy.minimumLook
            let old = world.snapshot.joins[0]
            world.snapshot.joins[0].id = "j-3"
            world.snapshot.ended = [
                C2Snapshot.Ended(
                    id: "j-1", device: old.device, joinMode: old.joinMode, observer: nil, secondsLeft: 1, secondsAgo: 0,
                    decision: .failed, reason: C2.askedAgain)
            ]
        }
        let late = await it.post("/join", "\(form)&decision=accept&\(ConsoleFixture.typed)", cookie: cookie)
        #expect(late.status == 409 && late.text.contains("finished before your decision arrived. Nothing was done."))
        #expect(late.text.contains("the device has asked again") && late.text.contains("/joins/j-3"))
        #expect(it.world.now(\.decided).isEmpty)
        #expect(await it.get("/joins/j-9", cookie: cookie).status == 404)
    }
}
