import SRUP

/// A way to show a 128-bit value to a person who compares it with another screen (§8).
///
/// Both ends must show the same view, so both agree on its name (the raw value here). A named view never
/// changes: not its order, not its colours, not its words. An improved one gets a new name.
///
/// Each view shows all 128 bits: two different values never give the same picture.
public enum HumanView: String, CaseIterable, Sendable {
    /// 32 upper-case digits, 8-4-4-4-12, as in the paper's Figure 3.
    case hexadecimal
    /// 12 × 12 cells, black for 1 and white for 0, with a 2 × 2 block in each corner (§8.1, Figure 4).
    case pictograph
    /// 8 × 8 cells of four colours, two bits a cell, with a letter in each (§8.1, Figure 5).
    case colours
    /// Eleven words out of 4096 (§8.2, Figure 6).
    case words

    /// The views as people count them.
    public static let counted: [HumanView] = [.words, .hexadecimal, .pictograph, .colours]

    /// Its name and its number, `words, view 1 of 4`: both ends show it, so that two people who look at different views notice.
    public var title: String {
        let place = HumanView.counted.firstIndex(of: self) ?? 0
        return "\(rawValue), view \(place + 1) of \(HumanView.counted.count)"
    }

    /// What this view shows of a value. The picture *is* the value: keep it no longer than it is shown.
    public func picture(of value: Secret) -> Picture {
        value.withBytes { bytes in
            let form: Picture.Form =
                switch self {
                case .hexadecimal: .text([hyphenated(bytes)])
                case .pictograph: .grid(pictographGrid(bytes))
                case .colours: .grid(colourGrid(bytes))
                case .words: .text(phrase(bytes))
                }
            return Picture(name: rawValue, form: form)
        }
    }
}

/// 8-4-4-4-12 upper-case digits, from 16 bytes.
package func hyphenated(_ bytes: UnsafeRawBufferPointer) -> String {
    var text = ""
    for (index, byte) in bytes.enumerated() {
        if [4, 6, 8, 10].contains(index) { text += "-" }
        text += hexadecimal(CollectionOfOne(byte)).uppercased()
    }
    return text
}

// MARK: - The pictograph

/// The bits go row by row, the most significant first, around the corners. Three corner blocks are black and the one at
/// the lower right is white, as with the finder patterns of a QR code: so a person notices if one of the two is rotated.
private func pictographGrid(_ bytes: UnsafeRawBufferPointer) -> Grid {
    let side = 12
    var bits = bytes.lazy.flatMap { byte in (0..<8).lazy.map { byte >> (7 - $0) & 1 == 1 } }.makeIterator()
    let cells = (0..<side * side).map { place -> Grid.Cell in
        let (row, column) = place.quotientAndRemainder(dividingBy: side)
        let (isHigh, isLeft) = (row < 2, column < 2)
        let isCorner = (isHigh || row >= side - 2) && (isLeft || column >= side - 2)
        if isCorner { return isHigh || isLeft ? .black : .white }
        return bits.next() == true ? .black : .white
    }
    return Grid(columns: side, cells: cells, margin: 1)
}

// MARK: - The colour grid

/// What two bits look like: 00, 01, 10, 11.
private let fourColours: [Grid.Cell] = [.navy, .orange, .aqua, .yellow]

/// Two bits a cell, row by row, the most significant first: a row is two bytes.
private func colourGrid(_ bytes: UnsafeRawBufferPointer) -> Grid {
    let cells = bytes.flatMap { byte in [6, 4, 2, 0].map { fourColours[Int(byte >> UInt8($0) & 3)] } }
    return Grid(columns: 8, cells: cells, margin: 1)
}

// MARK: - Words

/// Lines of four, four and three words.
private func phrase(_ bytes: UnsafeRawBufferPointer) -> [String] {
    let words = WordList.words(for: bytes)
    return [words[0..<4], words[4..<8], words[8..<11]].map { $0.joined(separator: " ") }
}
