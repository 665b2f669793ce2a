import OperatorText
import ArgumentParser
import Arguments
import Bench
import Glibc
import HumanView
import SRUP

struct DiagramVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagram",
        abstract: "Draw the messages of joins and withdrawals, as in the paper's Figures 1 and 2.",
        discussion: """
            Merges trace files by their times and prints a sequence diagram: device, beacon and C2 server, and each message \
            with its name, sequence id, bytes, and the milliseconds since the first. A message that both ends have recorded is \
            drawn once, when it was sent. Traces of several machines are put in the time of the first one, as srup-bench merge \
            does.

            If somebody leaves, or must leave, each join and each withdrawal is a section with a title. In a human-moderated \
            join, the person who compares the values has a lifeline.

            The diagram is as wide as the terminal or COLUMNS, otherwise 80 columns; at least \
            \(Diagram.widths.lowerBound) and at most \(Diagram.widths.upperBound). Long numbers are shortened; the lines \
            below the diagram have them in full. It has colours on a terminal, unless NO_COLOR is set or TERM is dumb.

            EXAMPLE:
              srup-bench diagram c2.jsonl d1.jsonl --svg join.svg
            """)

    enum Colour: String, CaseIterable, ExpressibleByArgument {
        case auto, always, never
    }

    @Argument(help: ArgumentHelp("Files that c2 --trace and device --trace wrote (required).", valueName: "trace"))
    var traces: [String]

    @Option(help: ArgumentHelp("Only the messages of this device's joins.", valueName: "identity"))
    var device: Identifier?

    @Option(help: ArgumentHelp("The title above the diagram.", valueName: "text"))
    var title: String?

    @Option(help: ArgumentHelp("Also write it to this SVG file, for light and dark pages.", valueName: "file"))
    var svg: String?

    @Option(help: ArgumentHelp("Whether to use colours.", valueName: "when"))
    var colour = Colour.auto

    func run() throws {
        let diagram = try Diagram(files: traces, device: device, title: title)
        if let svg { try diagram.writeSVG(to: svg) }
        let variable: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
        let style =
            switch colour {
            case .auto: TerminalStyle(isTerminal: isatty(STDOUT_FILENO) == 1, environment: variable)
            case .always: TerminalStyle.colour
            case .never: TerminalStyle.plain
            }
        let width = Diagram.width(terminal: DiagramVerb.terminalWidth, environment: variable)
        Terminal.print(diagram.text(width: width, style: style))
    }

    /// nil if standard output is not a terminal, or if its width is unknown.
    private static var terminalWidth: Int? {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
