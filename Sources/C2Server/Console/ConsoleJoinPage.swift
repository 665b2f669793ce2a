import HumanView
import SRUP

// The page of a join, on which it is decided.
extension ConsolePage {
    /// The path before a join's id.
    static let joinPath = "/joins/"

    // MARK: - The page of one join

    static func join(_ it: ConsoleJoinView) -> ConsoleContent {
        ConsoleContent(
            title: "Join of \(it.device)", heading: "<h1>Join of \(who(it.device, it.all))</h1>", place: "/",
            parts: [
                ConsolePart(id: "decision", how: .decision, kinds: [.joins]) { decision(it) },
                ConsolePart(id: "waiting", how: .replace, kinds: [.joins]) { waiting(it) },
                ConsolePart(id: "messages") { messages(it) },
            ])
    }

    private static func decision(_ it: ConsoleJoinView) -> HTML {
        let observer = it.open?.observer ?? it.ended?.observer
        let left: HTML =
            it.open.map { join in
                """
                <span class="ends" data-left="\(join.secondsLeft)">until \(clock(it.all.now + join.secondsLeft * 1_000, it.all)), \
                <span class="left">\(timeLeft(join.secondsLeft)) left</span></span>
                """
            } ?? ""
        let key: HTML = it.fingerprint.map { "<p class=\"faint key\">Its key: <code>\($0)</code></p>" } ?? ""
        return """
            <div id="decision" class="card" data-state="\(state(it))">
            <p class="facts"><span>\(manner(observer, it.all))</span> \(left)</p>
            \(key)
            \(it.ended.map { result($0, it) } ?? comparison(it))
            </div>
            """
    }

    /// The messages of the join, when it is over.
    private static func messages(_ it: ConsoleJoinView) -> HTML {
        guard let figure = it.figure, !figure.isEmpty else { return "" }
        return """
            <section aria-labelledby="messages-heading">
            <h2 id="messages-heading">Its messages</h2>
            <p><a class="button" href="/diagram.svg?\(figure.query)" download>Download as SVG</a></p>
            <div id="figure" class="figure" tabindex="0" role="region" aria-labelledby="messages-heading">\
            \(HTML(trusted: figure.diagram.figure))</div>
            </section>
            """
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
            ? "<button class=\"main\" name=\"decision\" value=\"\(ConsoleButton.accept.rawValue)\">Accept \(code(view.device))</button>"
            : ""
        return """
            <form method="post" action="/join" id="decide">\(token(view.all.session))
            <input type="hidden" name="join" value="\(view.id)">
            <input type="hidden" name="view" value="\(view.view.rawValue)">
            <input type="hidden" name="number" value="\(view.number)">
            \(value)
            <p class="choice">\(accept)
            <button class="danger" name="decision" value="\(ConsoleButton.refuse.rawValue)" formnovalidate>They differ: refuse \(code(view.device))\
            </button></p>
            </form>
            """
    }

    // MARK: - Its result

    private static func result(_ ended: C2Snapshot.Ended, _ view: ConsoleJoinView) -> HTML {
        let words: HTML =
            switch ended.decision {
            case .accepted: "Accepted: device \(who(ended.device, view.all)) is a member now."
            case .refused: "Refused: device \(who(ended.device, view.all)) has not joined."
            case .failed: "Failed: device \(who(ended.device, view.all)) has not joined."
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
            <form method="post" action="/order" class="undo">\(token(view.all.session))
            <input type="hidden" name="node" value="\(ended.device)">
            <p>Accepted by mistake? <button class="danger" name="order" value="terminate">Undo: end membership…</button></p>
            </form>
            """
    }

    /// Bound on the other joins that are offered.
    private static let mostOthers = 20

    private static func waiting(_ view: ConsoleJoinView) -> HTML {
        let links = view.others.prefix(mostOthers).map {
            "<li><a href=\"\(joinPath)\($0.id)\">Compare \(who($0.device, view.all))</a></li>" as HTML
        }
        let more: HTML =
            view.others.count > mostOthers ? "<p><a href=\"/\">And \(view.others.count - mostOthers) more</a></p>" : ""
        return """
            <section aria-labelledby="waiting-heading">
            <h2 id="waiting-heading">Other joins that wait for a decision</h2>
            <ul id="waiting" class="plain">\(links)</ul>
            <p class="empty faint">None.</p>\(more)
            </section>
            """
    }
}
