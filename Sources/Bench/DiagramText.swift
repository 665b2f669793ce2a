// The diagram as lines for a terminal: printable ASCII, with or without colours.

import OperatorText
import HumanView

extension Diagram {
    /// The diagram in lines of printable ASCII.
    /// - Parameters:
    ///   - width: maximum columns of a line; limited to `widths`.
    ///   - style: with colours, lines also contain escape sequences, which take no columns.
    public func text(width: Int = Diagram.usualWidth, style: TerminalStyle = .plain) -> String {
        let names = ShortNames(
            for: ([title].compactMap(\.self) + arrows.flatMap { [$0.label, $0.remark ?? ""] }).map(Diagram.ascii))
        let drawing = DiagramDrawing(names: names, layout: DiagramLayout(self, width: Diagram.within(width)))
        return drawing.lines(of: self).map { $0.text(style) + "\n" }.joined()
    }

    /// Printable ASCII; other characters become question marks.
    static func ascii(_ text: String) -> String {
        String(text.unicodeScalars.map { (" "..."~").contains($0) ? Character($0) : "?" })
    }
}

/// The columns of the times and lifelines.
private struct DiagramLayout {
    let width: Int
    /// The last column of the times.
    let timeEnd: Int
    let columns: [Role: Int]

    init(_ diagram: Diagram, width: Int) {
        self.width = width
        timeEnd = min(max(7, diagram.arrows.map(\.milliseconds.count).max() ?? 0), 12)
        // The names of the outer lifelines are centred on them, and must fit as well.
        columns = diagram.places(from: timeEnd + 4, to: width - 2)
    }

    /// The columns between which an arrow's text is written.
    func room(of arrow: Diagram.Arrow) -> (low: Int, high: Int) {
        var (start, end) = (columns[arrow.from, default: 0], columns[arrow.to, default: 0])
        // An arrow from a lifeline to itself has no length: its text is written beside it.
        if arrow.from == arrow.to {
            let (left, right) = (columns[.device, default: 0], columns[.c2, default: 0])
            (start, end) = ((left + right) / 2, arrow.to == .device ? left : right)
        }
        return (min(start, end), max(start, end))
    }
}

private struct DiagramDrawing {
    /// Maximum lines of a label, and of a remark.
    private static let (labelLines, remarkLines) = (3, 4)

    let names: ShortNames
    let layout: DiagramLayout

    func lines(of diagram: Diagram) -> [DiagramLine] {
        var lines: [DiagramLine] = []
        if let title = diagram.title {
            let words = names.short(Diagram.ascii(title))
            lines += wrapped(words, to: layout.width, atMost: 2).map { flush($0, .strong) } + [flush("", .plain)]
        }
        lines.append(header)
        for arrow in diagram.arrows {
            if let heading = arrow.heading { lines.append(line(forHeading: heading)) }
            if let gap = arrow.gap { lines.append(line(for: gap)) }
            lines += self.lines(for: arrow)
        }
        return lines + [lifelines()] + legend(of: diagram)
    }

    private var header: DiagramLine {
        var line = DiagramLine(layout.width)
        line.put("ms", endingAt: layout.timeEnd, .faint)
        for (role, column) in layout.columns { line.put(role.name, at: column - role.name.count / 2, .strong) }
        return line
    }

    private func flush(_ words: String, _ tone: DiagramLine.Tone) -> DiagramLine {
        var line = DiagramLine(layout.width)
        line.put(words, at: 0, tone)
        return line
    }

    private func lifelines(_ mark: Character = "|") -> DiagramLine {
        var line = DiagramLine(layout.width)
        for column in layout.columns.values { line.put(String(mark), at: column, .faint) }
        return line
    }

    /// A period without messages, drawn so that it does not look like an ordinary step.
    private func line(for gap: String) -> DiagramLine {
        var line = lifelines(":")
        line.put("... \(gap) ...", between: layout.columns[.device, default: 0], and: layout.columns[.c2, default: 0])
        return line
    }

    /// The title of a section, in a line across the lifelines.
    private func line(forHeading heading: String) -> DiagramLine {
        var line = DiagramLine(layout.width)
        let low = layout.columns[.device, default: 0]
        line.put(String(repeating: "=", count: layout.width - low - 1), at: low, .faint)
        line.put(" \(cut(heading, to: layout.width - low - 6)) ", at: low + 2, .strong)
        return line
    }

    /// The label, the arrow under it, and the remark under that.
    private func lines(for arrow: Diagram.Arrow) -> [DiagramLine] {
        let (low, high) = layout.room(of: arrow)
        func texts(_ text: String, _ most: Int, _ tone: DiagramLine.Tone) -> [DiagramLine] {
            wrapped(names.short(Diagram.ascii(text)), to: high - low - 3, atMost: most).map { words in
                var line = lifelines()
                line.put(words, between: low, and: high, tone)
                return line
            }
        }
        var middle = lifelines()
        middle.put(time(of: arrow), endingAt: layout.timeEnd, .faint)
        draw(arrow, on: &middle)
        return texts(arrow.label, DiagramDrawing.labelLines, .plain) + [middle]
            + (arrow.remark.map { texts("(\($0))", DiagramDrawing.remarkLines, arrow.result.tone) } ?? [])
    }

