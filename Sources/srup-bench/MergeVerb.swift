import ArgumentParser
import Arguments
import Bench
import OperatorText
import SRUP

struct MergeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merge traces of several devices, or of several machines, in the time of the first.",
        discussion: """
            Prints the lines of all traces in the order of their times. Each line has its device, where a line with the same \
            token names one. Lines of the same boot of one machine are in the order of its boot clock. The times of another \
            machine, or of another boot, are converted to the first trace's clock: by the offset of the wall clocks that \
            --offset states, or by an offset that is estimated from the messages that both machines have recorded. Standard \
            error says how far apart the clocks are, and how well that is known.

            EXAMPLE: c2.jsonl is from the server's machine, devices.jsonl from the devices':
              srup-bench merge c2.jsonl devices.jsonl --device d1 >d1.jsonl
            """)

    @Argument(
        help: ArgumentHelp(
            "Files that c2, device or load have written with --trace. The first one gives the clock (required).",
            valueName: "trace"))
    var traces: [String]

    @Option(help: ArgumentHelp("Only the messages of this device's joins.", valueName: "identity"))
    var device: Identifier?

    @Option(help: ArgumentHelp("Only the messages with this token.", valueName: "text"))
    var token: String?

    @Option(
        help: ArgumentHelp(
            "How far the wall clock of this trace's machine is ahead of the first trace's, in milliseconds; may be given several times.",
            valueName: "trace=ms"))
    var offset: [TraceOffset] = []

    func run() throws {
        let merge = try TraceMerge(
            files: traces, offsets: Dictionary(offset.map { ($0.trace, $0.microseconds) }) { $1 })
        for clock in merge.clocks { Terminal.printError("merge: \(clock)") }
        let lines = merge.lines.filter { line in
            (device == nil || line.device == device?.description) && (token == nil || line.token == token)
        }
        guard !lines.isEmpty else {
            throw OperatorFault(
                "the traces have no such message", hint: "leave --device and --token out to see what they have")
        }
        for line in lines { Terminal.print(line.json) }
    }
}

/// The value of `--offset`.
struct TraceOffset: ExpressibleByArgument {
    let trace: String
    let microseconds: Int64

    /// From `FILE=MILLISECONDS`.
    init?(argument: String) {
        guard let equals = argument.lastIndex(of: "="), equals > argument.startIndex,
            let milliseconds = Double(argument[argument.index(after: equals)...]), abs(milliseconds) < 1e14
        else { return nil }
        (trace, microseconds) = (String(argument[..<equals]), Int64((milliseconds * 1_000).rounded()))
    }
}
