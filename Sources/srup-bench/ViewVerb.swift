import ArgumentParser
import Bench

struct ViewVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "view",
        abstract: "Show a value as people compare it: digits, a pictograph, colours, or words.",
        discussion: """
            Draws a 128-bit value in one of the four views that a beacon and a C2 server can be pinned to: hexadecimal, \
            pictograph (12 x 12 cells, black and white), colours (8 x 8 cells with a letter in each), words (eleven). Or as \
            a QR code, qr, for machines. docs/human-views.md has a picture of each.

            On a terminal that has colours they are used, unless NO_COLOR is set. What is written to a file is drawn in \
            characters alone. A file is for its owner only: what it shows is the value.

            A value on a command line can be seen by all users of the machine, and is kept by the shell. Where that \
            matters, give - and the value on standard input.

            EXAMPLE:
              srup-bench view C4BF8105-8351-41E0-886F-D25F9A69C5AD --as words
              srup-bench view - --as colours --form png --output value.png
            """)

    @Argument(
        help: ArgumentHelp(
            "32 hexadecimal digits, or 8-4-4-4-12, or - for standard input (required).", valueName: "value"))
    var value: String

    @Option(name: .customLong("as"), help: ArgumentHelp("What to show (required).", valueName: "view"))
    var kind: ViewTask.Kind

    @Option(help: ArgumentHelp("What to draw it for.", valueName: "terminal|svg|png"))
    var form = ViewTask.Form.terminal

    @Option(help: ArgumentHelp("Write to this file. A PNG file needs it, or no terminal to go to.", valueName: "file"))
    var output: String?

    func validate() throws {
        guard value != "-" else { return }
        try validating { () throws(OperatorFault) in try ViewTask.check(value) }
    }

    func run() throws { try ViewTask(value, as: kind, form: form).write(to: output) }
}

extension ViewTask.Kind: ExpressibleByArgument {
    /// From the name of a view, or qr.
    public init?(argument: String) { self.init(name: argument) }

    /// The same names, for the help.
    public static var allValueStrings: [String] { names }
}

extension ViewTask.Form: ExpressibleByArgument {}
