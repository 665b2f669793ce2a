import ArgumentParser
import Beacon
import Glibc

/// `srup-beacon pair`
struct Pair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let one device pair with this beacon's adapters, for a limited time.",
        discussion: """
            Links that the configuration wants authenticated take a pairing in which a person has compared numbers. Start \
            this here, then pair from the device (on Linux: bluetoothctl pair ADDRESS), and answer yes on both sides if \
            both show the same six digits. It ends when one device has paired, or when the time is over; at all other \
            times strangers cannot pair.

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
        let end = ContinuousClock.now + .seconds(seconds)
        try reportingFaults {
            let paired = try Admission.openForPairing(try Configuration(file: options.config), seconds: seconds) {
                say($0)
            } confirm: { device, number in
                say("\(device) wants to pair. Does it show \(number)? [yes/no]")
                return isConfirmed(before: end)
            }
            guard let paired else {
                say("nobody has paired")
                throw ExitCode(1)
            }
            say("paired with \(paired)")
        }
    }

    /// Nobody is there to answer before the time is over: that is a no, and it closes in time.
    private func isConfirmed(before end: ContinuousClock.Instant) -> Bool {
        let left = max(.zero, ContinuousClock.now.duration(to: end))
        var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, Int32(left.components.seconds * 1_000)) > 0 && readLine() == "yes"
    }

    /// At once, through a pipe as well: who is to answer must see it.
    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
