import SRUP

/// The console's pages. Everything works without the script, which only updates open pages.
enum ConsolePage {
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
            <h1>\(order.confirmation): \(code(node))?</h1>
            <p>\(question)</p>
            <form method="post" action="/order">\(token(session))
            <input type="hidden" name="node" value="\(node)">
            <input type="hidden" name="order" value="\(order.rawValue)">
            <input type="hidden" name="confirmed" value="yes">
            <p class="choice"><a class="button" href="\(nodesPath)/\(node)">Cancel</a>
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

    static func said(_ messages: [String]) -> HTML {
        guard !messages.isEmpty else { return "" }
        let lines = messages.map { "<p>\($0)</p>" as HTML }
        return "<div id=\"said\" class=\"said\" role=\"status\" tabindex=\"-1\">\(lines)</div>"
    }
}
