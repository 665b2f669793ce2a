import ArgumentParser
import Daemon
import Operating

/// `srup-beacon status`
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask the running beacon how it is.",
        discussion: """
            The first line says whether it observes, and if not, why. The rest tells where it stands with each server and the broker, when the client certificate ends, whether the journal can be written, which transports \
            are listened on, what is open, and what was refused since the start, by reason. Asks the control socket in \
            [beacon] state, so it must run as the beacon's user or root.

            Exit status 0: a beacon answered; 1: none did. Whether all is well is in what it answers; srup-beacon doctor ends with 1 if \
            something is bad, such as a transport that is not listened on.
            """)

    @OptionGroup var options: ConfigurationOption

    @Flag(help: "Print one JSON object, for machines.")
    var json = false

    func run() throws {
        try reportingFaults {
            let reply = try Inquiry.status(try Configuration(file: options.config))
            guard !json else { return print(String(decoding: reply, as: UTF8.self)) }
            StatusView(Screen.style, columns: Screen.columns).lines(try Inquiry.report(reply)).forEach(say)
        }
    }
}
