import BootTime
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("The console's access control, sessions and orders")
struct ConsoleTests {
    // MARK: - Who may use it

    @Test(
        "only our own names at our own port are answered",
        arguments: [
            ("localhost:8080", 403), ("127.0.0.1:8080", 403), ("[::1]:8080", 403), ("localhost:8081", 421),
            ("localhost", 421), ("evil.example:8080", 421), ("localhost.evil.example:8080", 421), ("", 421),
        ])
    func names(host: String, status: Int) async {
        let it = await ConsoleFixture()
        #expect(await it.get("/", host: host).status == status)
        #expect(await it.get("/console.css", host: host).status == (status == 403 ? 200 : 421))
        #expect(await it.get("/", host: nil).status == 421)
    }

    @Test(
        "a form from another page is refused, also with cookie and token",
        arguments: [
            nil, "null", "http://evil.example", "http://localhost:8081", "https://localhost:8080",
            "http://127.0.0.1:8080",
        ] as [String?])
    func origins(origin: String?) async {
        let it = await ConsoleFixture { $0.snapshot.joins = [Shown.join] }
        let (cookie, token) = await it.signedIn()
        let body = await it.form(cookie: cookie) + "&decision=accept&" + ConsoleFixture.typed
        it.world.change { $0.now += ConsolePolicy.minimumLook }
        #expect(body.hasPrefix("token=\(token)&"))
        #expect(await it.post("/join", body, cookie: cookie, origin: origin).status == 403)
        #expect(await it.post("/sign-in", "key=\(it.key)", origin: origin).status == 403)
        #expect(it.world.now(\.decided).isEmpty)
        #expect(await it.post("/join", body, cookie: cookie).status == 303)
        #expect(it.world.now(\.decided) == ["j-1 true"])
    }

    @Test("a form without the session's token, or with another session's, is refused")
    func tokens() async {
        let it = await ConsoleFixture { $0.snapshot.joins = [Shown.join] }
        let (cookie, _) = await it.signedIn()
        let (_, others) = await it.signedIn()
        for token in ["", "token=&", "token=\(others)&"] {
            for path in ["/join", "/order", "/sign-out"] {
                let body = token + "join=j-1&decision=accept&node=1&order=pause"
                #expect(await it.post(path, body, cookie: cookie).status == 403)
            }
        }
        #expect(it.world.now(\.decided).isEmpty && it.world.now(\.orders).isEmpty)
    }

    @Test("anything that is not a form, is too long, or uses another method is refused")
    func shapes() async {
        let it = await ConsoleFixture()
        let (cookie, token) = await it.signedIn()
        let order = "token=\(token)&node=1&order=pause"
        #expect(await it.post("/order", order, cookie: cookie, contentType: "text/plain").status == 415)
        let long = order + "&x=" + String(repeating: "x", count: 4_096)
        #expect(await it.post("/order", long, cookie: cookie).status == 413)
        #expect(await it.post("/order", "token=\(token)&node=%zz", cookie: cookie).status == 403)
        #expect(await it.post("/nowhere", order, cookie: cookie).status == 404)
        let put = await it.console.answer(ConsoleRequest(method: "PUT", host: ConsoleFixture.host, path: "/"))
        #expect(put.status == 405)
        #expect(it.world.now(\.orders).isEmpty)
    }

    // MARK: - Sessions

    @Test("a key signs in once, a wrong one is counted and reported, and the next key is printed")
    func keys() async {
        let it = await ConsoleFixture()
        let first = it.key
        #expect(first.count == 32)
        #expect(await it.post("/sign-in", "key=0").status == 403)
        #expect(await it.post("/sign-in", "key=" + String(first.reversed())).status == 403)
        #expect(it.world.now(\.said).last?.contains("(2 in all)") == true)
        #expect(await it.post("/sign-in", "key=+\(first.uppercased())+").status == 303)
        #expect(await it.post("/sign-in", "key=\(first)").status == 403)
        #expect(it.key != first)
        #expect(await it.post("/sign-in", "key=\(it.key)").status == 303)
    }

