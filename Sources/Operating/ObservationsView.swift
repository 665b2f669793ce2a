import Daemon
import OperatorText

/// What `srup-beacon observations` shows a person: a row for each verdict, below its date.
public struct ObservationsView {
    private let style: TerminalStyle
    private let isWide: Bool

    /// - Parameter isWide: all that is known of each, on one line; otherwise the ids are short and repeats are one row.
    public init(_ style: TerminalStyle, isWide: Bool) { (self.style, self.isWide) = (style, isWide) }

    /// The lines, in the order of the observations.
    public func lines(_ history: [PastObservation]) -> [String] {
        var lines: [String] = []
        var date: String?
        for group in isWide ? history.map({ [$0] }) : PastObservation.repeats(in: history) {
            let first = group[0]
            if first.date != date {
                lines += (date == nil ? [] : [""]) + [style.emphasised(first.date, .faint)]
                date = first.date
            }
            lines.append(isWide ? wide(first) : short(first, count: group.count))
        }
        return lines
    }

    private func wide(_ one: PastObservation) -> String {
        "  \(one.time)  \(one.device)  \(verdict(one))"
            + "  \(one.cause)" + (one.evidence.map { "  [\($0.text)]" } ?? "")
            + "  for \(one.server), token \(one.token)"
    }

    private func short(_ one: PastObservation, count: Int) -> String {
        let token = count == 1 ? "  " + one.shortToken : "  ×\(count)"
        return "  \(one.time)  \(PastObservation.short(one.device))  \(verdict(one))\(token)  \(one.cause)"
    }

    private func verdict(_ one: PastObservation) -> String {
        style.emphasised(one.verdict, one.emphasis) + String(repeating: " ", count: max(0, 7 - one.verdict.count))
    }
}

extension PastObservation {
    /// In UTC, as in `2026-11-22`.
    var date: String { String(decided.prefix(10)) }
    /// In UTC, as in `18:00:00`.
    var time: String { String(decided.dropFirst(11).prefix(8)) }
    /// The first digits of the token: `explain` takes all of it (`--wide`).
    var shortToken: String { token.isEmpty ? "-" : String(token.prefix(8)) }
    var emphasis: TerminalStyle.Emphasis { verdict == "valid" ? .good : .bad }

    /// An identifier for a narrow column: its ends.
    static func short(_ id: String) -> String { id.count <= 9 ? id : "\(id.prefix(4))…\(id.suffix(4))" }

    /// Runs of verdicts that differ in their time and token only, in the order of the history.
    static func repeats(in history: [PastObservation]) -> [[PastObservation]] {
        var runs: [[PastObservation]] = []
        for one in history {
            if let last = runs.last?[0], last.date == one.date, last.isLike(one) {
                runs[runs.count - 1].append(one)
            } else {
                runs.append([one])
            }
        }
        return runs
    }

    private func isLike(_ other: PastObservation) -> Bool {
        (server, device, verdict, cause) == (other.server, other.device, other.verdict, other.cause)
    }
}
