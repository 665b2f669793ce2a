/// A sequence diagram of a trace, with the lifelines of the paper's Figures 1 and 2, and each message with its name, its
/// sequence id, its bytes, and the time since the first.
public struct Diagram: Sendable {
    /// One arrow.
    struct Arrow: Equatable, Sendable {
        /// The title of the section that begins with it, if one does.
        let heading: String?
        let milliseconds: String
        let from: Role
        let to: Role
        let via: TraceLine.Via
        /// `OBSERVE_REQ #3 656 B`.
        let label: String
        /// Its content or why it was refused, in brackets below the arrow.
        let remark: String?
        let result: Result
        /// The time since the previous arrow, if it is long.
        let gap: String?
    }

    /// The result that a message reports. Each is drawn differently, with and without colour.
    enum Result: Equatable, Sendable {
        /// It reports no result.
        case none
        /// It was accepted, and reports a success.
        case success
        /// It was accepted, and does not report a success.
        case failure
        /// Its receiver refused it.
        case refused
    }

    /// The lifelines from left to right: those of Figure 2, or those of Figure 1 if a person takes part.
    var lifelines: [Role] {
        let seen = Set(arrows.flatMap { [$0.from, $0.to] })
        guard seen.contains(.human) else { return [.device, .beacon, .c2] }
        return seen.contains(.beacon) ? [.device, .beacon, .human, .c2] : [.device, .human, .c2]
    }

    /// Where the lifelines are if the outer ones are at these places.
    func places(from left: Int, to right: Int) -> [Role: Int] {
        let lifelines = lifelines
        return Dictionary(
            uniqueKeysWithValues: lifelines.enumerated().map { index, role in
                (role, left + (right - left) * index / (lifelines.count - 1))
            })
    }

    /// Minimum time between two messages, in microseconds, that is drawn as a gap.
    private static let longGap: Int64 = 1_000_000

    /// The title above the diagram, if any.
    let title: String?
    let arrows: [Arrow]

    /// A diagram of the lines of one or several traces, in the order of their times.
    public init(_ lines: [TraceLine], title: String? = nil) {
        // Sorted by time; lines with equal times keep their order in the files.
        let ordered = lines.enumerated().sorted {
            ($0.element.atMicroseconds, $0.offset) < ($1.element.atMicroseconds, $1.offset)
        }.map(\.element)
        let first = ordered.first?.atMicroseconds ?? 0
        self.title = title
        let headings = Diagram.headings(of: ordered)
        arrows = ordered.indices.map { index in
            let line = ordered[index]
            // A trace file may contain any numbers: an overflow must not end the process.
            let passed = index == 0 ? 0 : Diagram.difference(line.atMicroseconds, ordered[index - 1].atMicroseconds)
            return Arrow(
                line, since: first, gap: passed >= Diagram.longGap ? Diagram.duration(microseconds: passed) : nil,
                heading: headings[index])
        }
    }

    /// `later - earlier`, or the maximum if it overflows.
    private static func difference(_ later: Int64, _ earlier: Int64) -> Int64 {
        let (difference, doesNotFit) = later.subtractingReportingOverflow(earlier)
        return doesNotFit ? .max : difference
    }
}

extension Diagram.Arrow {
    init(_ line: TraceLine, since first: Int64, gap: String?, heading: String?) {
        let sequence = line.sequence.map { " #\($0)" } ?? ""
        let result = Diagram.Result(line)
        let remark =
            switch result {
            case .none, .success: line.detail
            case .failure: line.detail.map(Diagram.emphasised)
            case .refused: line.refused.map { "REFUSED: \($0)" }
            }
        // What a person sees has no bytes.
        let label = line.via == .sight ? line.name : "\(line.name)\(sequence) \(line.bytes) B"
        self.init(
            heading: heading,
            milliseconds: Diagram.milliseconds(line.atMicroseconds.subtractingReportingOverflow(first).partialValue),
            from: line.from, to: line.to, via: line.via, label: label, remark: remark, result: result, gap: gap)
    }
}

// MARK: - Times

extension Diagram {
    /// Microseconds as milliseconds with three decimals.
    static func milliseconds(_ microseconds: Int64) -> String {
        let (whole, rest) = microseconds.magnitude.quotientAndRemainder(dividingBy: 1_000)
        return (microseconds < 0 ? "-" : "") + "\(whole)." + String(String(rest + 1_000).dropFirst())
    }

    /// A time of a second or more, in its two largest units: `5.9 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`.
    static func duration(microseconds: Int64) -> String {
        let tenths = microseconds / 100_000
        let seconds = tenths / 10
        return switch seconds {
        case ..<60: "\(seconds).\(tenths % 10) s"
        case ..<3_600: "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: "\(seconds / 3_600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3_600 % 24) h"
        }
    }
}

// MARK: - The terminal

extension Diagram {
    /// The columns that the text can be drawn to.
    public static let widths = 60...160

    /// The columns if nothing is known about the terminal.
    public static let usualWidth = 80

    /// The columns to draw to.
    /// - Parameters:
    ///   - terminal: the terminal's width, if the output goes to one and its width is known.
    ///   - environment: the value of an environment variable, by its name. `COLUMNS` is used if the output goes to a pipe
    ///     or a file.
    public static func width(terminal: Int?, environment: (String) -> String?) -> Int {
        let known = terminal ?? environment("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        return within(known ?? usualWidth)
    }

    static func within(_ width: Int) -> Int { min(max(width, widths.lowerBound), widths.upperBound) }
}
