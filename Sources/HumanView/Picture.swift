/// What is drawn, whatever the output format: a name, and lines of text or a grid of cells.
public struct Picture: Equatable, Sendable {
    /// The content.
    public enum Form: Equatable, Sendable {
        /// Lines of letters, digits, hyphens and blanks.
        case text([String])
        /// Cells.
        case grid(Grid)
    }

    /// The view's name, so that two people can see that they look at the same kind.
    public let name: String
    /// The content.
    public let form: Form

    /// A picture of this form.
    public init(name: String, form: Form) { (self.name, self.form) = (name, form) }
}

/// Cells in rows, with a white margin around them.
public struct Grid: Equatable, Sendable {
    /// The contents of a cell.
    ///
    /// The colours are of the 6 × 6 × 6 cube that terminals have, so that they are the same wherever they are drawn.
    /// Each differs from the others in lightness alone, so it is also distinguishable to colour-blind people and in greyscale.
    public enum Cell: Equatable, Sendable, CaseIterable {
        case black, white, navy, orange, aqua, yellow

        /// Red, green and blue, 0 to 5.
        private var steps: (Int, Int, Int) {
            switch self {
            case .black: (0, 0, 0)
            case .white: (5, 5, 5)
            case .navy: (0, 0, 2)
            case .orange: (4, 1, 0)
            case .aqua: (0, 4, 4)
            case .yellow: (5, 5, 0)
            }
        }

        /// Red, green and blue, 0 to 255.
        public var rgb: (red: UInt8, green: UInt8, blue: UInt8) {
            func level(_ step: Int) -> UInt8 { step == 0 ? 0 : UInt8(55 + 40 * step) }
            return (level(steps.0), level(steps.1), level(steps.2))
        }

        /// Its number among a terminal's 256 colours.
        var terminalColour: Int { 16 + 36 * steps.0 + 6 * steps.1 + steps.2 }

        /// The letter in it: the first of its name. Colours have one, black and white have none.
        public var letter: Character? {
            switch self {
            case .black, .white: nil
            case .navy: "N"
            case .orange: "O"
            case .aqua: "A"
            case .yellow: "Y"
            }
        }

        /// The colour of its letter: black or white.
        public var ink: Cell { self == .navy || self == .black ? .white : .black }
    }

    /// How many cells a row has.
    public let columns: Int
    /// The cells, row by row.
    public let cells: [Cell]
    /// The width of the white margin, in cells.
    public let margin: Int

    /// A grid of whole rows.
    public init(columns: Int, cells: [Cell], margin: Int) {
        precondition(columns > 0 && cells.count % columns == 0, "\(cells.count) cells in rows of \(columns)")
        (self.columns, self.cells, self.margin) = (columns, cells, margin)
    }

    /// How many rows there are.
    public var rows: Int { cells.count / columns }

    /// A cell; white outside the grid.
    public subscript(row: Int, column: Int) -> Cell {
        (0..<rows).contains(row) && (0..<columns).contains(column) ? cells[row * columns + column] : .white
    }
}

extension Picture {
    /// The same as text, for a screen reader: the words, or a line per row, its letters or 1 for black and 0 for white.
    public var spoken: String {
        switch form {
        case .text(let lines): lines.joined(separator: " ")
        case .grid(let grid):
            (0..<grid.rows).map { row in
                "row \(row + 1): "
                    + (0..<grid.columns).map { String(grid[row, $0].letter ?? (grid[row, $0] == .black ? "1" : "0")) }
                    .joined(separator: " ")
            }.joined(separator: "; ")
        }
    }
}
