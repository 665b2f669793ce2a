/// A sequence diagram of a trace: three lifelines, as in the paper's Figure 2, and each message with its name, its
/// sequence id, its bytes, and the time since the first.
public struct Diagram: Sendable {
    /// One arrow.
    struct Arrow: Equatable, Sendable {
        let milliseconds: String
        let from: Role
        let to: Role
        let via: TraceLine.Via
        /// `OBSERVE_REQ #3 656 B`.
        let label: String
        /// What it says, or why it was refused, in brackets below the arrow.
        let remark: String?
        let isRefused: Bool
    }

    /// The lifelines from left to right.
    static let lifelines: [Role] = [.device, .beacon, .c2]

    /// What stands above the diagram, if anything.
    let title: String?
    let arrows: [Arrow]

    /// A diagram of the lines of one or several traces, in the order of their times.
    public init(_ lines: [TraceLine], title: String? = nil) {
        // Sorted by time, and where times are equal by their place in the files.
        let ordered = lines.enumerated().sorted {
            ($0.element.atMicroseconds, $0.offset) < ($1.element.atMicroseconds, $1.offset)
        }.map(\.element)
        let first = ordered.first?.atMicroseconds ?? 0
        self.title = title
        arrows = ordered.map { Arrow($0, since: first) }
    }
}

extension Diagram.Arrow {
    init(_ line: TraceLine, since first: Int64) {
        let sequence = line.sequence.map { " #\($0)" } ?? ""
        // A trace is a file that anybody may have written: differences that do not fit are not worth a crash.
        self.init(
            milliseconds: Diagram.milliseconds(line.atMicroseconds.subtractingReportingOverflow(first).partialValue),
            from: line.from, to: line.to, via: line.via, label: "\(line.name)\(sequence) \(line.bytes) B",
            remark: line.refused.map { "refused: \($0)" } ?? line.detail, isRefused: line.refused != nil)
    }
}

extension Diagram {
    /// Microseconds as milliseconds with three decimals.
    static func milliseconds(_ microseconds: Int64) -> String {
        let (whole, rest) = microseconds.magnitude.quotientAndRemainder(dividingBy: 1_000)
        return (microseconds < 0 ? "-" : "") + "\(whole)." + String(String(rest + 1_000).dropFirst())
    }
}

// MARK: - Plain text

extension Diagram {
    /// Columns of a line, at most: what a printed page and a terminal of the field hold.
    public static let width = 100
    /// The columns of the lifelines; before the first stands the time.
    private static let columns: [Role: Int] = [.device: 17, .beacon: 55, .c2: 96]
    private static let timeWidth = 12

    /// The diagram in ASCII, lines of at most 100 columns.
    public var text: String {
        var lines: [String] = []
        if let title { lines += [Diagram.ascii(title, atMost: Diagram.width), ""] }
        lines.append(Diagram.header)
        for arrow in arrows { lines += arrow.lines }
        lines.append(Canvas(lifelines: true).text)
        lines.append("time in ms; solid: SRUP over MQTT, dotted: the proof link, x: refused")
        return lines.joined(separator: "\n") + "\n"
    }

    private static var header: String {
        var canvas = Canvas(lifelines: false)
        canvas.put("ms", endingAt: timeWidth)
        for (role, column) in columns { canvas.put(role.rawValue, centredAt: column) }
        return canvas.text
    }

    /// Printable ASCII, cut to a number of characters.
    private static func ascii(_ text: String, atMost count: Int) -> String {
        let clean = String(text.unicodeScalars.map { (" "..."~").contains($0) ? Character($0) : "?" })
        return clean.count <= count ? clean : clean.prefix(max(0, count - 3)) + "..."
    }

    /// One line of characters.
    fileprivate struct Canvas {
        private var characters = [Character](repeating: " ", count: Diagram.width)

        init(lifelines: Bool) {
            if lifelines { for column in Diagram.columns.values { characters[column] = "|" } }
        }

        subscript(column: Int) -> Character {
            get { characters[column] }
            set { characters[column] = newValue }
        }

        mutating func put(_ text: String, at start: Int) {
            for (column, character) in zip(max(0, start)..., text) where column < characters.count {
                characters[column] = character
            }
        }

        mutating func put(_ text: String, endingAt end: Int) { put(text, at: end - text.count) }

        mutating func put(_ text: String, centredAt column: Int) { put(text, at: column - text.count / 2) }

        /// Text between two lifelines, with a blank on each side, so that lifelines under it are cut out cleanly.
        mutating func put(_ text: String, between low: Int, and high: Int) {
            let fitting = Diagram.ascii(text, atMost: high - low - 3)
            put(" \(fitting) ", at: (low + high - fitting.count - 1) / 2)
        }

        var text: String {
            let end = characters.lastIndex { $0 != " " }.map { $0 + 1 } ?? 0
            return String(characters[..<end])
        }
    }
}

extension Diagram.Arrow {
    /// The label, the arrow under it, and the remark under that.
    fileprivate var lines: [String] {
        guard let start = Diagram.columns[from], let end = Diagram.columns[to] else { return [] }
        // A message that a node sends to its own kind has no length: it is shown in the room to the right of it.
        let (low, high) = start == end ? (start, Diagram.width - 1) : (min(start, end), max(start, end))
        var label = Diagram.Canvas(lifelines: true)
        label.put(self.label, between: low, and: high)
        var lines = [label.text]
        var line = Diagram.Canvas(lifelines: true)
        line.put(milliseconds, endingAt: Diagram.timeWidth)
        if start != end { drawArrow(on: &line, from: start, to: end) }
        lines.append(line.text)
        if let remark {
            var below = Diagram.Canvas(lifelines: true)
            below.put("(\(remark))", between: low, and: high)
            lines.append(below.text)
        }
        return lines
    }

    private func drawArrow(on line: inout Diagram.Canvas, from start: Int, to end: Int) {
        for column in (min(start, end) + 1)..<max(start, end) {
            line[column] = line[column] == "|" ? "+" : via == .mqtt ? "-" : "."
        }
        let head = start < end ? end - 1 : end + 1
        line[head] = isRefused ? "x" : start < end ? ">" : "<"
    }
}
