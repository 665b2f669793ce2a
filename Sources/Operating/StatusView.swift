import Daemon
import OperatorText

/// What `srup-beacon status` shows a person: whether the beacon observes, and then what it is about and how it is, in two columns.
public struct StatusView {
    private let style: TerminalStyle
    private let columns: Int?

    /// The widest first column; a longer entry moves its second column.
    private static let widestLabel = 26

    /// - Parameter columns: of the terminal; nil: lines are not broken.
    public init(_ style: TerminalStyle, columns: Int?) { (self.style, self.columns) = (style, columns) }

    /// One line of the report: `LABEL: VALUE`, and the indented ones after it.
    private struct Row {
        var label, value: String
        var details: [String] = []
    }

    /// The lines.
    public func lines(_ report: StatusReport) -> [String] {
        let verdict = report.verdict
        let head = verdict.text.split(separator: " ", maxSplits: verdict.isObserving ? 1 : 2).map(String.init)
        let word = head.dropLast().joined(separator: " ")
        var lines = wrapped(verdict.text, columns: columns)
        if lines[0].hasPrefix(word) {
            lines[0] = style.emphasised(word, verdict.isObserving ? .good : .bad) + lines[0].dropFirst(word.count)
        }
        let rows = StatusView.rows(report)
        let width = min(rows.map(\.label.count).max() ?? 0, StatusView.widestLabel)
        return lines + [""] + rows.flatMap { text($0, width) }
    }

    private static func rows(_ report: StatusReport) -> [Row] {
        var rows: [Row] = []
        for line in report.text.split(separator: "\n").map(String.init) {
            if line.hasPrefix("  "), !rows.isEmpty {
                rows[rows.count - 1].details.append(String(line.dropFirst(2)))
            } else if let colon = line.firstRange(of: ": ") {
                rows.append(Row(label: String(line[..<colon.lowerBound]), value: String(line[colon.upperBound...])))
            } else if rows.isEmpty, let blank = line.firstIndex(of: " ") {
                rows.append(Row(label: String(line[..<blank]), value: String(line[blank...].dropFirst())))
            } else {
                rows.append(Row(label: "now", value: line))
            }
        }
        return rows
    }

    private func text(_ row: Row, _ width: Int) -> [String] {
        let room = columns.map { max(16, $0 - width - 2) }
        var lines: [String] = []
        for (index, part) in ([row.value] + row.details).enumerated() {
            for (number, line) in wrapped(part, columns: room).enumerated() {
                let shown =
                    number > 0 ? line : index == 0 ? coloured(line) : line.hasPrefix("hint: ") ? hint(line) : line
                let label =
                    index == 0 && number == 0 ? row.label.padded(to: width) : String(repeating: " ", count: width)
                lines.append(label + "  " + (number > 0 && index > 0 ? "  " : "") + shown)
            }
        }
        return lines
    }

    private func hint(_ line: String) -> String { style.emphasised("hint:", .faint) + line.dropFirst(5) }

    /// The first word of a value, or what stands before the first comma, says how it is.
    private func coloured(_ value: String) -> String {
        let word = String(value.prefix { $0 != "," && $0 != " " })
        return style.emphasised(word, StatusView.emphases[word]) + value.dropFirst(word.count)
    }

    private static let emphases: [String: TerminalStyle.Emphasis] = [
        "ok": .good, "connected": .good, "listening": .good, "member": .good, "ready": .good,
        "connecting": .warning, "joining": .warning, "leaving": .warning, "closed": .warning, "candidate": .warning,
        "lost": .bad, "full": .bad, "failing": .bad, "unknown": .bad, "blocked": .bad,
    ]
}