    /// Without decimals if there is no room for them; cut if even that does not fit.
    private func time(of arrow: Diagram.Arrow) -> String {
        let time = arrow.milliseconds
        guard time.count > layout.timeEnd else { return time }
        return cut(String(time.prefix { $0 != "." }), to: layout.timeEnd)
    }

    private func draw(_ arrow: Diagram.Arrow, on line: inout DiagramLine) {
        guard let start = layout.columns[arrow.from], let end = layout.columns[arrow.to] else { return }
        let stroke =
            switch arrow.via {
            case .mqtt: "-"
            case .link: "."
            case .sight: "~"
            }
        // To the same lifeline: a short stroke and a head, on the side of the text.
        let isLeftwards = end < start || (start == end && arrow.to != .c2)
        let length = start == end ? 3 : abs(end - start) - 1
        let first = isLeftwards ? end + 1 : end - length
        for column in first..<first + length {
            line.put(layout.columns.values.contains(column) ? "+" : stroke, at: column, arrow.result.tone)
        }
        let head = arrow.result.head
        let marks = isLeftwards ? String(head.reversed().map { $0 == ">" ? "<" : $0 }) : head
        line.put(marks, at: isLeftwards ? end + 1 : end - marks.count, arrow.result.tone)
    }

    // MARK: Below it

    private func legend(of diagram: Diagram) -> [DiagramLine] {
        let results = Set(diagram.arrows.map(\.result))
        let ways = Set(diagram.arrows.map(\.via))
        var styles = ["time in ms", "---> SRUP over MQTT"]
        if ways.contains(.link) || !ways.contains(.sight) { styles.append("...> proof link") }
        if ways.contains(.sight) { styles.append("~~~> seen or said by a person") }
        if results.contains(.failure) { styles.append("--!> reports a failure") }
        if results.contains(.refused) { styles.append("---x refused by the receiver") }
        let numbers = names.legend.map { "\($0.short) = \($0.full)" }
        return (rows(styles) + rows(numbers)).map { flush($0, .faint) }
    }

    /// As many of these on a line as fit.
    private func rows(_ items: [String]) -> [String] {
        var rows: [String] = []
        for item in items.map({ cut($0, to: layout.width) }) {
            if let last = rows.last, last.count + 3 + item.count <= layout.width {
                rows[rows.count - 1] = "\(last)   \(item)"
            } else {
                rows.append(item)
            }
        }
        return rows
    }
}

// MARK: - Fitting

/// Wraps words into lines of limited length. Words or lines that are too long are cut and end in dots.
private func wrapped(_ text: String, to width: Int, atMost count: Int) -> [String] {
    var lines: [String] = []
    // A number stays with its unit.
    for word in text.replacing(/(\d) (B|s)\b/, with: { "\($0.1)\u{A0}\($0.2)" }).split(separator: " ") {
        if let last = lines.last, last.count + 1 + word.count <= width {
            lines[lines.count - 1] = "\(last) \(word)"
        } else if lines.count < count {
            lines.append(cut(String(word), to: width))
        } else {
            lines[count - 1] = cut(lines[count - 1] + "...", to: width)
            break
        }
    }
    return lines.map { $0.replacing("\u{A0}", with: " ") }
}

private func cut(_ text: String, to count: Int) -> String {
    text.count <= count ? text : text.prefix(max(0, count - 3)) + "..."
}

extension Role {
    /// The name at the top of the lifeline.
    var name: String { self == .c2 ? "C2" : rawValue }
}

extension Diagram.Result {
    fileprivate var tone: DiagramLine.Tone {
        switch self {
        case .none: .plain
        case .success: .good
        case .failure, .refused: .bad
        }
    }

    /// At the end of an arrow that goes to the right.
    fileprivate var head: String {
        switch self {
        case .none, .success: ">"
        case .failure: "!>"
        case .refused: "x"
        }
    }
}

/// One line of characters, each with its tone.
private struct DiagramLine {
    enum Tone: String {
        case plain = ""
        case faint = "2"
        case strong = "1"
        case good = "32"
        case bad = "1;31"
    }

    private var cells: [(character: Character, tone: Tone)]

    init(_ width: Int) { cells = Array(repeating: (" ", .plain), count: width) }

    mutating func put(_ text: String, at start: Int, _ tone: Tone) {
        for (column, character) in zip(start..., text) where cells.indices.contains(column) {
            cells[column] = (character, tone)
        }
    }

    mutating func put(_ text: String, endingAt end: Int, _ tone: Tone) { put(text, at: end - text.count, tone) }

    /// Text between two lifelines, with a blank on each side, so that lifelines under it are cut out cleanly.
    mutating func put(_ text: String, between low: Int, and high: Int, _ tone: Tone = .faint) {
        put(" \(text) ", at: (low + high - text.count - 1) / 2, tone)
    }

    func text(_ style: TerminalStyle) -> String {
        let end = cells.lastIndex { $0.character != " " }.map { $0 + 1 } ?? 0
        guard style == .colour else { return String(cells[..<end].map(\.character)) }
        var (text, tone) = ("", Tone.plain)
        for cell in cells[..<end] {
            // A blank has no colour.
            if cell.tone != tone, cell.character != " " {
                if tone != .plain { text += "\u{1B}[0m" }
                tone = cell.tone
                if tone != .plain { text += "\u{1B}[\(tone.rawValue)m" }
            }
            text.append(cell.character)
        }
        return tone == .plain ? text : text + "\u{1B}[0m"
    }
}
