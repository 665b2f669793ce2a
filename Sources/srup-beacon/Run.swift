import ArgumentParser
import Daemon
import Glibc
import OperatorText

/// `srup-beacon run`
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the beacon, in the foreground.",
        discussion: """
            Reads the configuration, opens the journal, listens for devices and connects to the broker; then it is ready, \
            says so to systemd where that started it, and goes on until SIGTERM or SIGINT. Log lines go to standard error.

            SIGHUP reads the configuration again. Changes to [broker], [radio], the transports in [link] and who the beacon is are named \
            in the log and wait for a restart; all others are applied.

            Missing parts that can come back are waited for: the broker, the radio, room on the disk. Faults that only a \
            person can fix (a key, the configuration) end it with an error message and a hint.

              srup-beacon run --check --config /etc/srup-beacon/srup-beacon.conf
              srup-beacon run --config /etc/srup-beacon/srup-beacon.conf
            """)

    @OptionGroup var options: ConfigurationOption

    @Flag(
        help:
            "Only check the configuration, the files that it names, and the journal's version; change nothing, connect to nothing."
    )
    var check = false

    func run() throws {
        try reportingFaults {
            guard check else { return try DaemonProcess.run(options.config) }
            for fault in try DaemonProcess.check(options.config) {
                let text = "warning: \(fault.message)\nhint: \(fault.hint(for: .beacon))\n"
                write(STDERR_FILENO, text, text.utf8.count)
            }
            print("\(options.config): configuration is valid")
        }
    }
}
