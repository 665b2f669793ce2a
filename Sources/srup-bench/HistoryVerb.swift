import ArgumentParser
import Arguments
import Bench
import C2Server
import SRUP

struct HistoryVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show what a C2 server has sent, accepted, refused and decided.",
        discussion: """
            Reads the file of c2 --state, while the server runs or after it. A line per entry: id, time (UTC), kind, node, \
            and what the operator was told; of a decision also the grade of its evidence and why. Kinds: message, decision, evidence, order, remark. The server keeps the last \
            100000 entries, or 256 MiB of them. No value is in it: what was sealed is sealed here.

            EXAMPLE:
              srup-bench history --state c2.sqlite --node d1 --last 20
              srup-bench history --state c2.sqlite --node d1 --svg join.svg
            """)

    @Option(help: ArgumentHelp("The file of c2 --state (required).", valueName: "file"))
    var state: String

    @Option(help: ArgumentHelp("Only what concerns this node.", valueName: "identity"))
    var node: Identifier?

    @Option(help: ArgumentHelp("The newest entries, at most so many.", valueName: "n"))
    var last = 1_000

    @Flag(help: "One JSON object a line, with each message's frame in hexadecimal.")
    var json = false

    @Option(
        help: ArgumentHelp("Write the messages as a sequence diagram instead: one SVG file.", valueName: "file"))
    var svg: String?

    func validate() throws {
        if last < 1 { throw ValidationError("--last wants 1 or more") }
    }

    func run() throws {
        let store = try C2Store(lookingInto: state)
        let entries = try store.read(before: .max, limit: last, of: node)
        if let svg {
            try Diagram(entries, title: node.map { "\($0)" }).writeSVG(to: svg)
        } else {
            for entry in entries { Terminal.print(json ? entry.json : entry.text) }
        }
    }
}
