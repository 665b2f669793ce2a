import ArgumentParser
import Daemon
import Operating
import OperatorText

/// `srup-beacon explain`
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what became of an observation or a join, why, and what to do.",
        discussion: """
            For a token: that observation, or this beacon's own join. For a device's identifier: its open observations, and the \
            last five that were answered. For a server's: where this beacon stands with it.

            The beacon need not run: its journal is then read itself. Exit status 0: something is known; 1: nothing is.
            """)

    @OptionGroup var options: ConfigurationOption

    @Flag(help: "Print one JSON array, for machines.")
    var json = false

    @Argument(
        help: ArgumentHelp(
            "A token or an identifier, as srup-beacon observations prints them (required).",
            valueName: "token|device|server"))
    var subject: String

    func validate() throws {
        guard subject.isPrintable(1...130, spaces: false) else {
            throw ValidationError("a token or an identifier is 1 to 130 printable characters without spaces")
        }
    }

    func run() throws {
        try reportingFaults {
            let reply = try Inquiry.explanations(try Configuration(file: options.config), of: subject)
            guard !json else { return print(String(decoding: reply, as: UTF8.self)) }
            print(try Inquiry.explanations(reply).map(\.text).joined(separator: "\n\n"))
        }
    }
}
