import OperatorText
import Testing

@Suite("A time on a command line")
struct TimeLimitTests {
    /// 2026-12-01T10:00:00Z
    private static let now: Int64 = 1_796_119_200_000
    private static let midnight: Int64 = 1_796_083_200_000

    private static let examples: [(String, Int64)] = [
        ("2026-12-01T10:00:00Z", 0), ("2026-12-01t10:00:00z", 0), ("2026-12-01T11:30:00+01:30", 0),
        ("2026-12-01T08:00:00-02:00", 0), ("2026-12-01T10:00:00.25Z", 250), ("2026-12-01T10:00:00.2509999Z", 250),
        ("0s", 0), ("45s", -45_000), ("30m", -1_800_000), ("2h", -7_200_000), ("3d", -259_200_000),
        ("2w", -1_209_600_000),
    ]

    @Test("is a moment in any zone, or an age", arguments: examples)
    func moments(text: String, offset: Int64) throws {
        let limit = try #require(TimeLimit(text))
        #expect(limit.beginning(now: Self.now) == Self.now + offset)
        #expect(limit.end(now: Self.now) == Self.now + offset)
    }

    @Test("is a day in UTC, which a range contains as a whole, whether it begins or ends with it")
    func days() throws {
        let day = try #require(TimeLimit("2026-12-01"))
        #expect(day.beginning(now: 0) == Self.midnight)
        #expect(day.end(now: 0) == Self.midnight + 86_400_000)
    }

    @Test(
        "is nothing else: no day that does not exist, no time without a zone, no sign, no unit of its own",
        arguments: [
            "", "2h ", " 2h", "h", "2", "-2h", "+2h", "2H", "1y", "2h30m", "1.5h", "9223372036854775807w", "36526d",
            "2026-13-01", "2026-02-29", "2026-06-31", "2026-12-1", "26-12-01", "2026/12/01", "2026-12-01T",
            "2026-12-01 10:00:00Z",
            "2026-12-01T10:00:00", "2026-12-01T10:00Z", "2026-12-01T24:00:00Z", "2026-12-01T10:60:00Z",
            "2026-12-01T10:00:00.Z", "2026-12-01T10:00:00+1", "2026-12-01T10:00:00+24:00", "+026-12-01", "٢h",
            String(repeating: "1", count: 100) + "h",
        ])
    func refused(text: String) { #expect(TimeLimit(text) == nil) }

    @Test("is of at most 100 years ago")
    func oldest() throws {
        #expect(try #require(TimeLimit("36525d")).beginning(now: Self.now) == Self.now - 36_525 * 86_400_000)
    }
}
