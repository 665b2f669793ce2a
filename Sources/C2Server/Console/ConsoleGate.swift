/// Which requests are allowed, before any sign-in: the Host header must name this console, and a form must come from one of its own
/// pages.
struct ConsoleGate: Sendable {
    /// The port of the console.
    let port: UInt16

    /// The refusal of a request; nil if it is allowed.
    func objection(to request: ConsoleRequest) -> ConsoleReply? {
        // Protects against DNS rebinding.
        guard let host = request.host, names.contains(host) else {
            return .message(421, "Wrong host name", "This console is available at http://localhost:\(port)/ only.")
        }
        switch request.method {
        case "GET": return nil
        case "POST": return objection(toForm: request, host)
        default:
            return .message(405, "Not allowed", "The console supports GET and POST only.", [("allow", "GET, POST")])
        }
    }

    private var names: [String] { ["localhost:\(port)", "127.0.0.1:\(port)", "[::1]:\(port)"] }

    private func objection(toForm request: ConsoleRequest, _ host: String) -> ConsoleReply? {
        guard request.origin == "http://\(host)" else {
            return .message(403, "Refused", "This order did not come from the console's own page. Nothing was done.")
        }
        let type = request.contentType?.prefix { $0 != ";" }.lowercased()
        guard type == "application/x-www-form-urlencoded" else {
            return .message(415, "Refused", "This is not one of the console's forms. Nothing was done.")
        }
        guard request.body.count <= ConsolePolicy.maximumBody else {
            return .message(413, "Refused", "This is longer than any of the console's forms. Nothing was done.")
        }
        return nil
    }
}
