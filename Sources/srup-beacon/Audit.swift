import ArgumentParser
import Arguments
import Auditing
import Daemon
import Observing
import OperatorText
import SRUP

/// Which verdicts are wanted.
struct SelectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only verdicts about this device.", valueName: "identity"))
    var device: Identifier?

    @Option(help: ArgumentHelp("Only verdicts with this result.", valueName: "valid|invalid|failed"))
    var verdict: Verdict?

    /// As a request of the beacon has it: in whole seconds, as verdicts have them.
    func filter(_ times: TimeRangeOptions) -> HistoryFilter {
        var filter = HistoryFilter()
        (filter.device, filter.verdict) = (device, verdict)
        let range = times.milliseconds()
        if times.since != nil { filter.since = SelectionOptions.seconds(range.lowerBound) }
        if times.until != nil { filter.until = SelectionOptions.seconds(range.upperBound) }
        return filter
    }

    /// The first second that is not before a moment.
    private static func seconds(_ milliseconds: Int64) -> Int64 {
        milliseconds / 1_000 + (milliseconds > 0 && milliseconds % 1_000 != 0 ? 1 : 0)
    }
}

extension Verdict: ExpressibleByArgument {}

/// `srup-beacon audit`
struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Export the record of verdicts, so that others can check it.",
        discussion: """
            Each verdict is kept with the server's request, the signed answer and the device's proof, in a chain whose end this \
            beacon signs and the servers store (docs/audit.md). srup-bench audit verify checks an exported record.
            """,
        subcommands: [AuditExport.self])
}

/// `srup-beacon audit export`
struct AuditExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the record of verdicts to a file.",
        discussion: """
            JSON: one object per line, for srup-bench audit verify. Of verdicts that a filter leaves out, it has only the digests, so \
            that the chain can still be followed. CSV: a table for people, which cannot be checked. The record contains no value, \
            sealed or not. The beacon may run, or not.

            EXAMPLE:
              srup-beacon audit export --since 2026-12-01 --output record.jsonl
              srup-bench audit verify record.jsonl --keys keys
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var times: TimeRangeOptions
    @OptionGroup var selection: SelectionOptions

    @Flag(help: "Write one JSON object per line (the default).")
    var json = false

    @Flag(help: "Write a table of comma-separated values.")
    var csv = false

    @Option(help: ArgumentHelp("Write to this file, mode 0600. Default: standard output.", valueName: "file"))
    var output: String?

    func validate() throws { if json, csv { throw ValidationError("give --json or --csv, not both") } }

    func run() throws {
        try reportingFaults {
            var filter = AuditFilter()
            (filter.milliseconds, filter.node) = (times.milliseconds(), selection.device)
            filter.verdict = selection.verdict?.rawValue
            let configuration = try Configuration(file: options.config)
            try Inquiry.export(configuration, to: AuditExporter(try AuditWriter(output), filter, isTable: csv))
        }
    }
}
