import OperatorText
import Testing

@testable import HumanView

@Suite("Two pictures on one terminal")
struct SideBySideTests {
    private let zeros = [UInt8](repeating: 0, count: 16)

    private func shown(_ view: HumanView, _ style: TerminalStyle, columns: Int) throws -> [String] {
        try picture(view).beside(picture(view, zeros), style, columns: columns, heads: ("one", "other"))
            .split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test("stand beside each other where both fit, each line as it is alone", arguments: HumanView.allCases)
    func beside(view: HumanView) throws {
        for style in [TerminalStyle.colour, .plain] {
            let alone = try [picture(view), picture(view, zeros)].map { $0.terminal(style).split(separator: "\n") }
            let lines = try shown(view, style, columns: 84).dropFirst()
            #expect(lines.count == alone[0].count)
            for (line, parts) in zip(lines, zip(alone[0], alone[1])) {
                #expect(line.hasPrefix(parts.0) && line.hasSuffix(parts.1))
                #expect(line.dropFirst(parts.0.count).dropLast(parts.1.count).allSatisfy { $0 == " " })
            }
        }
    }

    @Test("the second one begins in the same column on each line, whatever sequences set the colours")
    func columns() throws {
        let lines = try shown(.colours, .colour, columns: 82)
        #expect(lines[0] == "one" + String(repeating: " ", count: 39) + "other")
        #expect(try shown(.colours, .colour, columns: 80)[0] == "one" + String(repeating: " ", count: 37) + "other")
        #expect(try shown(.words, .plain, columns: 80)[1].hasPrefix("sedation vicinity alike curly       abacus"))
    }

    @Test("stand one above the other where they do not fit")
    func above() throws {
        let lines = try shown(.colours, .plain, columns: 29)
        #expect(lines.count == 19 && lines[0] == "one" && lines[9] == "" && lines[10] == "other")
        #expect(try shown(.hexadecimal, .plain, columns: 71).count == 5)
        #expect(try shown(.hexadecimal, .plain, columns: 72).count == 2)
    }
}
