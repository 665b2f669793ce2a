import OperatorText
import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@testable import HumanView

@Suite("Views as PNG files")
struct PNGTests {
    /// Decodes a file with a palette, as the PNG specification says, and prints its size and its pixels.
    private static let reader = """
        import struct, sys, zlib
        data = open(sys.argv[1], "rb").read()
        assert data[:8] == b"\\x89PNG\\r\\n\\x1a\\n"
        at, chunks = 8, {}
        while at < len(data):
            (length,), kind = struct.unpack(">I", data[at:at + 4]), data[at + 4:at + 8]
            body = data[at + 8:at + 8 + length]
            assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
            chunks[kind] = chunks.get(kind, b"") + body
            at += 12 + length
        assert at == len(data) and kind == b"IEND"
        width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        assert colour == 3 and interlace == 0
        raw, stride = zlib.decompress(chunks[b"IDAT"]), (width * depth + 7) // 8
        before, palette = bytes(stride), chunks[b"PLTE"]
        print(width, height)
        for row in range(height):
            kind, line = raw[row * (stride + 1)], bytearray(raw[row * (stride + 1) + 1:(row + 1) * (stride + 1)])
            for i in range(stride):
                left, up, corner = line[i - 1] if i else 0, before[i], before[i - 1] if i else 0
                guess = left + up - corner
                paeth = min((left, up, corner), key=lambda value: abs(guess - value))
                line[i] = (line[i] + (0, left, up, (left + up) // 2, paeth)[kind]) & 255
            before = line
            for x in range(width):
                place = line[x * depth // 8] >> (8 - depth - x * depth % 8) & (1 << depth) - 1
                print(palette[3 * place:3 * place + 3].hex(), end=" ")
            print()
        """

    /// The pixels of a PNG file, as another program reads them: `rrggbb`.
    private func pixels(_ picture: Picture) throws -> [[Substring]] {
        try withFolder { folder in
            let (script, file) = (folder.appending(path: "read.py"), folder.appending(path: "a.png"))
            try Data(PNGTests.reader.utf8).write(to: script)
            try Data(try picture.png()).write(to: file)
            let (status, text) = try Network.output("/usr/bin/env", ["python3", script.path, file.path])
            try #require(status == 0, "\(text)")
            let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
            let size = try #require(lines.first).compactMap { Int($0) }
            #expect(size == [lines[1].count, lines.count - 1])
            return Array(lines.dropFirst())
        }
    }

    @Test("another program reads the cells in their colours", arguments: [HumanView.pictograph, .colours])
    func cells(view: HumanView) throws {
        let (grid, pixels) = (try grid(picture(view)), try pixels(picture(view)))
        let side = pixels.count / (grid.rows + 2)
        #expect(pixels[0].count == side * (grid.columns + 2))
        for row in -1...grid.rows {
            for column in -1...grid.columns {
                let (cell, x, y) = (grid[row, column], (column + 1) * side, (row + 1) * side)
                let corners = [(x, y), (x + side - 1, y), (x, y + side - 1), (x + side - 1, y + side - 1)]
                let (own, ink) = (code(cell), code(cell.ink))
                #expect(corners.allSatisfy { pixels[$0.1][$0.0] == own }, "row \(row), column \(column)")
                // Cells that have a letter show it, and the others show nothing.
                let other = Set(pixels[y..<y + side].flatMap { $0[x..<x + side] }).subtracting([own[...]])
                #expect(other == (cell.letter == nil ? [] : [ink[...]]), "row \(row), column \(column)")
            }
        }
    }

    @Test("another program reads the letters of a text, dot by dot", arguments: [HumanView.hexadecimal, .words])
    func letters(view: HumanView) throws {
        let (lines, pixels) = (try lines(picture(view)), try pixels(picture(view)))
        let (wide, high, dot) = (24, 36, 4)
        for (row, line) in lines.enumerated() {
            for (column, character) in line.enumerated() {
                var dots: Set<[Int]> = []
                for y in 0..<Glyph.height {
                    for x in 0..<Glyph.width
                    where pixels[wide + row * high + y * dot + 1][wide + column * wide + x * dot + 1] == "000000" {
                        dots.insert([y, x])
                    }
                }
                #expect(dots == Set(Glyph.dots(of: character).map { [$0.row, $0.column] }), "\(character)")
            }
        }
    }

