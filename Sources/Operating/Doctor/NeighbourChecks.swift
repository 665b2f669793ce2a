import Daemon

// Whether the radio receives anything: what the running beacon says of its last links, and of its neighbours.
extension Doctor {
    /// When devices last used each transport of each adapter.
    func traffic() -> [CheckResult] {
        guard let ways = status?.listening?.traffic else {
            return [.init("last link", .skipped, "links", "no beacon runs")]
        }
        guard !ways.isEmpty else {
            return [.init("last link", .skipped, "links", "no device has connected since the start")]
        }
        return ways.map { .init("last link", .good, $0.way, $0.times) }
    }

    /// The neighbours that the configuration names.
    func neighbours(_ configuration: Configuration) -> [CheckResult] {
        guard !configuration.radio.neighbours.isEmpty else {
            return [.init("neighbours", .skipped, "[radio]", "neighbours names none")]
        }
        guard let status else { return [.init("neighbours", .skipped, "[radio]", "no beacon runs")] }
        guard let report = status.radio?.neighbours else {
            return [
                .init(
                    "neighbours", .warning, "[radio]", "the running beacon does not listen for them",
                    do: "systemctl restart srup-beacon")
            ]
        }
        if let fault = report.fault {
            return [
                .init(
                    "neighbours", .warning, "[radio]", "they cannot be listened for: \(fault)", do: "see the adapters")
            ]
        }
        let whole = report.trouble.map { [CheckResult("neighbours", .bad, "[radio]", $0.fault, do: $0.hint)] } ?? []
        return whole
            + report.list.map { one in
                CheckResult(
                    "neighbours", one.trouble == nil ? .good : .warning, one.id, one.found, do: one.trouble?.hint)
            }
    }
}
