/// Who may speak to the console at all, before anybody has signed in: a browser that was sent to us by our own name, and
/// not by a page of somebody else.
struct ConsoleGate: Sendable {
    /// Where we listen.
    let port: UInt16

    /// Why a request is refused; nil where it is not.
    func objection(to request: ConsoleRequest) -> ConsoleReply? {
        // A name that somebody else has made lead here (DNS rebinding) is not ours.
        guard let host = request.host, names.contains(host) else {
            return .sentence(421, "Not our name", "This console answers to http://localhost:\(port)/ only.")
        }
        switch request.method {
        case "GET": return nil
        case "POST": return objection(toForm: request, host)
        default: return .sentence(405, "Not here", "The console knows GET and POST.", [("allow", "GET, POST")])
        }
    }

    private var names: [String] { ["localhost:\(port)", "127.0.0.1:\(port)", "[::1]:\(port)"] }

    private func objection(toForm request: ConsoleRequest, _ host: String) -> ConsoleReply? {
        guard request.origin == "http://\(host)" else {
            return .sentence(403, "Refused", "This order did not come from the console's own page. Nothing was done.")
        }
        let type = request.contentType?.prefix { $0 != ";" }.lowercased()
        guard type == "application/x-www-form-urlencoded" else {
            return .sentence(415, "Refused", "That is not one of the console's forms. Nothing was done.")
        }
        guard request.body.count <= ConsolePolicy.maximumBody else {
            return .sentence(413, "Refused", "That is longer than any of the console's forms. Nothing was done.")
        }
        return nil
    }
}
