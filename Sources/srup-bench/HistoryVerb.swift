import ArgumentParser
import Arguments
import Bench
import C2Server
import SRUP

struct HistoryVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show the history of a C2 server: messages, decisions, evidence and orders.",
        discussion: """
            Reads the file of c2 --state; the server may be running. One line per entry: id, time (UTC), kind, node, and \
            text; for a decision also the grade of its evidence and the reason. Kinds: message, decision, evidence, order, \
            remark. How much the server keeps: c2 --history-entries, --history-size and --history-days. The history contains no \
            values: sealed values stay sealed.

            EXAMPLE:
              srup-bench history --state c2.sqlite --node d1 --last 20
              srup-bench history --state c2.sqlite --node d1 --svg join.svg
              srup-bench history --state c2.sqlite --since 2026-12-01 --until 2026-12-01 --verdict refused
            """)

    @Option(help: ArgumentHelp("The file of c2 --state (required).", valueName: "file"))
    var state: String

    @Option(
        name: [.long, .customLong("device")],
        help: ArgumentHelp("Only entries that concern this node.", valueName: "identity"))
    var node: Identifier?

    @OptionGroup var times: TimeRangeOptions

    @Option(
        help: ArgumentHelp(
            "Only decisions of this kind. A decision concerns its device.", valueName: "accepted|refused|failed"))
    var verdict: C2.Decision?

    @Option(help: ArgumentHelp("The maximum number of entries, the newest ones.", valueName: "n"))
    var last = 1_000

    @Flag(help: "Print one JSON object per line, with each message's frame in hexadecimal.")
    var json = false

    @Option(
        help: ArgumentHelp("Instead, write the messages as a sequence diagram to this SVG file.", valueName: "file"))
    var svg: String?

    func validate() throws {
        if last < 1 { throw ValidationError("--last takes a number from 1 up") }
    }

    func run() throws {
        let store = try C2Store(lookingInto: state)
        let isBounded = times.since != nil || times.until != nil
        let filter = C2Store.Filter(node: node, times: isBounded ? times.milliseconds() : nil, verdict: verdict)
        let entries = try store.read(before: .max, limit: last, matching: filter)
        if let svg {
            try Diagram(entries, title: node.map { "\($0)" }).writeSVG(to: svg)
        } else {
            for entry in entries { Terminal.print(json ? entry.json : entry.text) }
        }
    }
}

extension C2.Decision: ExpressibleByArgument {}
