import ArgumentParser
import Testing

@testable import Arguments

private struct History: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "history")
    @OptionGroup var times: TimeRangeOptions
}

@Suite("--since and --until")
struct TimeRangeTests {
    private static let now: Int64 = 1_796_119_200_000

    private func range(_ arguments: String...) throws -> Range<Int64> {
        try History.parse(arguments).times.milliseconds(now: Self.now)
    }

    private func fault(_ arguments: String...) -> String? {
        do {
            _ = try History.parse(arguments)
            return nil
        } catch {
            return UsageFault(error, of: History.self, arguments: arguments)?.message
        }
    }

    @Test("without either, everything is in the range, also what a clock that was ahead has written")
    func everything() throws { #expect(try range() == .min ..< .max) }

    @Test("the first is included, the second is not, and a day is included as a whole")
    func bounds() throws {
        #expect(
            try range("--since", "2h", "--until", "30m") == Self.now - 7_200_000..<Self.now - 1_800_000)
        #expect(
            try range("--since", "2026-12-01", "--until", "2026-12-01") == 1_796_083_200_000..<1_796_169_600_000)
    }

    @Test("a range that contains nothing is an error of the operator")
    func reversed() {
        #expect(fault("--since", "1h", "--until", "2h") == "--since must be before --until")
        #expect(fault("--since", "2026-12-02", "--until", "2026-12-01") == "--since must be before --until")
    }

    @Test("what is not a time is named with what is taken")
    func forms() {
        #expect(
            fault("--since", "yesterday")
                == "invalid value \"yesterday\" of --since <time>, which takes a day (2026-12-01), a moment (2026-12-01T10:00:00Z) or an age (45s, 30m, 2h, 3d, 2w)"
        )
    }
}
