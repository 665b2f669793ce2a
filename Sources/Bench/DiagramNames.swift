/// Short forms of the long numbers in a diagram: `bea0..0001` for `bea0000000000001`. All short forms of a diagram are different.
struct ShortNames {
    /// Minimum length of a long number.
    private static let longest = 12
    /// Digits kept at each end; more if two numbers would look the same.
    private static let kept = [4, 5, 6, 8]

    /// The long numbers in the order of their first use, with their short forms.
    private(set) var legend: [(short: String, full: String)] = []
    private let names: [Substring: String]

    /// Short forms for all long numbers in these texts.
    init(for texts: [String]) {
        var seen: Set<Substring> = []
        let numbers = texts.flatMap(ShortNames.pieces).filter {
            ShortNames.isLongNumber($0) && seen.insert($0).inserted
        }
        var names: [Substring: String] = [:]
        var left = numbers
        for kept in ShortNames.kept where !left.isEmpty {
            let uses = Dictionary(grouping: left) { ShortNames.shortened($0, to: kept) }
            for (short, alike) in uses where alike.count == 1 { names[alike[0]] = short }
            left.removeAll { names[$0] != nil }
        }
        self.names = names
        legend = numbers.compactMap { number in
            guard let short = names[number], short != number else { return nil }
            return (short, String(number))
        }
    }

    /// The text with its long numbers in their short forms.
    func short(_ text: String) -> String {
        ShortNames.pieces(text).map { names[$0] ?? String($0) }.joined()
    }

    /// Decimal or hexadecimal, which includes identifiers and sequence ids.
    private static func isLongNumber(_ piece: Substring) -> Bool {
        piece.utf8.count >= longest && piece.utf8.contains { isDigit($0) }
            && piece.utf8.allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20) }
    }

    private static func shortened(_ number: Substring, to kept: Int) -> String {
        number.utf8.count > 2 * kept + 2 ? "\(number.prefix(kept))..\(number.suffix(kept))" : String(number)
    }

    /// Runs of letters and digits, and the text between them.
    private static func pieces(_ text: String) -> [Substring] {
        var pieces: [Substring] = []
        var start = text.startIndex
        var wasWord: Bool?
        for index in text.utf8.indices {
            let byte = text.utf8[index]
            // Part of a character that is not ASCII: with its neighbours, so that no character is cut.
            let isWord =
                byte >= 0x80 || isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            if let wasWord, wasWord != isWord {
                pieces.append(text[start..<index])
                start = index
            }
            wasWord = isWord
        }
        if start < text.endIndex { pieces.append(text[start...]) }
        return pieces
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
