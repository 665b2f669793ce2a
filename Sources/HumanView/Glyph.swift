/// The letters of PNG files: our own font, five dots wide and eight high, with only the characters that pictures use.
enum Glyph {
    /// Including the blank column after it.
    static let width = 6
    /// Including the blank row under it; descenders reach into the eighth row.
    static let height = 9

    /// The dots of a character: none for a blank, and all for a character that no picture uses, so that the error is visible.
    static func dots(of character: Character) -> [(row: Int, column: Int)] {
        let bits: UInt64 = character == " " ? 0 : shapes[character] ?? unknown
        var dots: [(row: Int, column: Int)] = []
        for row in 0..<8 {
            let byte = bits >> UInt64(8 * (7 - row))
            for column in 0..<5 where byte >> UInt64(4 - column) & 1 == 1 { dots.append((row, column)) }
        }
        return dots
    }

    private static let unknown: UInt64 = 0x1F1F_1F1F_1F1F_1F1F

    /// A byte a row, from the top; in it the leftmost dot is 0x10.
    static let shapes: [Character: UInt64] = [
        "0": 0x0E11131519110E00, "1": 0x040C040404040E00, "2": 0x0E11010204081F00, "3": 0x1F02040201110E00,
        "4": 0x02060A121F020200, "5": 0x1F101E0101110E00, "6": 0x0608101E11110E00, "7": 0x1F01020408080800,
        "8": 0x0E11110E11110E00, "9": 0x0E11110F01020C00, "A": 0x0E1111111F111100, "B": 0x1E11111E11111E00,
        "C": 0x0E11101010110E00, "D": 0x1C12111111121C00, "E": 0x1F10101E10101F00, "F": 0x1F10101E10101000,
        "N": 0x1111191513111100, "O": 0x0E11111111110E00, "Y": 0x1111110A04040400, "-": 0x0000001F00000000,
        "a": 0x00000E010F110F00, "b": 0x1010161911111E00, "c": 0x00000E1010110E00, "d": 0x01010D1311110F00,
        "e": 0x00000E111F100E00, "f": 0x0609081C08080800, "g": 0x00000F11110F010E, "h": 0x1010161911111100,
        "i": 0x04000C0404040E00, "j": 0x020006020202120C, "k": 0x1010121418141200, "l": 0x0C04040404040E00,
        "m": 0x00001A1515111100, "n": 0x0000161911111100, "o": 0x00000E1111110E00, "p": 0x00001E11111E1010,
        "q": 0x00000F11110F0101, "r": 0x0000161910101000, "s": 0x00000E100E011E00, "t": 0x08081C0808090600,
        "u": 0x0000111111130D00, "v": 0x00001111110A0400, "w": 0x0000111115150A00, "x": 0x0000110A040A1100,
        "y": 0x00001111110F010E, "z": 0x00001F0204081F00,
    ]
}
