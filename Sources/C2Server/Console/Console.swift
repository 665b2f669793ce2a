import BootTime
import EventLoop
import HumanView
import SRUP

/// The operator's web page: devices, joins and the values to compare, messages, and orders. Requests in, replies out; the sockets are
/// in `srup-bench` (docs/console.md).
public actor Console {
    /// What the console needs from the C2 server.
    public struct Dependencies: Sendable {
        /// The server's state now.
        public var snapshot: @Sendable () async -> C2Snapshot
        /// How many nodes are in each state now, and whether a broker is connected: less work than the whole state.
        public var states: @Sendable () async -> (nodes: [C2Fleet.State: Int], hasBroker: Bool)
        /// SHA-256 of a node's key, in hexadecimal digits; nil if its key is not known.
        public var fingerprint: @Sendable (Identifier) -> String?
        /// What must be compared in a human-moderated join, in this view or in the server's own; nil if that join is finished, or its
        /// value is no longer known.
        public var comparison: @Sendable (_ join: String, HumanView?) async -> ConsoleComparison?
        /// Accepts or refuses a human-moderated join.
        public var decide: @Sendable (_ join: String, ConsoleDecision) async -> ConsoleOutcome
        /// Carries out an order, and returns messages for the operator.
        public var obey: @Sendable (C2Order) async -> [String]
        /// The history: entries with greater ids, the oldest first.
        public var entriesAfter: @Sendable (_ id: Int64, _ limit: Int, _ node: Identifier?) -> [C2Entry]
        /// The history: the newest entries with smaller ids, the oldest of them first.
        public var entriesBefore: @Sendable (_ id: Int64, _ limit: Int, _ node: Identifier?) -> [C2Entry]
        /// The same of decisions only.
        public var decisionsBefore: @Sendable (_ id: Int64, _ limit: Int, _ node: Identifier?) -> [C2Entry]

        /// All of them.
        public init(
            snapshot: @escaping @Sendable () async -> C2Snapshot,
            states: @escaping @Sendable () async -> (nodes: [C2Fleet.State: Int], hasBroker: Bool),
            fingerprint: @escaping @Sendable (Identifier) -> String?,
            comparison: @escaping @Sendable (String, HumanView?) async -> ConsoleComparison?,
            decide: @escaping @Sendable (String, ConsoleDecision) async -> ConsoleOutcome,
            obey: @escaping @Sendable (C2Order) async -> [String],
            entriesAfter: @escaping @Sendable (Int64, Int, Identifier?) -> [C2Entry],
            entriesBefore: @escaping @Sendable (Int64, Int, Identifier?) -> [C2Entry],
            decisionsBefore: @escaping @Sendable (Int64, Int, Identifier?) -> [C2Entry]
        ) {
            (self.snapshot, self.states, self.fingerprint) = (snapshot, states, fingerprint)
            self.decisionsBefore = decisionsBefore
            (self.comparison, self.decide, self.obey) = (comparison, decide, obey)
            (self.entriesAfter, self.entriesBefore) = (entriesAfter, entriesBefore)
        }
    }

    /// Woken when something has changed; open pages then reload.
    public nonisolated let wakeup = ConsoleWakeup()
    let dependencies: Dependencies
    private let say: @Sendable (String) -> Void
    let now: @Sendable () -> Instant
    private let wall: @Sendable () -> Int64
    /// How many nodes were in each state when a stream looked last: states change by the time alone.
    private var states: [C2Fleet.State: Int] = [:]
    var forms = ConsoleFormNumbers()
    private var sessions: ConsoleSessions
    private var gate: ConsoleGate?

    /// A console without a port yet, which answers no request.
    /// - Parameters:
    ///   - now: the time on CLOCK_BOOTTIME.
    ///   - wall: milliseconds since 1970, for people; nil: the system's clock.
    ///   - say: takes a line for the operator.
    public init(
        _ dependencies: Dependencies, now: @escaping @Sendable () -> Instant = { .now },
        wall: (@Sendable () -> Int64)? = nil,
        say: @escaping @Sendable (String) -> Void
    ) {
        (self.dependencies, self.now, self.say) = (dependencies, now, say)
        self.wall = wall ?? { C2Entry.now }
        sessions = ConsoleSessions(at: now())
    }

    /// The console is reachable at this port.
    public func listens(at port: UInt16) { gate = ConsoleGate(port: port) }

    /// Prints the console's address and the key.
    public func announce() {
        guard let gate else { return }
        say("console on http://localhost:\(gate.port)/ — sign in with \(sessions.key)")
        say("console: or open http://localhost:\(gate.port)/#key=\(sessions.key)")
    }

    /// Answers a request.
    public func answer(_ request: ConsoleRequest) async -> ConsoleReply {
        guard let gate else { return .message(421, "Not yet", "The console is starting.") }
        if let objection = gate.objection(to: request) { return objection }
        switch (request.method, request.path) {
        case ("GET", "/console.css"): return ConsoleAssets.style
        case ("GET", "/console.js"): return ConsoleAssets.script
        case ("GET", "/icon.svg"): return ConsoleAssets.icon
        case ("POST", "/sign-in"): return signIn(request, gate)
        default: break
        }
        guard let session = sessions.session(cookie(request, gate), at: now()) else {
            return .page(403, ConsolePage.signIn())
        }
        var reply = request.method == "POST" ? await order(request, session, gate) : await look(request, session)
        reply.isToOperator = true
        return reply
    }

    // MARK: - Signing in

    /// Browsers send a cookie to every port of a host; the name distinguishes two consoles.
    private func cookieName(_ gate: ConsoleGate) -> String { "srup-console-\(gate.port)" }

    private func cookie(_ request: ConsoleRequest, _ gate: ConsoleGate) -> String? {
        let start = cookieName(gate) + "="
        return request.cookies.split(separator: ";").map { $0.drop { $0 == " " } }
            .first { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }

    private func signIn(_ request: ConsoleRequest, _ gate: ConsoleGate) -> ConsoleReply {
        let given = ConsoleForm(request.body)?["key"] ?? ""
        switch sessions.signIn(given, at: now()) {
        case .session(let token):
            say("console: somebody has signed in; the key for the next time is \(sessions.key)")
            let life = ConsolePolicy.maximumSession.wholeSeconds
            return .see(
                "/",
                [("set-cookie", "\(cookieName(gate))=\(token); Path=/; Max-Age=\(life); HttpOnly; SameSite=Strict")])
        case .wrongKey:
            say("console: a wrong key was given (\(sessions.wrongKeys) in all)")
            return .page(403, ConsolePage.signIn("Wrong key. The current key is in the C2 server's output."))
        case .tooMany(let seconds):
            let message = "Too many attempts. Try again in \(seconds) seconds."
            return .page(429, ConsolePage.signIn(message), [("retry-after", String(seconds))])
        }
    }

    // MARK: - Orders

    private func order(
        _ request: ConsoleRequest, _ session: ConsoleSessions.Session, _ gate: ConsoleGate
    ) async -> ConsoleReply {
        guard let form = ConsoleForm(request.body),
            equalInConstantTime(Array((form["token"] ?? "").utf8), Array(session.formToken.utf8))
        else {
            return .message(403, "Refused", "This order did not come from a page of this session. Nothing was done.")
        }
        switch request.path {
        case "/sign-out":
            sessions.signOut(session.token)
            wakeup.wake()
            return .see("/", [("set-cookie", "\(cookieName(gate))=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")])
        case "/join": return await decide(form, session)
        case "/order": return await obey(form, session)
        case ConsolePage.requirePath: return await require(form, session)
        default: return .message(404, "Not found", "The console has no such page.")
        }
    }

    private func obey(_ form: ConsoleForm, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        guard let node = form.node("node"), let button = form["order"].flatMap(ConsoleOrder.init(rawValue:)) else {
            return .message(400, "Refused", "No order, or no device, was given. Nothing was done.")
        }
        guard let order = button.order(for: node, in: form) else {
            let needs =
                button == .update
                ? "An update needs the file's address and its SHA-256, 64 hexadecimal digits."
                : "A name or a site has at most 64 bytes of printable text."
            return .message(400, "Not understood", needs + " Nothing was done.")
        }
        if let question = button.question, form["confirmed"] != "yes" {
            return .page(200, ConsolePage.confirm(button, question, of: node, session))
        }
        return tell(await dependencies.obey(order), session, at: "\(ConsolePage.nodesPath)/\(node)")
    }

    func tell(_ messages: [String], _ session: ConsoleSessions.Session, at path: String = "/") -> ConsoleReply {
        .see("\(path)?said=\(sessions.keep(messages, for: session.token))#said")
    }

    // MARK: - Looking

    private func look(_ request: ConsoleRequest, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        guard let query = ConsoleForm(request.query.utf8) else {
            return .message(400, "Refused", "The address cannot be read.")
        }
        switch request.path {
        case "/picture.svg":
            guard let join = query["join"], let view = query["view"].flatMap(HumanView.init(rawValue:)),
                let picture = await dependencies.comparison(join, view)?.picture
            else { return .gone }
            return .svg(picture.svg)
        case "/diagram.svg":
            let figure = figure(query)
            return .svg(figure.diagram.svg, named: figure.fileName)
        case "/events": return events(request, query, session)
        case let path where path.hasPrefix(ConsolePage.joinPath):
            return await join(String(path.dropFirst(ConsolePage.joinPath.count)), query, session)
        default: return await page(request.path, query, session)
        }
    }

    private func page(_ path: String, _ query: ConsoleForm, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        let view = view(await dependencies.snapshot(), session, said: said(query, session))
        let content: ConsoleContent
        switch path {
        case "/": content = ConsolePage.now(view)
        case ConsolePage.nodesPath: content = ConsolePage.nodes(ConsoleNodesQuery(query), view)
        case ConsolePage.mapPath: content = ConsolePage.map(max(1, query["page"].flatMap { Int($0) } ?? 1) - 1, view)
        case ConsolePage.historyPath: content = ConsolePage.history(history(query), view)
        case let path where path.hasPrefix(ConsolePage.nodesPath + "/"):
            let id = Identifier(hexadecimal: path.dropFirst(ConsolePage.nodesPath.count + 1))
            guard let node = id.flatMap({ view.fleet[$0] }) else {
                return .message(404, "Not found", "The server knows no such node.")
            }
            let it = ConsoleNodeView(
                node: node, fingerprint: dependencies.fingerprint(node.id), figure: figure(of: node.id),
                joins: decisions(of: node.id))
            content = ConsolePage.node(it, view)
        default: return .message(404, "Not found", "The console has no such page.")
        }
        return ConsolePage.page(content, view, part: query["part"]).map { .page(200, $0) } ?? .noPart
    }

    func view(
        _ snapshot: C2Snapshot, _ session: ConsoleSessions.Session, said: [String] = []
    ) -> ConsoleView {
        ConsoleView(
            snapshot: snapshot, session: session, said: said,
            newest: dependencies.entriesBefore(.max, 1, nil).last?.id ?? 0, now: wall())
    }

    func said(_ query: ConsoleForm, _ session: ConsoleSessions.Session) -> [String] {
        session.said.first { String($0.number) == query["said"] }?.messages ?? []
    }

    private func events(
        _ request: ConsoleRequest, _ query: ConsoleForm, _ session: ConsoleSessions.Session
    ) -> ConsoleReply {
        guard let (number, wakeups) = wakeup.wait() else {
            return .message(503, "Too many", "There are too many open pages. This one reloads periodically.")
        }
        var reply = ConsoleReply(200, "text/event-stream", [])
        reply.body = .events(
            ConsoleEvents(
                number: number, wakeups: wakeups, wakeup: wakeup,
                newest: { [weak self] in await self?.newest(session.token) }))
        return reply
    }

    /// The newest entry's id, and whether a broker is connected; nil if the session has ended.
    private func newest(_ token: String) async -> (id: Int64, hasBroker: Bool)? {
        guard sessions.session(token, at: now()) != nil else { return nil }
        let (now, hasBroker) = await dependencies.states()
        if now != states {
            states = now
            wakeup.wake(ConsoleChange(kinds: [.nodes]))
        }
        return (dependencies.entriesBefore(.max, 1, nil).last?.id ?? 0, hasBroker)
    }
}

extension ConsoleReply {
    static var gone: ConsoleReply { .message(404, "Gone", "This join is finished.") }
    static var noPart: ConsoleReply { .message(404, "Not found", "This page has no such part.") }
}
