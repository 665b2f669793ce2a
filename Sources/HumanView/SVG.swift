import SRUP

extension Picture {
    /// The picture as one self-contained SVG document: no style sheet, no script, no font of its own. Its
    /// colours do not follow the page's theme, since they are what is compared. It has a text alternative.
    public var svg: String {
        switch form {
        case .text(let lines): svg(lines)
        case .grid(let grid): svg(grid)
        }
    }

    private func svg(_ lines: [String]) -> String {
        let (advance, height, edge) = (12, 32, 20)
        let longest = lines.map(\.count).max() ?? 0
        let texts = lines.enumerated().map { index, line in
            "<text x=\"\(edge)\" y=\"\(edge + 22 + index * height)\" textLength=\"\(line.count * advance)\">\(line)</text>"
        }
        return document(
            width: 2 * edge + longest * advance, height: 2 * edge + lines.count * height,
            ["<g font-family=\"ui-monospace,monospace\" font-size=\"20\" fill=\"#000000\">"] + texts + ["</g>"])
    }

    private func svg(_ grid: Grid) -> String {
        let side = 32
        var shapes: [String] = []
        for row in 0..<grid.rows {
            for column in 0..<grid.columns where grid[row, column] != .white {
                let (x, y) = ((column + grid.margin) * side, (row + grid.margin) * side)
                let cell = grid[row, column]
                shapes.append(
                    "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(side)\" height=\"\(side)\" fill=\"\(cell.hexadecimal)\"/>")
                guard let letter = cell.letter else { continue }
                shapes.append(
                    "<text x=\"\(x + side / 2)\" y=\"\(y + 23)\" fill=\"\(cell.ink.hexadecimal)\">\(letter)</text>")
            }
        }
        let style = "font-family=\"ui-monospace,monospace\" font-size=\"20\" font-weight=\"700\" text-anchor=\"middle\""
        return document(
            width: (grid.columns + 2 * grid.margin) * side, height: (grid.rows + 2 * grid.margin) * side,
            ["<g shape-rendering=\"crispEdges\" \(style)>"] + shapes + ["</g>"])
    }

    /// Names and lines consist of letters, digits, hyphens and blanks: nothing that XML would require to be escaped.
    private func document(width: Int, height: Int, _ body: [String]) -> String {
        let head = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"\(width)\" height=\"\(height)\""
                + " viewBox=\"0 0 \(width) \(height)\">",
            "<title>\(name) of a value</title>", "<desc>\(spoken)</desc>",
            "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>",
        ]
        return (head + body).joined(separator: "\n") + "\n</svg>\n"
    }
}

extension Grid.Cell {
    /// `#rrggbb`.
    private var bytes: [UInt8] { [rgb.red, rgb.green, rgb.blue] }

    fileprivate var hexadecimal: String { "#" + SRUP.hexadecimal(bytes) }
}
