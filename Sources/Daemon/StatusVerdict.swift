import OperatorText

extension StatusReport {
    /// Whether the beacon can observe now, in one sentence: the first line of `status`, and the banner of `watch`.
    public struct Verdict: Equatable, Sendable {
        /// Whether it observes for at least one server.
        public let isObserving: Bool
        /// One line: `OBSERVING for …`, or `NOT OBSERVING: …` with the reason.
        public let text: String

        init(_ isObserving: Bool, _ text: String) { (self.isObserving, self.text) = (isObserving, text) }
    }

    /// What the report says about observing. The first reason that a person has to remove comes first.
    public var verdict: Verdict {
        if let reason = obstacle { return Verdict(false, "NOT OBSERVING: " + reason) }
        let paused = servers.filter { $0.paused == true }
        let serving = servers.filter(\.isServed)
        guard !serving.isEmpty else { return Verdict(false, "NOT OBSERVING: " + unserved(paused)) }
        var text = "OBSERVING for " + StatusReport.names(serving)
        if !paused.isEmpty { text += "; paused by \(StatusReport.names(paused)), which must order resume" }
        if listening?.state == .partly, let fault = listening?.fault { text += "; \(fault)" }
        return Verdict(true, text)
    }

    /// What keeps it from observing for any server.
    private var obstacle: String? {
        if journal.state != .ok {
            return "the journal cannot be written: " + (journal.trouble ?? journal.state.rawValue)
        }
        if listening?.state == .nothing { return listening?.fault }
        if broker.state != .connected { return broker.fault ?? "the broker is not connected yet" }
        return servers.isEmpty ? "the configuration names no server" : nil
    }

    private func unserved(_ paused: [Server]) -> String {
        guard paused.isEmpty else {
            let members = paused.count == 1 ? "it must order resume" : "they must order resume"
            return "paused by \(StatusReport.names(paused)); \(members)"
        }
        return "no server is served: "
            + servers.map { "\($0.id) \($0.state)" + ($0.setAside == nil ? "" : ", set aside") }
            .joined(separator: "; ")
    }

    private static func names(_ servers: [Server]) -> String { servers.map(\.id).joined(separator: ", ") }
}

extension StatusReport.Server {
    /// Whether the beacon would observe for it.
    fileprivate var isServed: Bool { membership == .known(.member) && paused != true && setAside == nil }
}
