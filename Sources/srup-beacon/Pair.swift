import ArgumentParser
import Daemon
import Operating

/// `srup-beacon pair`
struct Pair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let one device pair with this beacon's adapters, for a limited time.",
        discussion: """
            Links that the configuration wants authenticated take a pairing in which a person has compared numbers. Start \
            this here, then pair from the device (on Linux: bluetoothctl pair ADDRESS), and answer yes on both sides if \
            both show the same six digits. It ends when one device has paired, or when the time is over. At other times \
            strangers cannot pair, unless another program on this machine lets them.

            Where bluetoothd runs, it keeps the pairing; otherwise the kernel does, until the adapter is unplugged or the \
            machine restarts. It takes root, or the capability CAP_NET_ADMIN. The beacon may run meanwhile.

            Exit status 0: a device has paired; 1: none has.
            """)

    @OptionGroup var options: ConfigurationOption

    @Option(help: "How long to be open for it, 10 to 600.")
    var seconds: UInt16 = 120

    func validate() throws {
        guard (10...600).contains(seconds) else { throw ValidationError("--seconds takes a number from 10 to 600") }
    }

    func run() throws {
        try reportingFaults {
            let configuration = try Configuration(file: options.config)
            let paired = try PairingWindow.openForPairing(configuration, seconds: seconds, say: say)
            guard let paired else {
                say("nobody has paired")
                throw ExitCode(1)
            }
            say("paired with \(paired)")
        }
    }
}
