import OperatorText
import Testing

@testable import Daemon

@Suite("The time in a log line")
struct LineLogTests {
    @Test(
        "is the calendar date",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"), (1_709_208_000, "2024-02-29T12:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"), (2_147_483_648, "2038-01-19T03:14:08Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
        ])
    func dates(seconds: Int64, text: String) { #expect(Timestamp(seconds).description == text) }

    @Test("has three digits of milliseconds if they are given")
    func milliseconds() {
        for (number, text) in [(0, "000"), (7, "007"), (42, "042"), (999, "999")] {
            #expect(Timestamp(0, milliseconds: number).description == "1970-01-01T00:00:00.\(text)Z")
        }
    }
}
