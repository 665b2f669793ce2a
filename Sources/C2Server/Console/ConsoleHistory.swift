import FoundationEssentials
import OperatorText
import SRUP

/// A page of the history, the newest entry first.
struct ConsoleHistory: Sendable {
    let entries: [C2Entry]
    let node: Identifier?
    /// Only decisions.
    let ofDecisions: Bool
    /// Whether these are the newest.
    let isNewest: Bool
    /// Where the older entries begin; nil if there are none.
    let older: Int64?

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
        let ofDecisions = query["kind"] == C2Entry.Kind.decision.rawValue
        let most = ConsolePolicy.entriesOnPage
        let source = ofDecisions ? dependencies.decisionsBefore : dependencies.entriesBefore
        let read = source(before ?? .max, most + 1, node)
        let shown = Array(read.suffix(most))
        return ConsoleHistory(
            entries: shown.reversed(), node: node, ofDecisions: ofDecisions, isNewest: before == nil,
            older: read.count > most ? shown.first?.id : nil)
    }

    /// The last decisions on a node's joins; the newest first.
    func decisions(of node: Identifier) -> [C2Entry] {
        dependencies.decisionsBefore(.max, 10, node).reversed()
    }
}

extension ConsolePage {
    /// Bytes of the entries on a page; an entry can be long.
    private static let maximumEntries = 60_000

    static func history(_ history: ConsoleHistory, _ view: ConsoleView) -> ConsoleContent {
        ConsoleContent(
            title: "History", heading: "<h1>History</h1>", place: historyPath,
            parts: [
                ConsolePart(id: "filter") { filter(history) },
                ConsolePart(id: "history", how: history.isNewest ? .count : nil, kinds: [.history]) { list(history) },
            ])
    }

    private static func filter(_ history: ConsoleHistory) -> HTML {
        let node: HTML = history.node.map { "\($0)" } ?? ""
        let query: HTML = history.node.map { "?node=\($0)" } ?? ""
        let chosen: HTML = history.ofDecisions ? " selected" : ""
        return """
            <form method="get" action="\(historyPath)" class="filter" role="search">
            <div><label for="node">Identity of a node</label>
            <input id="node" name="node" value="\(node)" maxlength="16" autocomplete="off" spellcheck="false"></div>
            <div><label for="kind">Entries</label><select id="kind" name="kind"><option value="">all</option>\
            <option value="decision"\(chosen)>decisions</option></select></div>
            <button class="plain">Show</button>
            <a class="button" href="/diagram.svg\(query)" download>Messages as SVG</a>
            </form>
            """
    }

    private static func list(_ history: ConsoleHistory) -> HTML {
        var (entries, size, older): ([HTML], Int, Int64?) = ([], 0, history.older)
        for entry in history.entries {
            let html = self.entry(entry)
            size += html.text.utf8.count
            guard size <= maximumEntries || entries.isEmpty else {
                // The rest is on the next page.
                older = entry.id + 1
                break
            }
            entries.append(html)
        }
        let fields = [
            history.node.map { "node=\($0)" }, history.ofDecisions ? "kind=decision" : nil,
        ].compactMap(\.self)
        let filter = fields.joined(separator: "&")
        let next: HTML =
            older.map { id in
                let query = (fields + ["before=\(id)"]).joined(separator: "&")
                return "<a class=\"button\" href=\"\(historyPath)?\(query)\" rel=\"next\">Older</a>"
            } ?? ""
        let newest: HTML =
            history.isNewest
            ? "" : "<a class=\"button\" href=\"\(historyPath)\(filter.isEmpty ? "" : "?" + filter)\">Newest</a>"
        return """
            <ol id="history" class="history">\(entries)</ol>
            <p class="empty faint">Nothing is in the history.</p>
            <nav aria-label="Pages of the history" class="choice">\(newest)\(next)</nav>
            """
    }

    private static func entry(_ entry: C2Entry) -> HTML {
        let node: HTML = entry.node.map { "<a href=\"\(nodesPath)/\($0)\">\(code($0))</a>" } ?? ""
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
            return "<p>\(clipped(evidence.introduction))</p><dl class=\"evidence\">\(facts)</dl>"
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

    /// Text from a node can be 65,535 bytes long, and one character of it as well: what counts are the bytes that it takes in the page,
    /// where some characters become six.
    static func clipped(_ text: String, _ most: Int = 600) -> String {
        guard text.utf8.count * 6 > most else { return text }
        var (kept, bytes) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            bytes += "\"'<>&".unicodeScalars.contains(scalar) ? 6 : UTF8.width(scalar)
            guard bytes <= most else { return String(kept) + "…" }
            kept.append(scalar)
        }
        return text
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
            (ConsolePage.clipped($0.key, 64).replacing("_", with: " "), ConsolePage.clipped($0.value.text, 200))
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
