import Bench
import SRUP

// The page Now: what needs the operator, the queue of joins, and the last decisions.
extension ConsolePage {
    /// The entries of a queue on the page; more are counted.
    private static let mostInQueue = 40

    static func now(_ view: ConsoleView) -> ConsoleContent {
        ConsoleContent(
            title: "C2 \(view.snapshot.server)", heading: "<h1>Now</h1>", place: "/",
            parts: [
                ConsolePart(id: "tiles", how: .replace, kinds: [.joins, .nodes, .history, .broker]) { tiles(view) },
                ConsolePart(id: "staged", how: .replace, kinds: [.nodes, .history]) { staged(view) },
                ConsolePart(id: "joins", how: .queue, kinds: [.joins]) { queue(view, .human) },
                ConsolePart(id: "observed", how: .queue, kinds: [.joins]) { queue(view, .observed) },
                ConsolePart(id: "decisions", how: .count, kinds: [.joins]) { decisions(view) },
                ConsolePart(id: "requirement", how: .replace, kinds: [.history]) { requirement(view) },
            ])
    }

    // MARK: - Tiles

    private static func tiles(_ view: ConsoleView) -> HTML {
        let fleet = view.fleet
        let waits = view.snapshot.joins.count { $0.joinMode == .human }
        let unanswered = fleet.unanswered(at: view.now)
        let failed = fleet.failed(at: view.now)
        let update = view.snapshot.staged
        let all: [(count: Int, text: String, path: String, kind: String)] = [
            (
                update?.phase == .stopped ? 1 : 0, "staged update has stopped", "#staged-heading", "bad"
            ),
            (
                update?.phase == .running ? 1 : 0, "staged update is under way", "#staged-heading", "wait"
            ),
            (waits, waits == 1 ? "join waits for you" : "joins wait for you", "#joins-heading", "wait"),
            (fleet.count(.silent), "silent", "\(nodesPath)?state=silent", "bad"),
            (fleet.count(.paused), "paused", "\(nodesPath)?state=paused", "warn"),
            (
                failed, failed == 1 ? "join failed in 1 h" : "joins failed in 1 h", "\(historyPath)?kind=decision",
                "warn"
            ),
            (
                unanswered.count,
                unanswered.count == 1 ? "node has not answered an order" : "nodes have not answered orders",
                unanswered.first.map { "\(nodesPath)/\($0.id)#orders-heading" } ?? nodesPath, "bad"
            ),
        ]
        let tiles = all.filter { $0.count > 0 }.map { tile -> HTML in
            """
            <li><a class="tile \(tile.kind)" href="\(tile.path)"><strong>\(tile.count)</strong> \(tile.text)</a></li>
            """
        }
        let last: HTML =
            fleet.lastHeard.map { "The last message came \(ago($0, view))." } ?? "Nothing was heard yet."
        let calm: HTML = tiles.isEmpty ? "Nothing needs you. " : ""
        return """
            <h2 class="unseen">What needs you</h2>
            <ul class="tiles" id="tiles">\(tiles)</ul>
            <p class="faint">\(calm)\(last)</p>
            """
    }

    // MARK: - The staged update

    private static func staged(_ view: ConsoleView) -> HTML {
        guard let update = view.snapshot.staged, update.phase == .running || update.phase == .stopped else { return "" }
        let failures = update.failures.map {
            "<li>\(link($0.node, view)) <span class=\"bad\">\(clipped($0.reason, 200))</span></li>" as HTML
        }
        let list: HTML = failures.isEmpty ? "" : "<ul class=\"plain\">\(failures)</ul>"
        return """
            <section aria-labelledby="staged-heading">
            <h2 id="staged-heading">Staged update</h2>
            <p>\(clipped(update.text))</p>
            \(list)
            </section>
            """
    }

    // MARK: - The queues

