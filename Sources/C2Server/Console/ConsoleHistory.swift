import FoundationEssentials
import OperatorText
import SRUP

/// A page of the history, the newest entry first.
struct ConsoleHistory: Sendable {
    let entries: [C2Entry]
    let node: Identifier?
    /// The newest entry's id, also on a page of older entries.
    let newest: Int64
    /// Whether these are the newest.
    let isNewest: Bool
    /// Whether there are older ones.
    let hasOlder: Bool

    /// A time for people, to the second, in UTC.
    static func time(_ milliseconds: Int64) -> HTML {
        let moment = Timestamp(milliseconds / 1_000)
        return "<time datetime=\"\(moment.description)\">\(moment.date) \(moment.time) UTC</time>"
    }
}

extension Console {
    /// The page of the history that a query asks for.
    func history(_ query: ConsoleForm) -> ConsoleHistory {
        let node = query.node("node")
        let before = query["before"].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil }
        let most = ConsolePolicy.entriesOnPage
        let entries = dependencies.entriesBefore(before ?? .max, most + 1, node)
        return ConsoleHistory(
            entries: entries.suffix(most).reversed(), node: node,
            newest: dependencies.entriesBefore(.max, 1, nil).last?.id ?? 0, isNewest: before == nil,
            hasOlder: entries.count > most)
    }
}

extension ConsolePage {
    static func historySection(_ view: ConsoleView) -> HTML {
        let history = view.history
        let entries = history.entries.map { entry($0) }
        let filter: HTML = history.node.map { "node=\($0)&amp;" } ?? ""
        let oldest = history.entries.last?.id ?? 0
        let older: HTML =
            history.hasOlder ? "<a class=\"button\" href=\"/?\(filter)before=\(oldest)#history-heading\">Older</a>" : ""
        let newest: HTML =
            history.isNewest ? "" : "<a class=\"button\" href=\"/?\(filter)#history-heading\">Newest</a>"
        let live: HTML = history.isNewest ? " data-live=\"history\"" : ""
        return """
            <section aria-labelledby="history-heading">
            <h2 id="history-heading">History</h2>
            <ol id="history" class="history"\(live)>\(entries)</ol>
            <p class="empty faint">Nothing has happened yet.</p>
            <nav aria-label="History" class="choice">\(newest)\(older)</nav>
            </section>
            """
    }

    private static func entry(_ entry: C2Entry) -> HTML {
        let node: HTML = entry.node.map { "<code>\($0)</code>" } ?? ""
        let refused: HTML = entry.line?.refused == nil ? "" : " refused"
        let download: HTML =
            entry.isJoinRequest
            ? """
             <a href="/diagram.svg?join=\(entry.id)" download>This join as SVG\
            <span class="unseen">, entry \(entry.id)</span></a>
            """ : ""
        return """
            <li id="entry-\(entry.id)" class="\(entry.kind.rawValue)\(refused)">
            <p class="about">\(ConsoleHistory.time(entry.wallMilliseconds)) \
            <span class="badge">\(entry.kind.rawValue)</span> \(node)</p>
            \(content(entry))\(download)
            </li>
            """
    }

    private static func content(_ entry: C2Entry) -> HTML {
        if entry.kind == .evidence, let evidence = Evidence(entry.message) {
            let facts = evidence.facts.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" as HTML }
            return "<p>\(evidence.introduction)</p><dl class=\"evidence\">\(facts)</dl>"
        }
        let way: HTML =
            entry.line.map { line in
                """
                <p class="faint">\(line.from.rawValue) → \(line.to.rawValue)\(line.sequence.map { ", #\($0)" } ?? ""), \
                \(line.bytes) bytes</p>
                """
            } ?? ""
        let grounds: HTML =
            entry.reason.map { "<p>\(ConsolePage.grade(entry.grade)) \(clipped($0))</p>" } ?? ""
        return "<p>\(clipped(entry.message))</p>\(grounds)\(way)"
    }

    /// Text from a node can be 65,535 bytes long.
    private static func clipped(_ text: String) -> String {
        text.count <= 600 ? text : text.prefix(600) + "…"
    }
}

/// An observer's report of the evidence: `evidence from <node>: {"mode":"challenge",…}`.
private struct Evidence {
    let introduction: String
    let facts: [(name: String, value: String)]

    /// nil if the text contains no flat JSON object.
    init?(_ text: String) {
        guard let start = text.firstIndex(of: "{"),
            let fields = try? JSONDecoder().decode([String: Value].self, from: Data(text[start...].utf8))
        else { return nil }
        introduction = String(text[..<start])
        facts = fields.sorted { $0.key < $1.key }.prefix(32).map {
            (String($0.key.prefix(64)).replacing("_", with: " "), String($0.value.text.prefix(200)))
        }
    }

    private enum Value: Decodable {
        case text(String)
        case number(Double)
        case truth(Bool)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let truth = try? container.decode(Bool.self) {
                self = .truth(truth)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }

        var text: String {
            switch self {
            case .text(let text): text
            case .number(let number): Int64(exactly: number).map { String($0) } ?? String(number)
            case .truth(let truth): truth ? "yes" : "no"
            }
        }
    }
}
