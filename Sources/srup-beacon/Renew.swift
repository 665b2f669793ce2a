import ArgumentParser
import Daemon
import Operating

/// `srup-beacon renew`
struct Renew: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Renew the client certificate for the broker.",
        discussion: """
            Makes a new access key, has the registration service of the enrolment certify it, tries the certificate at the \
            broker under a client id of its own, and only then puts it into the old one's place; the old one is kept beside \
            it as access.old. Whatever fails, the old one stays in use.

            The service is asked as at the enrolment; options given here hold this once (enrol, run again, keeps others).

            A beacon that was enrolled does this by itself in the week before two thirds of the certificate's time are over; status \
            says when. A beacon that runs takes the new one at its next connection.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var service: ServiceOptions

    func validate() throws { try service.validate() }

    func run() throws {
        try reportingFaults {
            var order = RenewalOrder()
            (order.configuration, order.authority) = (options.config, service.ca)
            (order.asking, order.busy) = (service.asking, service.busy)
            try order.perform(say: say)
        }
    }
}
