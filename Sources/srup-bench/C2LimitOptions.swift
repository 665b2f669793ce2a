import ArgumentParser
import C2Server

/// The bounds of a C2 server.
struct C2LimitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Open joins at a time, observed and human-moderated ones each. Further ones wait.", valueName: "n"))
    var openJoins = C2.Policy.defaultLimit

    @Option(
        help: ArgumentHelp(
            "Requests to join that wait; further ones are not answered, and devices repeat them.", valueName: "n"))
    var waitingJoins = C2.Policy.defaultWaitingLimit

    @Option(
        help: ArgumentHelp("Unknown nodes that are looked up at the registry in a minute. Others wait.", valueName: "n")
    )
    var strangersPerMinute = C2Server.strangersPerMinute

    @Option(help: ArgumentHelp("The history keeps at most this number of entries.", valueName: "n"))
    var historyEntries = C2Store.Bounds().entries

    @Option(help: ArgumentHelp("The history keeps at most this size of messages and texts.", valueName: "MiB"))
    var historySize = C2Store.Bounds().bytes >> 20

    @Option(help: ArgumentHelp("The history keeps entries for this time.", valueName: "days"))
    var historyDays = C2Store.Bounds().days

    func validate() throws {
        func check(_ name: String, _ value: Int64, _ range: ClosedRange<Int64>) throws {
            guard range.contains(value) else {
                throw ValidationError("\(name) takes a number from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check("--open-joins", Int64(openJoins), 1...16_384)
        try check("--waiting-joins", Int64(waitingJoins), 0...65_536)
        try check("--strangers-per-minute", Int64(strangersPerMinute), 1...6_000)
        try check("--history-entries", historyEntries, 1...100_000_000)
        try check("--history-size", historySize, 1...1_048_576)
        try check("--history-days", historyDays, 1...36_500)
    }

    var bounds: C2Store.Bounds {
        var bounds = C2Store.Bounds()
        (bounds.entries, bounds.bytes, bounds.days) = (historyEntries, historySize << 20, historyDays)
        return bounds
    }
}
