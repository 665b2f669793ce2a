import ArgumentParser
import Bench

struct ViewVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "view",
        abstract: "Show a value in a view that people compare: digits, a pictograph, colours, or words.",
        discussion: """
            Draws a 128-bit value in one of the four views that can be configured for a beacon and a C2 server: hexadecimal, \
            pictograph (12 x 12 cells, black and white), colours (8 x 8 cells with a letter in each), words (eleven); or as a \
            QR code, qr. docs/human-views.md has a picture of each.

            On a terminal with colours they are used, unless NO_COLOR is set. Output to a file has plain characters only. A \
            file is readable by its owner only, because it shows the value.

            All users of the machine can see a value on a command line, and the shell stores it in its history. To avoid \
            that, give - and the value on standard input.

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

    @Option(help: ArgumentHelp("The output format.", valueName: "terminal|svg|png"))
    var form = ViewTask.Form.terminal

    @Option(
        help: ArgumentHelp("Write to this file. Needed for PNG if standard output is a terminal.", valueName: "file"))
    var output: String?

    func validate() throws {
        guard value != "-" else { return }
        try validating { try ViewTask.check(value) }
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
