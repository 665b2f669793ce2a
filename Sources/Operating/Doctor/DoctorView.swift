import OperatorText

/// What `srup-beacon doctor` shows a person: what is in order in one line, and what is not at the end.
public struct DoctorView {
    private let style: TerminalStyle
    private let columns: Int?
    private let showsAll: Bool

    /// Where what was found begins: after the verdict and the check's name.
    private static let indent = 26

    /// - Parameters:
    ///   - columns: of the terminal; nil: lines are not broken.
    ///   - showsAll: whether checks that are good have lines of their own.
    public init(_ style: TerminalStyle, columns: Int?, showsAll: Bool) {
        (self.style, self.columns, self.showsAll) = (style, columns, showsAll)
    }

    /// The lines: the verdicts in the order good, not checked, warnings, failures; the last line counts.
    public func lines(_ results: [CheckResult]) -> [String] {
        func with(_ verdict: CheckResult.Verdict) -> [CheckResult] { results.filter { $0.verdict == verdict } }
        let (good, warnings, bad) = (with(.good), with(.warning), with(.bad))
        let head = showsAll ? good.flatMap(text) : []
        let folded = "\(good.count) good" + (showsAll || good.isEmpty ? "" : " (--all lists them)")
        let body = (with(.skipped) + warnings + bad).flatMap(text)
        let end = "\(count(warnings, "warning")), \(count(bad, "failure"))"
        let emphasis: TerminalStyle.Emphasis = !bad.isEmpty ? .bad : warnings.isEmpty ? .good : .warning
        return head + [folded] + body + ["", style.emphasised(end, emphasis)]
    }

    private func count(_ results: [CheckResult], _ what: String) -> String {
        "\(results.count) \(what)" + (results.count == 1 ? "" : "s")
    }

    private func text(_ result: CheckResult) -> [String] {
        let (mark, emphasis): (String, TerminalStyle.Emphasis) =
            switch result.verdict {
            case .good: ("good", .good)
            case .warning: ("WARNING", .warning)
            case .bad: ("BAD", .bad)
            case .skipped: ("-", .faint)
            }
        let room = columns.map { max(24, $0 - DoctorView.indent) }
        let blanks = String(repeating: " ", count: DoctorView.indent)
        let found = wrapped("\(result.lookedAt): \(result.found)", columns: room)
        let hint = result.hint.map { wrapped("do: \($0)", columns: room.map { $0 - 4 }) } ?? []
        let rest =
            found.dropFirst().map { blanks + $0 }
            + hint.enumerated().map { number, line in blanks + (number == 0 ? "" : "    ") + line }
        let pad = String(repeating: " ", count: 9 - mark.count)
        return [style.emphasised(mark, emphasis) + pad + result.check.padded(to: 15) + "  " + found[0]] + rest
    }
}
