import HumanView

/// What a person said of one pair.
public struct StudyResult: Equatable, Sendable {
    /// The answer.
    public enum Answer: String, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case same, different
        /// Nothing in the time for a pair.
        case none
    }

    /// From 1, in the order in which the pairs were shown.
    public let number: Int
    /// How the pair was shown.
    public let view: HumanView
    /// In how many bits it differed; 0: it was equal.
    public let bits: Int
    /// What was answered.
    public let answer: Answer
    /// From the moment at which both were on the screen.
    public let milliseconds: Int64

    /// Whether the answer is right; nil: there is none.
    public var isRight: Bool? {
        switch answer {
        case .same: bits == 0
        case .different: bits != 0
        case .none: nil
        }
    }

    /// The names of a row's values.
    static let columns = "number,view,differing_bits,answer,right,milliseconds,style,seed"

    /// One row of the CSV file. No value needs quotes.
    func row(style: String, seed: UInt64) -> String {
        let right = isRight.map { $0 ? "yes" : "no" } ?? ""
        return "\(number),\(view.rawValue),\(bits),\(answer.rawValue),\(right),\(milliseconds),\(style),\(seed)"
    }
}

/// Error rates and times of a study, for each view and number of differing bits.
public struct StudySummary: Equatable, Sendable {
    /// The pairs of one view that differ by the same number of bits.
    struct Line: Equatable {
        let view: HumanView
        let bits: Int
        let answered: Int
        let wrong: Int
        let unanswered: Int
        /// Of the answered ones; nil: there are none.
        let medianMilliseconds: Int64?
    }

    let lines: [Line]

    /// Of these results.
    public init(_ results: [StudyResult]) {
        lines = HumanView.counted.flatMap { view in
            let shown = results.filter { $0.view == view }
            return Set(shown.map(\.bits)).sorted().map { bits in
                let group = shown.filter { $0.bits == bits }
                let answered = group.filter { $0.isRight != nil }
                return Line(
                    view: view, bits: bits, answered: answered.count, wrong: answered.count { $0.isRight == false },
                    unanswered: group.count - answered.count,
                    medianMilliseconds: StudySummary.median(answered.map(\.milliseconds)))
            }
        }
    }

    private static func median(_ times: [Int64]) -> Int64? {
        guard !times.isEmpty else { return nil }
        let sorted = times.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// A table for people.
    public var text: [String] {
        let head = ["view", "differing bits", "answered", "wrong", "no answer", "median time"]
        let rows = lines.map { line in
            [
                line.view.rawValue, line.bits == 0 ? "0 (equal)" : "\(line.bits)", "\(line.answered)",
                line.answered == 0 ? "-" : "\(line.wrong) (\(100 * line.wrong / line.answered) %)",
                "\(line.unanswered)",
                line.medianMilliseconds.map { "\($0 / 1_000).\($0 % 1_000 / 100) s" } ?? "-",
            ]
        }
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            row.enumerated().map { place, text in
                let blanks = String(repeating: " ", count: widths[place] - text.count)
                return place < 2 ? text + blanks : blanks + text
            }.joined(separator: "  ")
        }
    }
}
