import BootTime
import HumanView
import SRUP
import Synchronization
import TestVectors

@testable import Bench
@testable import C2Server

/// A console, a server that only records what it is told, and the operator's browser. The keys and tokens count:
/// 1 is the first key, 2 the next, and so on.
final class ConsoleFixture: Sendable {
    struct World {
        var now: Instant = 0
        var snapshot = C2Snapshot(server: Roles.c2.id, joins: [])
        var entries: [C2Entry] = []
        /// Decisions that were taken: `j-1 accept words`.
        var decided: [String] = []
        var shown = C2Shown(Roles.value ?? .random(), hidden: [1, 4, 8])
        var orders: [C2Order] = []
        var said: [String] = []
    }

    /// The words that the page hides, as a form has them.
    static let typed = {
        let words = HumanView.words.picture(of: Roles.value ?? .random()).spoken.split(separator: " ")
        return "word2=\(words[1])&word5=\(words[4])&word9=\(words[8])"
    }()

    static let host = "localhost:8080"
    let world: Shared<World>
    let console: Console

    init(_ change: (inout World) -> Void = { _ in }) async {
        var made = World()
        change(&made)
        let world = Shared(made)
        self.world = world
        let dependencies = Console.Dependencies(
            snapshot: { world.now(\.snapshot) },
            states: { (world.now(\.snapshot).fleet.states, world.now(\.snapshot).hasBroker) },
            fingerprint: { "fingerprint of \($0)" },
            comparison: { join, view in
                guard world.now(\.snapshot).joins.contains(where: { $0.id == join && $0.hasValue }) else { return nil }
                return world.now(\.shown).comparison(as: view ?? .words)
            },
            decide: { join, decision in
                var outcome = ConsoleOutcome.over
                world.change { outcome = $0.take(decision, on: join) }
                return outcome
            },
            obey: { order in
                world.change { $0.orders.append(order) }
                return ["done"]
            },
            entriesAfter: { id, limit, node in
                Array(world.now(\.entries).filter { $0.id > id && (node == nil || $0.node == node) }.prefix(limit))
            },
            entriesBefore: { id, limit, node in
                world.now(\.entries).filter { $0.id < id && (node == nil || $0.node == node) }.suffix(limit)
            },
            decisionsBefore: { id, limit, node in
                world.now(\.entries).filter {
                    $0.id < id && $0.kind == .decision && (node == nil || $0.node == node)
                }.suffix(limit)
            })
        console = Console(
            dependencies, now: { world.now(\.now) }, wall: { Shown.wall },
            say: { line in world.change { $0.said.append(line) } })
        await console.listens(at: 8080)
        await console.announce()
    }

    /// The key that was announced last.
    var key: String {
        let said = world.now(\.said)
        return said.last { $0.contains("key for the next time is ") || $0.contains("sign in with ") }
            .flatMap { $0.split(separator: " ").last.map(String.init) } ?? ""
    }

    func get(_ path: String, cookie: String = "", host: String? = ConsoleFixture.host) async -> Answer {
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        return Answer(
            await console.answer(
                ConsoleRequest(
                    method: "GET", host: host, path: parts[0], query: parts.count > 1 ? parts[1] : "", cookies: cookie))
        )
    }

    func post(
        _ path: String, _ body: String, cookie: String = "", host: String? = ConsoleFixture.host,
        origin: String? = "http://" + ConsoleFixture.host, contentType: String = "application/x-www-form-urlencoded"
    ) async -> Answer {
        Answer(
            await console.answer(
                ConsoleRequest(
                    method: "POST", host: host, path: path, origin: origin, cookies: cookie, contentType: contentType,
                    body: Array(body.utf8))))
    }

    /// Signs in, and returns the cookie and the forms' token.
    func signedIn() async -> (cookie: String, token: String) {
        let answer = await post("/sign-in", "key=\(key)")
        let cookie = answer["set-cookie"].prefix { $0 != ";" }
        let page = await get("/", cookie: String(cookie)).text
        return (String(cookie), page.firstMatch(of: /name="token" value="([0-9a-f]+)"/).map { String($0.1) } ?? "")
    }
}

