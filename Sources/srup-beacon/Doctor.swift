import ArgumentParser
import Daemon
import Operating

/// `srup-beacon doctor`
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at everything that this beacon needs, and say what is wrong and what to do.",
        discussion: """
            Looks at versions and the kernel, clock, entropy, the configuration, keys and certificates, the state folder, disk and \
            journal, the beacon that runs and its sandbox, each broker (name, TCP, TLS, certificate, CONNACK, subscription, and \
            whether others could publish to our topic), the registration service, memberships, adapters, and a link between \
            two of them. It changes nothing; the brokers see a client ID-doctor for some seconds. Where a \
            broker takes the client id from the certificate, say --no-visit: it would throw the beacon out.

            Run it as the beacon's user; as root it becomes that. What is in order is counted; then each line is what could not be \
            checked, then warnings, then failures: the verdict, what was looked at, what was found; and what to do. The last line \
            counts them. Exit status 0: nothing is bad (there may be warnings); 1: something is.
            """)

    @OptionGroup var options: ConfigurationOption

    @Flag(help: "Print one JSON array, for machines.")
    var json = false

    @Flag(help: "Also list the checks that are good.")
    var all = false

    @Flag(inversion: .prefixedNo, help: "Connect to the brokers as an MQTT client, under the id ID-doctor.")
    var visit = true

    func run() throws {
        var findings: [CheckResult] = []
        var doctor = Operating.Doctor(configurationFile: options.config, visits: visit) { findings.append($0) }
        let isGood = doctor.examine()
        if json {
            say(try findingsJSON(findings))
        } else {
            DoctorView(Screen.style, columns: Screen.columns, showsAll: all).lines(findings).forEach(say)
        }
        guard isGood else { throw ExitCode(1) }
    }
}
