import FoundationEssentials
import Observing
import OperatorText
import SQLite
import SRUP

/// Which verdicts an operator asks for.
package struct HistoryFilter: Equatable, Sendable {
    /// Decided from then on, and before then, in seconds since 1970; nil: any time.
    package var since: Int64?, until: Int64?
    /// About this device; nil: any.
    package var device: Identifier?
    /// With this result; nil: any.
    package var verdict: Verdict?

    /// All verdicts.
    package init() {}

    /// Those of the words of a request; others are ignored.
    init(words: some Sequence<Substring>) {
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            switch Name(rawValue: String(parts[0])) {
            case .since: since = Int64(parts[1])
            case .until: until = Int64(parts[1])
            case .device: device = Identifier(hexadecimal: parts[1])
            case .verdict: verdict = Verdict(rawValue: String(parts[1]))
            case nil: continue
            }
        }
    }

    private enum Name: String { case since, until, device, verdict }

    /// The words of a request.
    var words: [String] {
        [
            since.map { "\(Name.since)=\($0)" }, until.map { "\(Name.until)=\($0)" },
            device.map { "\(Name.device)=\($0.topicForm)" }, verdict.map { "\(Name.verdict)=\($0.rawValue)" },
        ].compactMap { $0 }
    }

    /// Whether an observation is one of them. Its time is compared as text, which has the order of the moments.
    func contains(_ observation: PastObservation) -> Bool {
        (since.map { observation.decided >= Timestamp($0).description } ?? true)
            && (until.map { observation.decided < Timestamp($0).description } ?? true)
            && (device == nil || observation.device == device?.description)
            && (verdict == nil || observation.verdict == verdict?.rawValue)
    }

    /// The newest of them first. With times or a result, and without a device, by time: so that an index finds them without reading all
    /// others.
    func query(_ limit: Int) -> (sql: String, values: [Database.Value]) {
        var (conditions, values): ([String], [Database.Value]) = ([], [])
        func add(_ condition: String, _ value: Database.Value?) {
            guard let value else { return }
            conditions.append(condition)
            values.append(value)
        }
        add("device = ?", device.map { .unsigned($0.number) })
        add("decided >= ?", since.map { .integer($0) })
        add("decided < ?", until.map { .integer($0) })
        add("verdict = ?", verdict.map { .text($0.rawValue) })
        let order =
            device == nil && (since != nil || until != nil || verdict != nil) ? "decided DESC, id DESC" : "id DESC"
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let columns = "server, token, device, verdict, reason, evidence, decided"
        return (
            "SELECT \(columns) FROM verdicts\(condition) ORDER BY \(order) LIMIT ?", values + [.integer(Int64(limit))]
        )
    }
}