    @Test("after ten attempts in a minute all others must wait, right ones too")
    func tries() async {
        let it = await ConsoleFixture()
        for _ in 0..<10 { #expect(await it.post("/sign-in", "key=0").status == 403) }
        let refused = await it.post("/sign-in", "key=\(it.key)")
        #expect(refused.status == 429 && Int(refused["retry-after"]).map { $0 > 0 } == true)
        it.world.change { $0.now += .seconds(7) }
        #expect(await it.post("/sign-in", "key=\(it.key)").status == 303)
    }

    @Test("a session ends by itself, by signing out, and when there are too many")
    func ends() async {
        let it = await ConsoleFixture()
        let (cookie, token) = await it.signedIn()
        #expect(await it.get("/", cookie: "other=1; \(cookie)").status == 200)
        #expect(await it.get("/", cookie: cookie + "0").status == 403)
        it.world.change { $0.now += .seconds(12 * 3_600) - .nanoseconds(1) }
        #expect(await it.get("/", cookie: cookie).status == 200)
        it.world.change { $0.now += .nanoseconds(1) }
        #expect(await it.get("/", cookie: cookie).status == 403)
        #expect(await it.post("/order", "token=\(token)&node=1&order=pause", cookie: cookie).status == 403)
        #expect(it.world.now(\.orders).isEmpty)

        let (second, its) = await it.signedIn()
        let out = await it.post("/sign-out", "token=\(its)", cookie: second)
        #expect(out.status == 303 && out["set-cookie"].contains("Max-Age=0"))
        #expect(await it.get("/", cookie: second).status == 403)

        var cookies: [String] = []
        for _ in 0..<9 {
            it.world.change { $0.now += .seconds(60) }
            cookies.append(await it.signedIn().cookie)
        }
        #expect(await it.get("/", cookie: cookies[0]).status == 403)
        #expect(await it.get("/", cookie: cookies[1]).status == 200)
    }

    @Test("the cookie is for our pages only, and strangers get only the sign-in page and its files")
    func cookie() async {
        let it = await ConsoleFixture { $0.snapshot.joins = [Shown.join] }
        let answer = await it.post("/sign-in", "key=\(it.key)")
        for part in ["srup-console-8080=", "HttpOnly", "SameSite=Strict", "Path=/"] {
            #expect(answer["set-cookie"].contains(part))
        }
        #expect(answer["location"] == "/" && answer.text.isEmpty)
        for path in ["/", "/joins/j-1", "/picture.svg?join=j-1&view=colours", "/diagram.svg", "/events", "/anything"] {
            let page = await it.get(path)
            #expect(page.status == 403 && page.text.contains("name=\"key\"") && !page.text.contains("j-1"))
        }
    }

    @Test("a stream of events ends with its session, and there are not too many of them")
    func streams() async throws {
        let it = await ConsoleFixture()
        let (cookie, token) = await it.signedIn()
        func open() async -> ConsoleReply {
            await it.console.answer(
                ConsoleRequest(method: "GET", host: ConsoleFixture.host, path: "/events", cookies: cookie))
        }
        guard case .events(let events) = await open().body else {
            Issue.record("no stream")
            return
        }
        it.world.change { $0.entries = [Shown.entry(7, nil, .remark, "x")] }
        let written = Shared<[String]>([])
        let running = Task {
            try await events.run { text in written.change { $0.append(text) } }
        }
        let all = "{\"broker\":true,\"kinds\":[\"broker\",\"history\",\"joins\",\"nodes\"],\"nodes\":[]}"
        while !written.now({ $0.contains("id: 7\ndata: \(all)\n\n") }) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(await it.post("/sign-out", "token=\(token)", cookie: cookie).status == 303)
        try await running.value
        #expect(written.now { $0.last }?.hasPrefix("event: ended") == true)

        let again = await it.signedIn().cookie
        var streams: [ConsoleEvents] = []
        for _ in 0..<16 {
            let reply = await it.console.answer(
                ConsoleRequest(method: "GET", host: ConsoleFixture.host, path: "/events", cookies: again))
            if case .events(let events) = reply.body { streams.append(events) }
        }
        #expect(streams.count == 16)
        #expect(await it.get("/events", cookie: again).status == 503)
        streams[3].end()
        #expect(await it.get("/events", cookie: again).status == 200)
    }

    // MARK: - Orders

    /// What a button on the device sends the server.
    private static func order(_ button: ConsoleOrder) -> C2Order {
        let device = Roles.device.id
        return switch button {
        case .identity: .identity(device)
        case .identify: .action(device, 3)
        case .pause: .action(device, 1)
        case .resume: .action(device, 2)
        case .restartRadio: .action(device, 4)
        case .letObserve: .observer(device, true)
        case .forget: .forget(device)
        case .stopObserving: .observer(device, false)
        case .update: .update(device, url: "https://x/y", digest: [UInt8](repeating: 0xAB, count: 32))
        case .activate: .activate(device)
        case .join: .join(device)
        case .terminate: .terminate(device)
        case .deregister: .deregister(device)
        case .name: .name(device, "")
        case .site: .site(device, "")
        }
    }

    @Test("actions that are not easily undone need a confirmation")
    func confirming() async {
        let it = await ConsoleFixture()
        let (cookie, token) = await it.signedIn()
        for order in ConsoleOrder.ofNode {
            let body = "token=\(token)&node=\(Roles.device.id)&order=\(order.rawValue)"
            let first = await it.post("/order", body, cookie: cookie)
            guard [.letObserve, .activate, .forget, .terminate, .deregister].contains(order) else {
                #expect(first.status == 303)
                continue
            }
            #expect(first.status == 200 && first.text.contains("name=\"confirmed\" value=\"yes\""))
            #expect(!it.world.now(\.orders).contains(ConsoleTests.order(order)))
            #expect(await it.post("/order", body + "&confirmed=yes", cookie: cookie).status == 303)
        }
        #expect(it.world.now(\.orders) == ConsoleOrder.ofNode.map(ConsoleTests.order))
    }

    @Test("an update needs an address and a complete digest")
    func update() async {
        let it = await ConsoleFixture()
        let (cookie, token) = await it.signedIn()
        func order(_ url: String, _ digest: String) async -> Int {
            let body = "token=\(token)&node=\(Roles.device.id)&order=update&url=\(url)&digest=\(digest)"
            return await it.post("/order", body, cookie: cookie).status
        }
        let digest = String(repeating: "aB", count: 32)
        for (url, digest) in [
            ("", digest), ("a+b", digest), ("%00", digest), (String(repeating: "x", count: 1_001), digest),
            ("https://x/y", ""), ("https://x/y", "ab"), ("https://x/y", digest + "00"),
            ("https://x/y", "z" + digest.dropFirst()),
        ] { #expect(await order(url, digest) == 400) }
        #expect(it.world.now(\.orders).isEmpty)
        #expect(await order("https%3A%2F%2Fx%2Fy%3Fa%3D1", "+\(digest)+") == 303)
        #expect(
            it.world.now(\.orders) == [
                .update(Roles.device.id, url: "https://x/y?a=1", digest: [UInt8](repeating: 0xAB, count: 32))
            ])
    }
}
