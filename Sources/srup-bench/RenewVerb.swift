import ArgumentParser
import Bench
import Enrolling

struct RenewVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew",
        abstract: "Renew the client certificate of an enrolled device.",
        discussion: """
            Gets a new client certificate, with a new key, from the registration service of the enrolment, tries it at the \
            broker, and only then replaces the old one. The broker's CAs, and those of the service, are renewed with it.

            EXAMPLE:
              srup-bench renew --folder d1
            """)

    @Option(help: ArgumentHelp("The device's folder, as made by enrol (required).", valueName: "dir"))
    var folder: String

    @Option(help: ArgumentHelp("The broker. Default: the one that the service has told.", valueName: "host:port"))
    var broker: String?

    @OptionGroup var busy: BusyOption

    func run() throws {
        try EnrolledNode.renew(folder, broker: broker, busy: busy.waiting("renew")) { Terminal.print("renew: \($0)") }
    }
}
