import OperatorText

extension Picture {
    /// This picture and another one for a terminal: beside each other where both fit, otherwise one above the other.
    /// - Parameters:
    ///   - columns: how wide the terminal is.
    ///   - heads: a line above each of them.
    package func beside(
        _ other: Picture, _ style: TerminalStyle, columns: Int, heads: (left: String, right: String)
    ) -> String {
        let left = [heads.left] + lines(style)
        let right = [heads.right] + other.lines(style)
        let (leftWidth, rightWidth) = (widest(left), widest(right))
        guard leftWidth + rightWidth <= columns else {
            return (left + [""] + right).map { $0 + "\n" }.joined()
        }
        let gap = min(4, columns - leftWidth - rightWidth)
        return (0..<max(left.count, right.count)).map { row in
            let (start, end) = (row < left.count ? left[row] : "", row < right.count ? right[row] : "")
            return start + String(repeating: " ", count: leftWidth - width(start) + gap) + end + "\n"
        }.joined()
    }

    private func lines(_ style: TerminalStyle) -> [String] {
        terminal(style).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
}

/// How many columns a line takes: its characters without the sequences that set colours, which end with `m`.
private func width(_ line: String) -> Int {
    var (count, isHidden) = (0, false)
    for character in line {
        if character == "\u{1B}" {
            isHidden = true
        } else if isHidden {
            isHidden = character != "m"
        } else {
            count += 1
        }
    }
    return count
}

private func widest(_ lines: [String]) -> Int { lines.map(width).max() ?? 0 }
