import HumanView
import SRUP
import TestVectors
import Testing

@Suite("Views of a value")
struct ViewTests {
    @Test("their names do not change, because both ends are pinned to them")
    func names() {
        #expect(HumanView.allCases.map(\.rawValue) == ["hexadecimal", "pictograph", "colours", "words"])
        for view in HumanView.allCases { #expect((try? picture(view))?.name == view.rawValue) }
    }

    @Test("the paper's Figure 3 is that value in hexadecimal")
    func hexadecimalOfFigure() throws {
        #expect(try lines(picture(.hexadecimal)) == ["C4BF8105-8351-41E0-886F-D25F9A69C5AD"])
    }

    @Test("its pictograph is this one")
    func pictographOfFigure() throws {
        #expect(
            try picture(.pictograph).terminal(.plain) == """
                ########......##....####
                ######..################
                ##............##........
                ..##..####..........####
                ..##..##......##..##....
                ......########..........
                ##......##........####..
                ############..##....##..
                ..##..############....##
                ##..##....####..##....##
                ########......##..##....
                ######..##..####..##....

                """)
    }

    @Test("its colours are these")
    func coloursOfFigure() throws {
        #expect(
            try picture(.colours).terminal(.plain) == """
                Y N O N A Y Y Y
                A N N O N N O O
                A N N Y O O N O
                O N N O Y A N N
                A N A N O A Y Y
                Y O N A O O Y Y
                A O A A O A A O
                Y N O O A A Y O

                """)
    }

    @Test("has these words")
    func wordsOfFigure() throws {
        #expect(
            try lines(picture(.words)) == [
                "sedation vicinity alike curly", "displease anchor helmet cilantro", "pacifier paramount quickly",
            ])
    }

    @Test("each of the 128 bits changes every view", arguments: HumanView.allCases)
    func everyBit(view: HumanView) throws {
        var random = Seeded(128)
        for value in [figure, [UInt8](repeating: 0, count: 16), [UInt8](repeating: 255, count: 16), random.bytes(16)] {
            var seen = [try picture(view, value).terminal(.plain)]
            for bit in 0..<128 {
                var other = value
                other[bit / 8] ^= 1 << (bit % 8)
                seen.append(try picture(view, other).terminal(.plain))
            }
            #expect(Set(seen).count == 129)
        }
    }

    @Test("the cells of a pictograph, read row by row around the corners, are the value again")
    func pictographBack() throws {
        var random = Seeded(144)
        for _ in 0..<50 {
            let value = random.bytes(16)
            let grid = try grid(picture(.pictograph, value))
            #expect(grid.rows == 12 && grid.columns == 12)
            var bits: [Grid.Cell] = []
            for row in 0..<12 {
                for column in 0..<12 where !([0, 1, 10, 11].contains(row) && [0, 1, 10, 11].contains(column)) {
                    bits.append(grid[row, column])
                }
            }
            let wanted = value.flatMap { byte -> [Grid.Cell] in
                (0..<8).map { byte >> UInt8(7 - $0) & 1 == 1 ? .black : .white }
            }
            #expect(bits == wanted)
        }
    }

    @Test("whatever the value, three corners of a pictograph are black and the one at the lower right is white")
    func corners() throws {
        var random = Seeded(4)
        for value in [[UInt8](repeating: 0, count: 16), [UInt8](repeating: 255, count: 16), random.bytes(16)] {
            let grid = try grid(picture(.pictograph, value))
            for (rows, columns, cell) in [
                (0...1, 0...1, Grid.Cell.black), (0...1, 10...11, .black), (10...11, 0...1, .black),
                (10...11, 10...11, .white),
            ] {
                for row in rows { for column in columns { #expect(grid[row, column] == cell) } }
            }
        }
    }

    @Test("the cells of a colour grid, two bits each, are the value again")
    func coloursBack() throws {
        let bits: [Grid.Cell: [UInt8]] = [.navy: [0, 0], .orange: [0, 1], .aqua: [1, 0], .yellow: [1, 1]]
        var random = Seeded(64)
        for _ in 0..<50 {
            let value = random.bytes(16)
            let grid = try grid(picture(.colours, value))
            #expect(grid.rows == 8 && grid.columns == 8)
            let found = grid.cells.flatMap { bits[$0] ?? [] }
            let wanted: [UInt8] = value.flatMap { byte in (0..<8).map { byte >> UInt8(7 - $0) & 1 } }
            #expect(found == wanted)
        }
    }

    @Test("the text for screen readers is the whole value")
    func spoken() throws {
        #expect(try picture(.hexadecimal).spoken == "C4BF8105-8351-41E0-886F-D25F9A69C5AD")
        #expect(try picture(.words).spoken.split(separator: " ").count == 11)
        #expect(try picture(.colours).spoken.hasPrefix("row 1: Y N O N A Y Y Y; row 2: A N N O"))
        #expect(try picture(.pictograph).spoken.hasPrefix("row 1: 1 1 1 1 0 0 0 1 0 0 1 1; row 2: 1 1 1 0"))
    }
}
