/// Suggests a name that was probably meant, if the one that was typed does not exist.
enum Suggestion {
    /// The name with the fewest typing errors between it and what was typed: a character too many, too few, another, or
    /// two exchanged.
    /// - Returns: nil where every name is too far away to be meant.
    static func nearest(to typed: String, among names: [String]) -> String? {
        // A long line is not a name, and would take long to compare.
        guard typed.count <= 64 else { return nil }
        let near = names.map { (name: $0, slips: slips(Array(typed), Array($0))) }
            .filter { $0.slips <= max(1, min(typed.count, $0.name.count) / 3) }
        return near.min { $0.slips < $1.slips }?.name
    }

    /// As the end of a sentence; empty where there is none.
    static func question(_ suggestion: String?) -> String { suggestion.map { "; did you mean \"\($0)\"?" } ?? "" }

    /// The distance of Damerau and Levenshtein, without repeated changes of one place.
    private static func slips(_ typed: [Character], _ name: [Character]) -> Int {
        var rows = [Array(0...name.count)]
        for (row, character) in typed.enumerated() {
            var next = [row + 1]
            for (column, wanted) in name.enumerated() {
                let changed = rows[row][column] + (character == wanted ? 0 : 1)
                var fewest = min(changed, rows[row][column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, character == name[column - 1], typed[row - 1] == wanted {
                    fewest = min(fewest, rows[row - 1][column - 1] + 1)
                }
                next.append(fewest)
            }
            rows.append(next)
        }
        return rows[typed.count][name.count]
    }
}
