import ArgumentParser
import Daemon
import Operating

/// `srup-beacon rotate`
struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replace the identity key, as the same beacon.",
        discussion: """
            Makes a new identity key, has the registration service of the enrolment put it in the old one's place (signed with \
            both), and uses it: a beacon that runs takes it at once. Servers that get their keys from the registry find it \
            there. Interrupted, it must be run again, and goes on with the same new key: the registry may have that already. \
            Where only the running beacon had still to take it, it does nothing else, and says so.

            The new key is where the old one is, unless --key says otherwise: tpm has the TPM make it, FILE is a key file of \
            yours (see enrol). The old key is kept beside it as identity.old.key.pem and only opens what servers have sealed \
            to it; the next rotation destroys that file, once no open observation needs it.

            The reference's registration service cannot do this; srup-bench registry can.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var service: ServiceOptions

    @Option(help: ArgumentHelp("Where the new key is to come from.", valueName: "tpm|file"))
    var key: String?

    func validate() throws { try service.validate() }

    func run() throws {
        try reportingFaults {
            var order = RotationOrder()
            (order.configuration, order.authority, order.key) = (options.config, service.ca, key)
            (order.asking, order.busy) = (service.asking, service.busy)
            try order.perform(say: say)
        }
    }
}
