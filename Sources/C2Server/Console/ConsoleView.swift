import Bench
import OperatorText
import SRUP

/// What every page has: the state of the server, and who looks at it.
struct ConsoleView: Sendable {
    let snapshot: C2Snapshot
    let session: ConsoleSessions.Session
    /// Messages about the last order.
    let said: [String]
    /// The newest history entry's id.
    let newest: Int64
    /// Milliseconds since 1970.
    let now: Int64

    var fleet: C2Fleet { snapshot.fleet }
}

/// A part of a page. An open page fetches it again, by its identity, when something that it shows has changed.
struct ConsolePart {
    /// How an open page takes a new version of it.
    enum How: String {
        /// In place of the old one.
        case replace
        /// New entries are added below, and finished ones keep their place for a while: nothing moves under the pointer.
        case queue
        /// The new entries are counted, and shown on demand.
        case count
        /// Once, when a join is decided.
        case decision
    }

    let id: String
    var how: How?
    var kinds: [ConsoleChange.Kind] = []
    /// Only changes of this node concern it; nil: all do.
    var node: Identifier?
    let content: () -> HTML

    /// The element of the page.
    var html: HTML {
        guard let how else { return content() }
        let kinds = kinds.map(\.rawValue).joined(separator: " ")
        let node: HTML = node.map { " data-node=\"\($0)\"" } ?? ""
        return
            "<div id=\"part-\(id)\" data-live=\"\(how.rawValue)\" data-kinds=\"\(kinds)\"\(node)>\(content())</div>\n"
    }
}

/// A page: its title, its heading, and its parts.
struct ConsoleContent {
    let title: String
    let heading: HTML
    /// The path of the page in the navigation that it belongs to.
    let place: String
    var parts: [ConsolePart]
}

extension ConsolePage {
    /// Paths of the pages.
    static let (nodesPath, mapPath, historyPath) = ("/nodes", "/map", "/history")

    /// The whole page, or only one part of it.
    static func page(_ content: ConsoleContent, _ view: ConsoleView, part: String?) -> HTML? {
        let parts = [navigation(content.place, view)] + content.parts
        if let part { return parts.first { $0.id == part && $0.how != nil }?.html }
        let waits = view.snapshot.joins.count { $0.joinMode == .human }
        return document(
            title: (waits > 0 ? "(\(waits)) " : "") + content.title,
            """
            \(header(view, parts[0]))
            <main id="main" data-newest="\(view.newest)">
            <div class="heading">\(content.heading)</div>
            \(said(view.said))
            <p id="announcer" class="unseen" role="status" aria-live="polite"></p>
            \(content.parts.map(\.html))
            </main>
            """)
    }

    private static func header(_ view: ConsoleView, _ navigation: ConsolePart) -> HTML {
        let alarm: HTML = view.snapshot.hasBroker ? "" : "\(brokerLost)"
        return """
            <header class="top">
            <p class="server">C2 server \(code(view.snapshot.server))</p>
            <p id="live" class="live" role="status">Reload to update.</p>
            <form method="post" action="/sign-out">\(token(view.session))<button class="plain">Sign out</button></form>
            </header>
            \(navigation.html)
            <p id="alarm" class="alarm" role="alert">\(alarm)</p>
            """
    }

    /// The script shows the same text.
    private static let brokerLost: HTML = "The server has lost its broker: messages wait until it is connected again."

    private static func navigation(_ place: String, _ view: ConsoleView) -> ConsolePart {
        ConsolePart(id: "nav", how: .replace, kinds: [.joins, .nodes, .broker]) {
            let waits = view.snapshot.joins.count { $0.joinMode == .human }
            let pages: [(path: String, name: String, count: Int?)] = [
                ("/", "Now", waits), (nodesPath, "Nodes", view.fleet.count), (mapPath, "Map", nil),
                (historyPath, "History", nil),
            ]
            let links = pages.map { page -> HTML in
                let current: HTML = page.path == place ? " aria-current=\"page\"" : ""
                let count: HTML = page.count.map { " <span class=\"count\">\($0)</span>" } ?? ""
                return "<li><a href=\"\(page.path)\"\(current)>\(page.name)\(count)</a></li>"
            }
            let broker = "\(view.snapshot.hasBroker)"
            return "<nav aria-label=\"Pages\" class=\"pages\" data-broker=\"\(broker)\"><ul>\(links)</ul></nav>"
        }
    }