    @Test("every character that a picture can contain has its own shape")
    func glyphs() {
        let characters = "0123456789ABCDEFNOAY-abcdefghijklmnopqrstuvwxyz"
        #expect(Set(characters) == Set(Glyph.shapes.keys))
        #expect(Set(Glyph.shapes.values).count == Glyph.shapes.count)
        #expect(Glyph.dots(of: "?").count == 40 && Glyph.dots(of: " ").isEmpty)
    }

    private func code(_ cell: Grid.Cell) -> String { hexadecimal([cell.rgb.red, cell.rgb.green, cell.rgb.blue]) }
}

@Suite("QR codes")
struct QRCodeTests {
    @Test(
        "another program reads the value from the file, and from a terminal's output",
        .enabled(if: isInstalled("zbarimg"), "zbarimg is not installed: apt-get install zbar-tools"))
    func read() throws {
        var random = Seeded(33)
        for _ in 0..<3 {
            let secret = try #require(Secret(random.bytes(16)))
            let code = try Picture.qrCode(of: secret)
            let wanted = try lines(HumanView.hexadecimal.picture(of: secret))[0]
            #expect(try scanned(code) == wanted)
            for style in [TerminalStyle.colour, .plain] { #expect(try scanned(screen(code, style)) == wanted) }
        }
    }

    @Test(
        "a text of the greatest length is read as it is, and so are shorter ones",
        .enabled(if: isInstalled("zbarimg"), "zbarimg is not installed: apt-get install zbar-tools"))
    func texts() throws {
        var random = Seeded(34)
        for count in [1, 100, 152, 180, Picture.maximumCodeText] {
            let text = String(decoding: random.bytes(count).map { 0x21 + $0 % 0x5E }, as: UTF8.self)
            #expect(try scanned(Picture.qrCode(ofText: text)) == text)
        }
        let longest = try grid(Picture.qrCode(ofText: String(repeating: "x", count: Picture.maximumCodeText)))
        #expect(longest.rows == 57)
    }

    @Test("each of the 128 bits changes the cells")
    func everyBit() throws {
        var seen = [try Picture.qrCode(of: try #require(Secret(figure)))]
        for bit in 0..<128 {
            var other = figure
            other[bit / 8] ^= 1 << (bit % 8)
            seen.append(try Picture.qrCode(of: try #require(Secret(other))))
        }
        #expect(Set(try seen.map { try grid($0).cells }).count == 129)
    }

    @Test("it fits a screen of 80 columns and 24 lines, with the margin that the standard requires")
    func size() throws {
        let code = try grid(Picture.qrCode(of: try #require(Secret(figure))))
        #expect(code.rows == 25 && code.columns == 25 && code.margin == 4)
        let lines = try Screen.lines(Picture.qrCode(of: try #require(Secret(figure))).terminal(.colour))
        #expect(lines.count == 17 && lines.allSatisfy { $0.count == 33 })
    }

    /// What zbarimg reads.
    private func scanned(_ picture: Picture) throws -> String {
        try withFolder { folder in
            let file = folder.appending(path: "a.png")
            try Data(try picture.png()).write(to: file)
            let (status, text) = try Network.output("/usr/bin/env", ["zbarimg", "-q", "--raw", "--nodbus", file.path])
            try #require(status == 0, "\(text)")
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// An image of a terminal's screen: half of a character is one cell.
    private func screen(_ picture: Picture, _ style: TerminalStyle) -> Picture {
        let cells = Screen.lines(picture.terminal(style)).flatMap { line -> [Grid.Cell] in
            let (upper, lower) =
                (["▀": (true, false), "▄": (false, true), "█": (true, true)] as [Character: (Bool, Bool)])
                .mapped(over: line.map(\.character))
            guard style == .colour else { return (upper + lower).map { $0 ? .white : .black } }
            return line.map { $0.foreground == 231 ? .white : .black }
                + line.map { $0.background == 231 ? .white : .black }
        }
        return Picture(name: "screen", form: .grid(Grid(columns: 33, cells: cells, margin: 2)))
    }
}

extension [Character: (Bool, Bool)] {
    /// The upper and the lower halves of characters.
    fileprivate func mapped(over characters: [Character]) -> (upper: [Bool], lower: [Bool]) {
        (characters.map { self[$0]?.0 ?? false }, characters.map { self[$0]?.1 ?? false })
    }
}
