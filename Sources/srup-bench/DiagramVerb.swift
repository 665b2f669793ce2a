import ArgumentParser
import Bench

struct DiagramVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagram",
        abstract: "Draw the messages of an observed join, as the paper's Figure 2 does.",
        discussion: """
            Merges trace files by their times and prints a sequence diagram of at most 100 columns: device, beacon and C2, \
            and each message with its name, sequence id, bytes, and the milliseconds since the first. The traces must come \
            from one boot of one machine, whose clock they share.

            EXAMPLE:
              srup-bench diagram c2.jsonl d1.jsonl --svg join.svg
            """)

    @Argument(help: ArgumentHelp("Files that c2 --trace and device --trace wrote.", valueName: "trace"))
    var traces: [String]

    @Option(help: ArgumentHelp("What stands above it.", valueName: "text"))
    var title: String?

    @Option(help: ArgumentHelp("Also write it as one SVG file, for light and dark pages.", valueName: "file"))
    var svg: String?

    func run() throws {
        let diagram = try Diagram(files: traces, title: title)
        if let svg { try diagram.writeSVG(to: svg) }
        Voice.say(diagram.text)
    }
}