    // MARK: - Nodes and times

    /// An identifier in groups of four digits, the last one bold. Copied, it has no spaces.
    static func code(_ node: Identifier) -> HTML {
        let digits = Array(node.description)
        let groups = stride(from: 0, to: 12, by: 4).map { String(digits[$0..<$0 + 4]) }
        let spans = groups.map { "<span>\($0)</span>" as HTML }
        return "<code class=\"id\">\(spans)<b class=\"end\">\(String(digits[12...]))</b></code>"
    }

    /// The operator's name of a node and its identity, as a link to its page.
    static func link(_ id: Identifier, _ view: ConsoleView) -> HTML {
        let name: HTML = view.fleet[id]?.facts.name.map { "<strong>\(clipped($0, 96))</strong> " } ?? ""
        return "<a class=\"node\" href=\"\(nodesPath)/\(id)\">\(name)\(code(id))</a>"
    }

    /// A name and an identity without a link.
    static func who(_ id: Identifier, _ view: ConsoleView) -> HTML {
        let name: HTML = view.fleet[id]?.facts.name.map { "<strong>\(clipped($0, 96))</strong> " } ?? ""
        return "\(name)\(code(id))"
    }

    /// A time relative to now; the clock's is in the title.
    static func ago(_ milliseconds: Int64, _ view: ConsoleView) -> HTML {
        let moment = Timestamp(milliseconds / 1_000)
        let seconds = max(0, (view.now - milliseconds) / 1_000)
        return """
            <time datetime="\(moment.description)" title="\(moment.date) \(moment.time) UTC">\(span(seconds)) ago</time>
            """
    }

    /// `5 s`, `12 min`, `3 h`, `9 days`.
    static func span(_ seconds: Int64) -> String {
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60) min" }
        return seconds < 172_800 ? "\(seconds / 3_600) h" : "\(seconds / 86_400) days"
    }

    /// A clock's time in UTC; with the date if it is of another day.
    static func clock(_ milliseconds: Int64, _ view: ConsoleView) -> HTML {
        let (moment, today) = (Timestamp(milliseconds / 1_000), Timestamp(view.now / 1_000))
        let date: HTML = moment.date == today.date ? "" : "\(moment.date) "
        return "<time datetime=\"\(moment.description)\">\(date)\(moment.time) UTC</time>"
    }

    /// A state: glyph, word and colour.
    static func badge(_ state: C2Fleet.State) -> HTML {
        "<span class=\"state \(state.rawValue)\"><span aria-hidden=\"true\">\(state.glyph)</span> \(state.label)</span>"
    }

    /// A part of an address, where everything but letters and digits is escaped.
    static func escaped(address text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            return isPlain || byte == 0x2D ? String(UnicodeScalar(byte)) : "%" + hexadecimal([byte]).uppercased()
        }.joined()
    }
}

extension C2Fleet.State {
    /// The word on the page.
    var label: String {
        switch self {
        case .heard: "heard"
        case .quiet: "quiet"
        case .silent: "silent"
        case .paused: "paused"
        case .notJoined: "not joined"
        case .left: "left"
        case .deregistered: "deregistered"
        }
    }

    /// It differs by its shape, not only by its colour.
    var glyph: String {
        switch self {
        case .heard: "●"
        case .quiet: "○"
        case .silent: "▲"
        case .paused: "‖"
        case .notJoined: "◇"
        case .left: "◁"
        case .deregistered: "✕"
        }
    }
}