extension ConsoleFixture {
    /// The fields of a join's form, as its page shows them now.
    func form(_ join: String = "j-1", view: String = "", cookie: String) async -> String {
        let page = await get("/joins/\(join)" + (view.isEmpty ? "" : "?view=\(view)"), cookie: cookie).text
        let form = page.firstMatch(of: /<form method="post" action="\/join".*?<\/form>/.dotMatchesNewlines())?.0 ?? ""
        return form.matches(of: /type="hidden" name="([a-z]+)" value="([^"]*)"/).map { "\($0.1)=\($0.2)" }
            .joined(separator: "&")
    }

    /// Views a join's page for long enough, and decides.
    func decide(_ decision: String, of join: String = "j-1", words: String = ConsoleFixture.typed, cookie: String) async
        -> Answer
    {
        let form = await form(join, cookie: cookie)
        world.change { $0.now += ConsolePolicy.minimumLook }
        return await post("/join", "\(form)&decision=\(decision)&\(words)", cookie: cookie)
    }
}

extension ConsoleFixture.World {
    /// As the server does.
    mutating func take(_ decision: ConsoleDecision, on id: String) -> ConsoleOutcome {
        guard let place = snapshot.joins.firstIndex(where: { $0.id == id }) else { return .over }
        if case .accept(.words, let words) = decision, !shown.isAnswered(by: words) {
            shown.triesLeft -= 1
            return .differ(triesLeft: shown.triesLeft)
        }
        let join = snapshot.joins.remove(at: place)
        let isAccepted = decision != .refuse
        decided.append("\(id) \(isAccepted)")
        snapshot.ended.append(
            C2Snapshot.Ended(
                id: id, device: join.device, joinMode: join.joinMode, observer: join.observer,
                secondsLeft: join.secondsLeft, secondsAgo: 0, decision: isAccepted ? .accepted : .refused,
                reason: "a person has <b>compared</b>"))
        return .decided
    }
}

/// What came back.
struct Answer {
    let status: Int
    let text: String
    private let headers: [(name: String, value: String)]

    init(_ reply: ConsoleReply) {
        (status, headers) = (reply.status, reply.headers)
        text = if case .bytes(let bytes) = reply.body { String(decoding: bytes, as: UTF8.self) } else { "" }
    }

    subscript(name: String) -> String { headers.first { $0.name == name }?.value ?? "" }
}

/// A value that several threads read.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func now<Part: Sendable>(_ part: (Value) -> Part) -> Part { value.withLock { part($0) } }

    func change(_ change: (inout Value) -> Void) { value.withLock { change(&$0) } }
}

/// What the tests' pages show.
enum Shown {
    /// Milliseconds since 1970: now.
    static let wall: Int64 = 1_795_000_100_000

    static let member = {
        var node = C2Fleet.Node(Roles.device.id)
        node.membership = .joined
        return node
    }()

    /// An identity as the pages show it: in groups, the last one bold.
    static func code(_ node: Identifier) -> String { ConsolePage.code(node).text }

    static let join = C2Snapshot.Join(
        id: "j-1", device: Roles.device.id, joinMode: .human, observer: nil, secondsLeft: 90, hasValue: true)

    static func entry(
        _ id: Int64, _ node: Identifier?, _ kind: C2Entry.Kind, _ words: String, line: TraceLine? = nil
    ) -> C2Entry {
        C2Entry(id: id, wallMilliseconds: 1_795_000_000_000 + id, kind: kind, node: node, line: line, message: words)
    }

    static func message(_ id: Int64, _ node: TestNode, _ name: String, token: String, detail: String? = nil)
        -> C2Entry
    {
        let line = TraceLine(
            atMicroseconds: id * 1_000, from: .device, to: .c2, via: .mqtt, name: name, bytes: 300, token: token,
            detail: detail)
        return entry(id, node.id, .message, "\(name) of \(node.id)", line: line)
    }
}
