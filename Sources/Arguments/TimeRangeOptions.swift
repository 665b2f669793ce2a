import ArgumentParser
import OperatorText

extension TimeLimit: ExpressibleByArgument {
    /// A day, a moment or an age: `TimeLimit.forms`.
    package init?(argument: String) { self.init(argument) }
}

/// `--since` and `--until`, of all subcommands that show what has happened.
package struct TimeRangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only from this time on: a day in UTC (2026-12-01), a moment (2026-12-01T10:00:00Z) or an age (45s, 30m, 2h, 3d, 2w).",
            valueName: "time"))
    package var since: TimeLimit?

    @Option(help: ArgumentHelp("Only before this time; a day is included as a whole.", valueName: "time"))
    package var until: TimeLimit?

    /// Without bounds.
    package init() {}

    /// Rejects a range that contains nothing.
    package func validate() throws {
        let now = wallMicroseconds() / 1_000
        guard let since, let until else { return }
        guard since.beginning(now: now) < until.end(now: now) else {
            throw ValidationError("--since must be before --until")
        }
    }

    /// The milliseconds since 1970 in the range. It ends at the largest number without --until, so that what a clock that was ahead has
    /// written is shown.
    package func milliseconds(now: Int64 = wallMicroseconds() / 1_000) -> Range<Int64> {
        let beginning = since?.beginning(now: now) ?? .min
        return beginning..<max(beginning, until?.end(now: now) ?? .max)
    }
}
