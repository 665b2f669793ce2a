import Bench
import OperatorText
import SRUP

/// What the page of one node has besides the view.
struct ConsoleNodeView: Sendable {
    let node: C2Fleet.Node
    let fingerprint: String?
    let figure: ConsoleFigure
    /// The newest first.
    let joins: [C2Entry]
}

// The page of one node: facts, orders, joins and messages.
extension ConsolePage {
    static func node(_ it: ConsoleNodeView, _ view: ConsoleView) -> ConsoleContent {
        let id = it.node.id
        func part(_ name: String, _ how: ConsolePart.How?, _ content: @escaping () -> HTML) -> ConsolePart {
            ConsolePart(id: name, how: how, kinds: [.nodes], node: id, content: content)
        }
        return ConsoleContent(
            title: it.node.facts.name ?? "Node \(id)", heading: "<h1>\(who(id, view))</h1>", place: nodesPath,
            parts: [
                part("facts", .replace) { facts(it, view) },
                part("orders", .replace) { orderSection(it.node, view) },
                part("names", nil) { nameForms(it.node, view) },
                part("joins", .count) { joinsOf(it, view) },
                part("messages", .replace) { messages(it) },
            ])
    }

    // MARK: - Facts

    private static func facts(_ it: ConsoleNodeView, _ view: ConsoleView) -> HTML {
        let node = it.node
        let heard: HTML =
            node.facts.heard.map { "\(ago($0, view)), \(clock($0, view))" } ?? "never"
        var rows: [(String, HTML)] = [
            ("State", "\(badge(node.state)) \(stateNote(node, view))"), ("Identity", code(node.id)),
            ("Membership", "<span id=\"membership\">\(node.membership.label)</span>"),
            ("May observe", "<span id=\"may-observe\">\(node.mayObserve ? "yes" : "no")</span>"), ("Last heard", heard),
        ]
        if !node.site.isEmpty { rows.append(("Site", "\(node.site)\(siteNote(node))")) }
        if let fingerprint = it.fingerprint { rows.append(("Key", "<code>\(fingerprint)</code>")) }
        if let record = node.record {
            rows.append(("Record of verdicts", "row \(record.row), signed \(clock(record.signedAt * 1_000, view))"))
        }
        let warnings = warnings(node, view).map { "<li class=\"warn\">\($0)</li>" as HTML }
        let attention: HTML = warnings.isEmpty ? "" : "<ul class=\"warnings\">\(warnings)</ul>"
        return """
            <section aria-labelledby="facts-heading">
            <h2 id="facts-heading">Facts</h2>
            \(attention)\(list(rows))
            \(told(node, view))
            </section>
            """
    }