    private static func queue(_ view: ConsoleView, _ mode: C2.JoinMode) -> HTML {
        let isHuman = mode == .human
        let snapshot = view.snapshot
        let over = snapshot.ended.suffix(mostInQueue)
            .filter { $0.secondsAgo < ConsolePolicy.keptPlace && ($0.joinMode == .human) == isHuman }
        // Finished joins keep their place, so that no entry moves while somebody clicks.
        let open = snapshot.joins.filter { ($0.joinMode == .human) == isHuman }
        let all =
            open.prefix(mostInQueue).map { ($0.secondsLeft, $0.id, entry($0, view)) }
            + over.map { ($0.secondsLeft, $0.id, entry($0, view)) }
        let entries = all.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
        let more: HTML =
            open.count > mostInQueue ? "<p class=\"faint later\">And \(open.count - mostInQueue) later ones.</p>" : ""
        let (id, heading, none) =
            isHuman
            ? ("joins", "Joins that wait for you", "No device waits for a decision.")
            : ("observed", "Joins that beacons observe now", "None.")
        return """
            <section aria-labelledby="\(id)-heading">
            <h2 id="\(id)-heading">\(heading)</h2>
            <ul id="\(id)" class="joins">\(entries)</ul>
            <p class="empty faint">\(none)</p>\(more)
            </section>
            """
    }

    private static func entry(_ join: C2Snapshot.Join, _ view: ConsoleView) -> HTML {
        let way: HTML =
            join.joinMode == .human
            ? "<a class=\"button main\" href=\"\(joinPath)\(join.id)\">Compare<span class=\"unseen\"> \(code(join.device))</span></a>"
            : votes(join.votes)
        return """
            <li id="join-\(join.id)" class="join" data-device="\(join.device)" data-left="\(join.secondsLeft)">
            <span class="who">\(who(join.device, view))</span> <span class="faint">\(manner(join.observer, view))</span>
            <span class="ends">until \(clock(view.now + join.secondsLeft * 1_000, view)), \
            <span class="left">\(timeLeft(join.secondsLeft)) left</span></span>
            \(way)
            </li>
            """
    }

    private static func entry(_ join: C2Snapshot.Ended, _ view: ConsoleView) -> HTML {
        """
        <li id="join-\(join.id)" class="join over \(join.decision.rawValue)" data-device="\(join.device)">
        <span class="who">\(who(join.device, view))</span> <span class="faint">\(manner(join.observer, view))</span>
        <span><strong>\(join.decision.rawValue)</strong> \(grade(join.grade)): \(join.reason).</span>
        <a href="\(joinPath)\(join.id)">Result<span class="unseen"> for \(join.device)</span></a>
        </li>
        """
    }

    static func manner(_ observer: Identifier?, _ view: ConsoleView) -> HTML {
        observer.map { "observed by \(who($0, view))" } ?? "human-moderated: you decide"
    }

    static func timeLeft(_ seconds: Int64) -> String {
        let (minutes, rest) = seconds.quotientAndRemainder(dividingBy: 60)
        return minutes > 0 ? "\(minutes) min \(rest) s" : "\(rest) s"
    }

    // MARK: - Decisions

    private static func decisions(_ view: ConsoleView) -> HTML {
        let entries = view.fleet.decisions.reversed().map { entry -> HTML in
            """
            <li id="decision-\(entry.wallMilliseconds)-\(entry.node?.number ?? 0)">\(clock(entry.wallMilliseconds, view)) \
            \(entry.node.map { link($0, view) } ?? "") <span>\(ConsolePage.clipped(entry.message))</span> \
            \(grade(entry.grade)) <span class="faint">\(ConsolePage.clipped(entry.reason ?? ""))</span></li>
            """
        }
        return """
            <section aria-labelledby="decisions-heading">
            <h2 id="decisions-heading">The last decisions</h2>
            <ol id="decisions" class="decisions">\(entries)</ol>
            <p class="empty faint">None yet.</p>
            <p><a href="\(historyPath)?kind=decision">All decisions</a></p>
            </section>
            """
    }
}

extension C2Fleet {
    /// When any node was heard last, in milliseconds since 1970.
    var lastHeard: Int64? { orders[.heard]?.keys.first.flatMap { self[$0.node]?.facts.heard } }
}
