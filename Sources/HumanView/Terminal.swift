import OperatorText

extension Picture {
    /// The picture in lines for a terminal, light or dark: it has its own background and margin.
    public func terminal(_ style: TerminalStyle) -> String {
        let lines: [String] =
            switch (form, style) {
            case (.text(let lines), _): lines
            case (.grid(let grid), .colour) where grid.isForMachines: grid.halves { $0.painted }
            case (.grid(let grid), .plain) where grid.isForMachines: grid.halves { $0.plain }
            case (.grid(let grid), .colour): grid.painted
            case (.grid(let grid), .plain): grid.plain
            }
        return lines.map { $0 + "\n" }.joined()
    }
}

extension Grid {
    /// Black and white cells that would not fit a screen of 24 lines: two of them are drawn in one character.
    fileprivate var isForMachines: Bool { rows + 2 * margin > 22 }

    // MARK: For people

    /// Cells with letters are four columns by two lines, others two by one: both are nearly square.
    fileprivate var painted: [String] {
        let height = cells.contains { $0.letter != nil } ? 2 : 1
        return (-margin..<rows + margin).flatMap { row in
            (0..<height).map { line in
                let cells = (-margin..<columns + margin).map { self[row, $0].painted(line: line, of: height) }
                return cells.joined() + reset
            }
        }
    }

    /// Letters with a blank between them; without letters, `##` for black and `..` for white, which are clear on
    /// any background.
    fileprivate var plain: [String] {
        (0..<rows).map { row in
            let cells = (0..<columns).map { self[row, $0] }
            guard cells.contains(where: { $0.letter != nil }) else {
                return cells.map { $0 == .black ? "##" : ".." }.joined()
            }
            return cells.map { $0.letter.map(String.init) ?? "." }.joined(separator: " ")
        }
    }

    // MARK: For machines

    /// Pairs of cells, one above the other.
    fileprivate func halves(_ line: ([Half]) -> String) -> [String] {
        stride(from: -margin, to: rows + margin, by: 2).map { row in
            line((-margin..<columns + margin).map { Half(upper: self[row, $0], lower: self[row + 1, $0]) })
        }
    }
}

/// Two cells in one character.
private struct Half {
    let upper, lower: Grid.Cell
}

extension [Half] {
    fileprivate var painted: String {
        map { "\u{1B}[38;5;\($0.upper.terminalColour);48;5;\($0.lower.terminalColour)m▀" }.joined() + reset
    }

    /// White is drawn, black is left out: right on a dark terminal, and inverted on a light one, which most readers take.
    fileprivate var plain: String {
        map { half in
            switch (half.upper == .white, half.lower == .white) {
            case (true, true): "█"
            case (true, false): "▀"
            case (false, true): "▄"
            case (false, false): " "
            }
        }.joined()
    }
}

extension Grid.Cell {
    fileprivate func painted(line: Int, of height: Int) -> String {
        let letter = line == 0 ? letter ?? " " : " "
        let blanks = String(repeating: " ", count: 2 * height - 2)
        return "\u{1B}[1;38;5;\(ink.terminalColour);48;5;\(terminalColour)m"
            + (height == 1 ? "\(letter) " : " \(letter)\(blanks)")
    }
}

private let reset = "\u{1B}[0m"
