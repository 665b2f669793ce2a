import ArgumentParser
import Daemon
import Operating

/// `srup-beacon fetch`
struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch an update's file, and have the updater look at it.",
        discussion: """
            What the running beacon starts when a server orders an update. Run by hand as the beacon's user, it shows what \
            would become of such an order: the last line is the outcome. Nothing is installed.
            """, shouldDisplay: false)

    @OptionGroup var options: ConfigurationOption

    @Option(help: ArgumentHelp("Where the file is, https://...; -: standard input (required).", valueName: "address"))
    var url: String

    @Option(help: ArgumentHelp("Its SHA-256, 64 hexadecimal digits (required).", valueName: "hex"))
    var digest: String

    func validate() throws {
        guard digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit) else {
            throw ValidationError("--digest takes 64 hexadecimal digits")
        }
    }

    func run() throws {
        try reportingFaults {
            var fetch = UpdateFetch()
            (fetch.configuration, fetch.url, fetch.digest) = (options.config, url, digest)
            try fetch.perform(say: say)
        }
    }
}
