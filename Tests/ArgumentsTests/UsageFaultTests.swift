import ArgumentParser
import TestVectors
import Testing

@testable import Arguments

private struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tool", subcommands: [Join.self, Keys.self, Hidden.self])
}

private struct Join: ParsableCommand {
    @Argument(help: ArgumentHelp(valueName: "server")) var server: UInt8?
    @Option(help: ArgumentHelp(valueName: "file")) var config = ""
    @Option(help: ArgumentHelp(valueName: "name")) var view = View.words
    @Option(help: ArgumentHelp(valueName: "address")) var at: Place?
    @Option(help: ArgumentHelp(valueName: "identity=address")) var also: Place?
    @Flag var human = false

    func validate() throws { if config == "no" { throw ValidationError("--config takes another word") } }
    func run() throws { throw NotAUsageFault() }
}

private enum View: String, ExpressibleByArgument, CaseIterable { case words, colours, digits }

/// Takes nothing.
private struct Place: ExpressibleByArgument { init?(argument: String) { nil } }

private struct NotAUsageFault: Error {}

private struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(subcommands: [Make.self, List.self])
}

private struct Make: ParsableCommand {
    @Option(help: ArgumentHelp(valueName: "dir")) var out: String
    @Argument(help: ArgumentHelp(valueName: "identity")) var nodes: [String]
}

private struct List: ParsableCommand {}

private struct Hidden: ParsableCommand {
    static let configuration = CommandConfiguration(shouldDisplay: false)
}

@Suite("Errors in a command line")
struct UsageFaultTests {
    private func fault(_ arguments: [String]) throws -> UsageFault? {
        do {
            var verb = try Tool.parseAsRoot(arguments)
            try verb.run()
            return nil
        } catch {
            return UsageFault(error, of: Tool.self, arguments: arguments)
        }
    }

    @Test(
        "are reported in one sentence, with the most similar name if there is one",
        arguments: [
            ("jion", "unknown verb \"jion\"; did you mean \"join\"?", "tool"),
            ("jion 7 --human", "unknown verb \"jion\"; did you mean \"join\"?", "tool"),
            ("nonsense", "unknown verb \"nonsense\"", "tool"),
            ("hiden", "unknown verb \"hiden\"", "tool"),
            ("help jion", "unknown verb \"jion\"; did you mean \"join\"?", "tool"),
            ("keys mak", "unknown verb \"mak\"; did you mean \"make\"?", "tool keys"),
            ("--confg", "unknown option \"--confg\"", "tool"),
            ("join --confg x", "unknown option \"--confg\"; did you mean \"--config\"?", "tool join"),
            ("keys make --ouut x n", "unknown option \"--ouut\"; did you mean \"--out\"?", "tool keys make"),
            ("join --confg=x", "unknown option \"--confg\"; did you mean \"--config\"?", "tool join"),
            (
                "join -- --confg", "invalid value \"--confg\" of <server>, which takes 1 to 16 hexadecimal digits",
                "tool join"
            ),
            ("join --seconds 3", "unknown option \"--seconds\"", "tool join"),
            ("join -x", "unknown option \"-x\"", "tool join"),
            ("join 1 2", "unexpected argument \"2\"", "tool join"),
            ("join 1 2 3", "unexpected arguments: \"2\", \"3\"", "tool join"),
            ("join --config", "missing value of --config <file>", "tool join"),
            ("join many", "invalid value \"many\" of <server>, which takes 1 to 16 hexadecimal digits", "tool join"),
            (
                "join --view x", "invalid value \"x\" of --view <name>, which takes words, colours or digits",
                "tool join"
            ),
            (
                "join --at rfcomm:00:11:22:33:44:55/31",
                "invalid value \"rfcomm:00:11:22:33:44:55/31\" of --at <address>: \"31\" is not an RFCOMM channel, which is 1 to 30",
                "tool join"
            ),
            (
                "join --also b1=rfcomm-random:C0:11:22:33:44:55",
                "invalid value \"b1=rfcomm-random:C0:11:22:33:44:55\" of --also <identity=address>: "
                    + "rfcomm is BR/EDR, which has no random addresses",
                "tool join"
            ),
            (
                "join --at tcp:1",
                "invalid value \"tcp:1\" of --at <address>, which takes local:PATH, rfcomm:ADDR, l2cap:ADDR, le:ADDR or le-random:ADDR",
                "tool join"
            ),
            ("join --human=1", "unexpected value \"1\" of --human, which takes none", "tool join"),
            ("join --config no", "--config takes another word", "tool join"),
            ("keys make n", "missing option --out <dir>", "tool keys make"),
            ("keys make --out x", "missing argument <identity> ...", "tool keys make"),
        ])
    func message(line: String, message: String, verb: String) throws {
        let fault = try #require(try fault(line.split(separator: " ").map(String.init)))
        #expect(fault.description == "tool: \(message)\nhint: run: \(verb) --help")
        #expect(OperatorTextRules.broken(by: fault) == [] && fault.exitStatus == 64)
    }

    @Test(
        "are not what a subcommand throws, nor a request for help",
        arguments: ["join", "join --help", "help", "help join", "keys", ""])
    func others(line: String) throws {
        #expect(try fault(line.split(separator: " ").map(String.init)) == nil)
    }

    @Test("quotes and line breaks in what was typed are not taken for the parser's own text")
    func quotes() throws {
        #expect(try fault(["a'b"])?.message == "unknown verb \"a'b\"")
        #expect(try fault(["a\n'. Did you mean 'b"])?.message == "unknown verb \"a\n'. Did you mean 'b\"")
        #expect(
            try fault(["join", "it's"])?.message
                == "invalid value \"it's\" of <server>, which takes 1 to 16 hexadecimal digits")
    }
}

@Suite("The nearest name")
struct SuggestionTests {
    @Test(
        "differs by at most one typing error of up to three characters",
        arguments: [
            ("stauts", "status"), ("statu", "status"), ("statuss", "status"), ("observation", "observations"),
            ("rnu", "run"), ("explian", "explain"), ("--confg", "--config"), ("re", nil), ("xyz", nil), ("", nil),
            ("stop", nil),
        ] as [(String, String?)])
    func nearest(typed: String, name: String?) {
        let names = ["run", "status", "observations", "explain", "--config", "renew"]
        #expect(Suggestion.nearest(to: typed, among: names) == name)
    }

    @Test("is not looked for if a whole text was typed")
    func long() {
        #expect(Suggestion.nearest(to: String(repeating: "x", count: 100_000), among: ["xxx"]) == nil)
    }
}
