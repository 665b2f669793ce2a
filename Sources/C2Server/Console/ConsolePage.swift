import Bench
import SRUP

/// Everything that the main page shows.
struct ConsoleView: Sendable {
    let snapshot: C2Snapshot
    let figure: ConsoleFigure
    let history: ConsoleHistory
    /// Messages about the last order.
    let said: [String]
    let session: ConsoleSessions.Session
    /// The node whose messages are shown; nil: all nodes.
    let node: Identifier?
}

/// The console's pages. Everything works without the script, which only updates open pages.
enum ConsolePage {
    /// The main page.
    static func main(_ view: ConsoleView) -> HTML {
        let joins = view.snapshot.joins.count
        return document(
            title: (joins > 0 ? "(\(joins)) " : "") + "C2 \(view.snapshot.server)",
            """
            \(header("<h1>C2 server <code>\(view.snapshot.server)</code></h1>", view.session))
            <main id="main" data-newest="\(view.history.newest)">
            \(said(view.said))
            <p id="announcer" class="unseen" role="status" aria-live="assertive"></p>
            \(joinSection(view))
            \(deviceSection(view))
            \(requirementSection(view))
            \(messageSection(view))
            \(historySection(view))
            </main>
            """)
    }

    /// The sign-in page.
    static func signIn(_ message: String? = nil) -> HTML {
        let fault: HTML = message.map { "<p class=\"fault\" id=\"fault\" role=\"alert\">\($0)</p>" } ?? ""
        let described: HTML = message == nil ? "hint" : "fault hint"
        return document(
            title: "Sign in",
            """
            <main id="main" class="small">
            <h1>C2 console</h1>
            \(fault)
            <form method="post" action="/sign-in" id="sign-in">
            <label for="key">Key</label>
            <input id="key" name="key" type="password" autocomplete="off" autocapitalize="none" spellcheck="false"
            required autofocus aria-describedby="\(described)">
            <p id="hint" class="faint">The C2 server has printed it: <code>sign in with …</code>. Each key can be used once.</p>
            <button class="main">Sign in</button>
            </form>
            </main>
            """)
    }

    /// A question before an order that cannot easily be undone.
    static func confirm(
        _ order: ConsoleOrder, _ question: String, of node: Identifier, _ session: ConsoleSessions.Session
    ) -> HTML {
        document(
            title: order.confirmation,
            """
            <main id="main" class="small">
            <h1>\(order.confirmation): <code>\(node)</code>?</h1>
            <p>\(question)</p>
            <form method="post" action="/order">\(token(session))
            <input type="hidden" name="node" value="\(node)">
            <input type="hidden" name="order" value="\(order.rawValue)">
            <input type="hidden" name="confirmed" value="yes">
            <p class="choice"><a class="button" href="/">Cancel</a>
            <button class="danger">\(order.confirmation)</button></p>
            </form>
            </main>
            """)
    }

    /// A message, with a link to the main page.
    static func message(_ heading: String, _ message: String) -> HTML {
        document(
            title: heading,
            """
            <main id="main" class="small">
            <h1>\(heading)</h1>
            <p>\(message)</p>
            <p><a class="button" href="/">Back to the console</a></p>
            </main>
            """)
    }

    // MARK: - Parts

    static func document(title: String, _ body: HTML) -> HTML {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title)</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/console.css">
        <script src="/console.js" defer></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the content</a>
        \(body)
        </body>
        </html>

