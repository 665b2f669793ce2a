import ArgumentParser
import Glibc
import Operating

/// `srup-beacon support`
struct Support: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Collect what somebody needs who helps from afar, in one archive.",
        discussion: """
            The archive has versions, the effective configuration, status, metrics, the doctor's report, the end of the log, the \
            kernel's Bluetooth messages, the adapters, and the unit's state; contents.txt lists them. No private key, token of \
            the registration service, PIN or value is in it; look into it all the same before you give it away. It is readable \
            by its owner only, at most 20 MB unpacked, and takes less than five minutes.

            The beacon need not run. As an ordinary user some parts are missing: each is replaced by the reason, and listed at \
            the end.

            Exit status 0: the archive was written; 1: it could not be.

              sudo srup-beacon support --output /tmp/gate.tar.gz
            """)

    @OptionGroup var options: ConfigurationOption

    @Option(
        help: ArgumentHelp(
            "The archive; never written over another file. Default: srup-beacon-support-TIME.tar.gz here.",
            valueName: "file"))
    var output: String?

    @Option(
        name: .customLong("messages"),
        help: ArgumentHelp("The file of the beacon's log. Default: systemd's journal.", valueName: "file"))
    var log: String?

    @Flag(help: "Let the doctor connect to the brokers as an MQTT client, under the id ID-doctor.")
    var visit = false

    func run() throws {
        try reportingFaults {
            let archive = SupportArchive(
                configurationFile: options.config, output: output, log: log, visits: visit)
            let outcome = try archive.make()
            say("\(outcome.path): written, \((outcome.size + 1_023) / 1_024) KiB")
            for part in outcome.missing { say("without \(part.name): \(part.reason)") }
            if !outcome.missing.isEmpty, geteuid() != 0 { say("as root more can be had: sudo srup-beacon support") }
        }
    }
}
