import HumanView
import SRUP

// The list of joins, and the page of each join, on which it is decided.
extension ConsolePage {
    /// The path before a join's id.
    static let joinPath = "/joins/"

    // MARK: - The list

    static func joinSection(_ view: ConsoleView) -> HTML {
        let snapshot = view.snapshot
        let over = snapshot.ended.filter { $0.secondsAgo < ConsolePolicy.keptPlace }
        // Finished joins keep their place, so that no entry moves while somebody clicks.
        let open = snapshot.joins.map { (rank($0.joinMode), $0.secondsLeft, $0.id, card($0)) }
        let ended = over.map { (rank($0.joinMode), $0.secondsLeft, $0.id, card($0)) }
        let cards = (open + ended).sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }.map(\.3)
        return """
            <section aria-labelledby="joins-heading">
            <h2 id="joins-heading">Joins in progress</h2>
            <ul id="joins" class="joins" data-live="joins">\(cards)</ul>
            <p class="empty faint">No device is asking to join.</p>
            </section>
            """
    }

    /// Those that wait for a person come first.
    private static func rank(_ joinMode: C2.JoinMode) -> Int {
        switch joinMode {
        case .human: 0
        case .simple, .observed: 1
        }
    }

    private static func card(_ join: C2Snapshot.Join) -> HTML {
        let isHuman = join.joinMode == .human
        let way: HTML =
            isHuman
            ? "<p><a class=\"button main\" href=\"\(joinPath)\(join.id)\">Compare <code>\(join.device)</code></a></p>"
            : votes(join.votes)
        return """
            <li id="join-\(join.id)" class="join" data-device="\(join.device)" data-left="\(join.secondsLeft)">
            <h3>Device <code>\(join.device)</code></h3>
            <p class="facts"><span>\(joinMode(join.observer))</span> <span class="left">\(timeLeft(join.secondsLeft)) left</span></p>
            \(way)
            </li>
            """
    }

    private static func card(_ join: C2Snapshot.Ended) -> HTML {
        """
        <li id="join-\(join.id)" class="join over \(join.decision.rawValue)" data-device="\(join.device)">
        <h3>Device <code>\(join.device)</code></h3>
        <p class="facts"><span>\(joinMode(join.observer))</span> <span class="left">finished</span></p>
        <p><strong>\(join.decision.rawValue)</strong> \(grade(join.grade)): \(join.reason).
        <a href="\(joinPath)\(join.id)">Result<span class="unseen"> for \(join.device)</span></a></p>
        </li>
        """
    }

    private static func joinMode(_ observer: Identifier?) -> HTML {
        observer.map { "observed by <code>\($0)</code>" } ?? "human-moderated: you decide"
    }

    static func timeLeft(_ seconds: Int64) -> String {
        let (minutes, rest) = seconds.quotientAndRemainder(dividingBy: 60)
        return minutes > 0 ? "\(minutes) min \(rest) s" : "\(rest) s"
    }

    // MARK: - The page of one join

    static func join(_ view: ConsoleJoinView) -> HTML {
        let observer = view.open?.observer ?? view.ended?.observer
        let left: HTML =
            view.open.map { join in
                """
                <span class="join" data-left="\(join.secondsLeft)"><span class="left">\(timeLeft(join.secondsLeft)) left</span></span>
                """
            } ?? ""
        return document(
            title: "Join of \(view.device)",
            """
            \(header("<h1>Join of device <code>\(view.device)</code></h1>", view.session))
            <main id="main" class="one" data-newest="\(view.newest)">
            <p><a href="/">All joins</a></p>
            \(said(view.said))
            <p id="announcer" class="unseen" role="status" aria-live="assertive"></p>
            <div id="decision" class="card" data-live="decision" data-state="\(state(view))">
            <p class="facts"><span>\(joinMode(observer))</span> \(left)</p>
            \(view.ended.map { result($0, view) } ?? comparison(view))
            </div>
            \(waiting(view))
            </main>
            """)
    }

    /// An open page updates when this changes.
    private static func state(_ view: ConsoleJoinView) -> String {
        if let ended = view.ended { return ended.decision.rawValue }
        return view.open?.votes.map { "open, \($0.seen.count + $0.unseen.count) answers" } ?? "open"
    }

    private static func comparison(_ view: ConsoleJoinView) -> HTML {
        guard view.open?.joinMode == .human else { return votes(view.open?.votes) }
        guard let comparison = view.comparison else {
            return """
                <p class="fault">The value is no longer known and cannot be compared. Refuse the join, and let the \
                device ask again.</p>
                \(form(view, accepts: false, ""))
                """
        }
        let question: HTML =
            comparison.view == .words
            ? "Does the device show these words? Type the three hidden words as the device shows them."
            : "Does the device show exactly this?"
        let others = HumanView.counted.filter { $0 != comparison.view }.map { other -> HTML in
            "<li><a href=\"\(view.path)?view=\(other.rawValue)\">\(other.title)</a></li>"
        }
        return """
            <p>\(question)</p>
            <p class="faint">\(comparison.view.title)</p>
            \(form(view, accepts: comparison.mayAccept, shown(comparison, view)))
            <nav aria-label="Other views"><p class="faint">If the device shows another view, choose the same one:</p>
            <ul class="views">\(others)</ul></nav>
            """
    }

    /// Text as text; cells as a picture, with a description for screen readers.
    private static func shown(_ comparison: ConsoleComparison, _ view: ConsoleJoinView) -> HTML {
        guard let picture = comparison.picture else { return words(comparison) }
        switch picture.form {
        case .text(let lines):
            let parts = lines.map { "<span>\($0)</span> " as HTML }
            return "<p class=\"value text\">\(parts)</p>"
        case .grid:
            let rows = picture.spoken.split(separator: "; ").map { "<span>\(String($0))</span> " as HTML }
            return """
                <p class="value"><img src="/picture.svg?join=\(view.id)&amp;view=\(comparison.view.rawValue)" width="240" \
                height="240" alt="The \(picture.name) of the value; a description follows."></p>
                <details><summary>Description</summary><p>\(rows)</p></details>
                """
        }
    }

    /// Rows of four, four and three words, as on the device; an input field for a hidden word.
    private static func words(_ comparison: ConsoleComparison) -> HTML {
        let items = comparison.words.enumerated().map { place, word -> HTML in
            if let word { return "<li>\(word)</li>" }
            let name = "word\(place + 1)"
            return """
                <li><label class="unseen" for="\(name)">Word \(place + 1) of \(comparison.words.count), as the device shows \
                it</label><input id="\(name)" name="\(name)" required maxlength="16" autocomplete="off" autocapitalize="none" \
                autocorrect="off" spellcheck="false"></li>
                """
        }
        return "<ol class=\"value words\">\(items)</ol>"
    }

    /// Enter in a field presses the first button. Refusing needs no words.
    private static func form(_ view: ConsoleJoinView, accepts: Bool, _ value: HTML) -> HTML {
        let accept: HTML =
            accepts
            ? "<button class=\"main\" name=\"decision\" value=\"\(ConsoleButton.accept.rawValue)\">Accept <code>\(view.device)</code></button>"
            : ""
        return """
            <form method="post" action="/join" id="decide">\(token(view.session))
            <input type="hidden" name="join" value="\(view.id)">
            <input type="hidden" name="view" value="\(view.view.rawValue)">
            <input type="hidden" name="number" value="\(view.number)">
            \(value)
            <p class="choice">\(accept)
            <button class="danger" name="decision" value="\(ConsoleButton.refuse.rawValue)" formnovalidate>They differ: refuse <code>\(view.device)\
            </code></button></p>
            </form>
            """
    }

    // MARK: - Its result

    private static func result(_ ended: C2Snapshot.Ended, _ view: ConsoleJoinView) -> HTML {
        let words: HTML =
            switch ended.decision {
            case .accepted: "Accepted: device <code>\(ended.device)</code> is a member now."
            case .refused: "Refused: device <code>\(ended.device)</code> has not joined."
            case .failed: "Failed: device <code>\(ended.device)</code> has not joined."
            }
        return """
            <p id="result" class="result \(ended.decision.rawValue)" role="status" tabindex="-1">\(words)</p>
            \(evidence(ended))
            <p class="faint">\(ended.reason), \(timeLeft(ended.secondsAgo)) ago.</p>
            \(undo(ended, view))
            """
    }

    private static func evidence(_ ended: C2Snapshot.Ended) -> HTML {
        guard ended.grade != nil else { return "" }
        return "<p id=\"evidence\">The evidence: \(grade(ended.grade))</p>"
    }

    /// Ends the membership after an accept. It asks for confirmation, at another place on the screen.
    private static func undo(_ ended: C2Snapshot.Ended, _ view: ConsoleJoinView) -> HTML {
        guard ended.decision == .accepted else { return "" }
        guard view.isMember else { return "<p>It is no longer a member.</p>" }
        return """
            <form method="post" action="/order" class="undo">\(token(view.session))
            <input type="hidden" name="node" value="\(ended.device)">
            <p>Accepted by mistake? <button class="danger" name="order" value="terminate">Undo: end membership…</button></p>
            </form>
            """
    }

    private static func waiting(_ view: ConsoleJoinView) -> HTML {
        let links = view.others.map {
            "<li><a href=\"\(joinPath)\($0.id)\">Compare <code>\($0.device)</code></a></li>" as HTML
        }
        return """
            <section aria-labelledby="waiting-heading">
            <h2 id="waiting-heading">Other joins that wait for a decision</h2>
            <ul id="waiting" data-live="waiting">\(links)</ul>
            <p class="empty faint">None.</p>
            </section>
            """
    }
}
