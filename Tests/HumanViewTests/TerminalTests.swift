import OperatorText
import HumanView
import Testing

@Suite("Views in a terminal")
struct TerminalTests {
    private func style(_ isTerminal: Bool, _ environment: [String: String]) -> TerminalStyle {
        TerminalStyle(isTerminal: isTerminal) { environment[$0] }
    }

    @Test("a terminal gets colours, unless NO_COLOR is set to something or TERM is dumb")
    func style() {
        #expect(style(true, ["TERM": "xterm-256color"]) == .colour)
        #expect(style(true, ["NO_COLOR": ""]) == .colour)
        #expect(style(true, ["NO_COLOR": "1"]) == .plain)
        #expect(style(true, ["TERM": "dumb"]) == .plain)
        #expect(style(false, ["TERM": "xterm-256color"]) == .plain)
    }

    @Test(
        "without colours there are no escape sequences, only letters and marks", arguments: HumanView.allCases)
    func plain(view: HumanView) throws {
        let text = try picture(view).terminal(.plain)
        #expect(text.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x0A })
        #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"))
    }

    @Test(
        "with colours, a screen of 80 columns and 24 lines shows the same cells",
        arguments: [HumanView.pictograph, .colours])
    func painted(view: HumanView) throws {
        let grid = try grid(picture(view))
        let lines = Screen.lines(try picture(view).terminal(.colour))
        #expect(lines.count < 24 && lines.allSatisfy { $0.count <= 80 && $0.count == lines[0].count })
        let (wide, high) = (lines[0].count / (grid.columns + 2), lines.count / (grid.rows + 2))
        #expect(wide == 2 * high && wide * (grid.columns + 2) == lines[0].count)
        for (row, line) in lines.enumerated() {
            for (column, place) in line.enumerated() {
                let cell = grid[row / high - 1, column / wide - 1]
                #expect(place.background == number(cell), "row \(row), column \(column)")
                if place.character != " " {
                    #expect(place.character == cell.letter && place.foreground == number(cell.ink))
                }
            }
        }
        let letters = lines.joined().map(\.character).filter { $0 != " " }
        #expect(letters == grid.cells.compactMap(\.letter))
    }

    @Test("the cells have a white margin on all sides, so that the picture is right on any background")
    func margin() throws {
        for view in [HumanView.pictograph, .colours] {
            let lines = Screen.lines(try picture(view).terminal(.colour))
            let edge = lines[0] + lines[lines.count - 1] + lines.flatMap { [$0[0], $0[1], $0[$0.count - 1]] }
            #expect(edge.allSatisfy { $0.background == 231 })
        }
    }

    @Test("each line ends with the terminal's own colours")
    func reset() throws {
        for line in try picture(.colours).terminal(.colour).split(separator: "\n") {
            #expect(line.hasSuffix("\u{1B}[0m"))
        }
    }

    /// Its number in the terminal's cube, from its 24 bits.
    private func number(_ cell: Grid.Cell) -> Int {
        func step(_ level: UInt8) -> Int { [0: 0, 95: 1, 135: 2, 175: 3, 215: 4, 255: 5][level] ?? -1 }
        return 16 + 36 * step(cell.rgb.red) + 6 * step(cell.rgb.green) + step(cell.rgb.blue)
    }
}

/// What a terminal would show.
enum Screen {
    struct Place: Equatable {
        let character: Character
        let foreground, background: Int?
    }

    static func lines(_ text: String) -> [[Place]] {
        text.split(separator: "\n").map { line in
            var (foreground, background): (Int?, Int?) = (nil, nil)
            var places: [Place] = []
            var rest = line[...]
            while let character = rest.popFirst() {
                guard character == "\u{1B}" else {
                    places.append(Place(character: character, foreground: foreground, background: background))
                    continue
                }
                let end = rest.firstIndex(of: "m") ?? rest.endIndex
                var numbers = rest[..<end].dropFirst().split(separator: ";").map { Int($0) ?? -1 }[...]
                rest = rest[end...].dropFirst()
                while let number = numbers.popFirst() {
                    switch number {
                    case 0: (foreground, background) = (nil, nil)
                    case 38: foreground = numbers.dropFirst().first
                    case 48: background = numbers.dropFirst().first
                    default: continue
                    }
                    if number != 0 { numbers = numbers.dropFirst(2) }
                }
            }
            return places
        }
    }
}