    private static func list(_ rows: [(String, HTML)]) -> HTML {
        "<dl class=\"facts\">\(rows.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>\n" as HTML })</dl>"
    }

    private static func stateNote(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        switch node.state {
        case .silent: node.asked.map { "has not answered since \(clock($0, view))" } ?? ""
        case .paused: "this server has paused it"
        case .quiet, .heard, .notJoined, .left, .deregistered: ""
        }
    }

    private static func siteNote(_ node: C2Fleet.Node) -> HTML {
        node.facts.site != nil || node.givenSite != nil ? "" : " <span class=\"faint\">(it says so itself)</span>"
    }

    /// Its own statement; nothing of it is checked.
    private static func told(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        guard let told = node.facts.told else {
            return node.isMember ? "<p class=\"faint\">It has reported nothing yet.</p>" : ""
        }
        func text(_ value: String?) -> HTML? { value.map { "\($0)" } }
        func number(_ value: Int?) -> HTML? { value.map { "\($0)" } }
        func truth(_ value: Bool?) -> HTML? { value.map { $0 ? "yes" : "no" } }
        let adapters = told.adapters.map { "\($0.name): \($0.state)" }.joined(separator: ", ")
        let all: [(String, HTML?)] = [
            ("It calls itself", text(told.name.map { "“\($0)”" })), ("Its site", text(told.site)),
            ("Its position", text(told.position)),
            ("Observes", truth(told.observing)), ("Paused by this server", truth(node.facts.isPaused)),
            ("Adapters", adapters.isEmpty ? nil : text(adapters)),
            ("Transports", told.transports.isEmpty ? nil : text(told.transports.joined(separator: ", "))),
            ("Open observations", number(told.open)), ("Accepted today", number(told.accepted)),
            ("Refused today", number(told.refused)), ("Certificate expires", text(told.certificateExpires)),
            ("Program", text([told.product, told.version].compactMap(\.self).joined(separator: " "))),
            ("Configuration", text(told.configuration)),
        ]
        let rows = all.compactMap { name, value in value.map { (name, $0) } }
        return """
            <h3>Reported by the node, \(ago(told.at, view))</h3>
            \(list(rows))
            """
    }

    // MARK: - Orders

    private static func orderSection(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        let groups = ConsoleOrder.Group.allCases.compactMap { group -> HTML? in
            let orders = ConsoleOrder.allCases.filter { $0.group == group && $0.applies(to: node) }
            guard !orders.isEmpty else { return nil }
            let buttons = orders.filter { $0 != .update }.map { order -> HTML in
                let kind: HTML = order.question == nil ? "plain" : "danger"
                return "<button class=\"\(kind)\" name=\"order\" value=\"\(order.rawValue)\">\(order.label)</button>\n"
            }
            return """
                <fieldset><legend>\(group.rawValue)</legend>
                <form method="post" action="/order" class="orders">\(token(view.session))
                <input type="hidden" name="node" value="\(node.id)">
                \(buttons)</form>
                \(orders.contains(.update) ? updateForm(node.id, view) : "")
                </fieldset>

                """
        }
        return """
            <section aria-labelledby="orders-heading">
            <h2 id="orders-heading">Orders</h2>
            <div class="groups">\(groups)</div>
            \(records(node, view))
            </section>
            """
    }

    private static func records(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        guard !node.orders.isEmpty else { return "" }
        let records = node.orders.reversed().map { order -> HTML in
            let ordered: HTML = order.ordered.map { "ordered \(clock($0, view))" } ?? "ordered before the last start"
            let sent: HTML = order.sent.map { " → sent \(clock($0, view))" } ?? ""
            let result: HTML =
                if let answered = order.answered, let text = order.answer {
                    " → <strong>answered</strong> \(clock(answered, view)): \(clipped(text))"
                } else if order.isUnanswered(at: view.now) {
                    " → <strong class=\"bad\">no answer</strong>"
                } else { " → waiting for the answer" }
            return "<li><strong>\(order.what)</strong>: \(ordered)\(sent)\(result)</li>\n"
        }
        return "<ul class=\"records\" id=\"records\">\(records)</ul>"
    }

    private static func updateForm(_ node: Identifier, _ view: ConsoleView) -> HTML {
        """
        <form method="post" action="/order" class="update">\(token(view.session))
        <input type="hidden" name="node" value="\(node)">
        <label for="url">Address of the file</label>
        <input id="url" name="url" required maxlength="\(ConsolePolicy.maximumAddress)" autocomplete="off" \
        spellcheck="false" inputmode="url">
        <label for="digest">Its SHA-256</label>
        <input id="digest" name="digest" required pattern=" *[0-9a-fA-F]{64} *" \
        title="64 hexadecimal digits" autocomplete="off" spellcheck="false">
        <button class="plain" name="order" value="\(ConsoleOrder.update.rawValue)">\(ConsoleOrder.update.label)</button>
        </form>
        """
    }

    /// The operator's own words for it. They are not part of what is replaced while somebody types.
    private static func nameForms(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        func form(_ order: ConsoleOrder, _ label: HTML, _ value: String?) -> HTML {
            """
            <form method="post" action="/order" class="name">\(token(view.session))
            <input type="hidden" name="node" value="\(node.id)">
            <label for="set-\(order.rawValue)">\(label)</label>
            <input id="set-\(order.rawValue)" name="text" value="\(value ?? "")" maxlength="64" autocomplete="off">
            <button class="plain" name="order" value="\(order.rawValue)">\(order.label)</button>
            </form>
            """
        }
        return """
            <section aria-labelledby="names-heading">
            <h2 id="names-heading">Name and site</h2>
            <p class="faint">Your own words for it. No device can set them.</p>
            <div class="groups">\(form(.name, "Name", node.facts.name))\(form(.site, "Site", node.facts.site))</div>
            </section>
            """
    }

    // MARK: - Joins and messages

    private static func joinsOf(_ it: ConsoleNodeView, _ view: ConsoleView) -> HTML {
        let entries = it.joins.map { entry -> HTML in
            """
            <li id="entry-\(entry.id)">\(clock(entry.wallMilliseconds, view)) \(clipped(entry.message)) \
            \(grade(entry.grade)) <span class="faint">\(clipped(entry.reason ?? ""))</span></li>
            """
        }
        return """
            <section aria-labelledby="joins-heading">
            <h2 id="joins-heading">Joins</h2>
            <ol id="joins" class="decisions">\(entries)</ol>
            <p class="empty faint">None in the newest entries of the history.</p>
            </section>
            """
    }

    private static func messages(_ it: ConsoleNodeView) -> HTML {
        let drawing: HTML =
            it.figure.isEmpty ? "<p class=\"faint\">No message yet.</p>" : HTML(trusted: it.figure.diagram.figure)
        return """
            <section aria-labelledby="messages-heading">
            <h2 id="messages-heading">Messages</h2>
            <p><a class="button" href="/diagram.svg?\(it.figure.query)" download>Download as SVG</a>
            <a class="button" href="\(historyPath)?node=\(it.node.id)">Its history</a></p>
            <div id="figure" class="figure" tabindex="0" role="region" aria-label="Diagram">\(drawing)</div>
            </section>
            """
    }
}

extension C2.MembershipState {
    /// The text on the page.
    var label: String {
        switch self {
        case .known: "not joined"
        case .joined: "member"
        case .observer: "member, may observe"
        case .terminated: "membership ended"
        case .resigned: "resigned"
        case .deregistered: "deregistered"
        }
    }
}