        """
    }

    static func token(_ session: ConsoleSessions.Session) -> HTML {
        "<input type=\"hidden\" name=\"token\" value=\"\(session.formToken)\">"
    }

    static func header(_ heading: HTML, _ session: ConsoleSessions.Session) -> HTML {
        """
        <header class="top">
        \(heading)
        <p id="live" class="live" role="status">Reload to update.</p>
        <form method="post" action="/sign-out">\(token(session))<button class="plain">Sign out</button></form>
        </header>
        """
    }

    static func said(_ messages: [String]) -> HTML {
        guard !messages.isEmpty else { return "" }
        let lines = messages.map { "<p>\($0)</p>" as HTML }
        return "<div id=\"said\" class=\"said\" role=\"status\" tabindex=\"-1\">\(lines)</div>"
    }

    // MARK: - Devices

    private static func deviceSection(_ view: ConsoleView) -> HTML {
        let rows = view.snapshot.nodes.map { row($0, view) }
        return """
            <section aria-labelledby="devices-heading">
            <h2 id="devices-heading">Devices</h2>
            <table class="devices">
            <thead><tr><th scope="col">Device</th><th scope="col">Membership</th><th scope="col">Role</th>\
            <th scope="col">May observe</th>\
            <th scope="col">Last heard</th><th scope="col">Orders</th></tr></thead>
            <tbody id="devices" data-live="devices">\(rows)</tbody>
            </table>
            </section>
            """
    }

    private static func row(_ node: C2Snapshot.Node, _ view: ConsoleView) -> HTML {
        let heard: HTML =
            node.heardMilliseconds.map { ConsoleHistory.time($0) } ?? "<span class=\"faint\">not in this run</span>"
        let orders = ConsoleOrder.ofNode.filter { $0 != (node.mayObserve ? .letObserve : .stopObserving) }
        let buttons = orders.map { order -> HTML in
            let kind: HTML = order.question == nil ? "plain" : "danger"
            return "<button class=\"\(kind)\" name=\"order\" value=\"\(order.rawValue)\">\(order.label)</button>"
        }
        return """
            <tr id="node-\(node.id)"><th scope="row"><code>\(node.id)</code></th>
            <td data-name="Membership"><span class="badge \(node.membership.rawValue)">\(node.membership.label)</span></td>
            <td data-name="Role">\(node.role.rawValue)</td>
            <td data-name="May observe">\(node.mayObserve ? "yes" : "no")</td>
            <td data-name="Last heard">\(heard)</td>
            <td data-name="Orders"><details><summary>Orders<span class="unseen"> for \(node.id)</span></summary>
            <form method="post" action="/order" class="orders">\(token(view.session))
            <input type="hidden" name="node" value="\(node.id)">
            \(buttons)
            </form>
            \(updateForm(node.id, view))
            </details></td></tr>
            """
    }

    private static func updateForm(_ node: Identifier, _ view: ConsoleView) -> HTML {
        """
        <form method="post" action="/order" class="update">\(token(view.session))
        <input type="hidden" name="node" value="\(node)">
        <label for="url-\(node)">Update: address of the file</label>
        <input id="url-\(node)" name="url" required maxlength="\(ConsolePolicy.maximumAddress)" autocomplete="off" \
        spellcheck="false" inputmode="url">
        <label for="digest-\(node)">its SHA-256</label>
        <input id="digest-\(node)" name="digest" required pattern=" *[0-9a-fA-F]{64} *" \
        title="64 hexadecimal digits" autocomplete="off" spellcheck="false">
        <button class="plain" name="order" value="\(ConsoleOrder.update.rawValue)">\(ConsoleOrder.update.label)</button>
        </form>
        """
    }

    // MARK: - Messages

    private static func messageSection(_ view: ConsoleView) -> HTML {
        let chosen = view.node
        let options = view.snapshot.nodes.map { node -> HTML in
            let isChosen: HTML = node.id == chosen ? " selected" : ""
            return "<option value=\"\(node.id)\"\(isChosen)>\(node.id)</option>"
        }
        let drawing: HTML =
            view.figure.isEmpty
            ? "<p class=\"faint\">No message yet.</p>" : HTML(trusted: view.figure.diagram.figure)
        return """
            <section aria-labelledby="messages-heading">
            <h2 id="messages-heading">Messages</h2>
            <form method="get" action="/" class="filter">
            <label for="node">Messages and history of</label>
            <select id="node" name="node"><option value="">all devices</option>\(options)</select>
            <button class="plain">Show</button>
            <a class="button" href="/diagram.svg?\(view.figure.query)" download>Download as SVG</a>
            </form>
            <div id="figure" class="figure" data-live="figure" tabindex="0" role="region" \
            aria-labelledby="messages-heading">\(drawing)</div>
            </section>
            """
    }
}

extension C2.MembershipState {
    /// The text on the page.
    fileprivate var label: String {
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
