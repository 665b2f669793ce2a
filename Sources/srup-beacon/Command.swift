import ArgumentParser
import Arguments
import Daemon
import Operating
import Glibc
import OperatorText

/// The daemon's and the operator's command.
@main
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "srup-beacon",
        abstract: "The proximity observer of a SRUP network.",
        discussion: """
            A device that wants to join a C2 server shows this beacon, over Bluetooth, the value that the server has sent \
            to both. The beacon compares, and answers the server with a signed verdict.

            Start with: srup-beacon enrol URL, or with a configuration of your own: srup-beacon run --check --config FILE

            Exit status 0: done; 1: a fault that the operator can correct, told in a message and a hint on standard error, \
            or what the verb's own help says; 64: invalid command line; 78: the beacon must not be started again before the \
            operator has corrected the fault.
            """,
        version: Shell.version,
        subcommands: [
            Enrol.self, Run.self, Status.self, Observations.self, Audit.self, Watch.self, Doctor.self, Explain.self,
            Metrics.self, Servers.self, Config.self, Support.self,
            Join.self,
            Resign.self, Deregister.self,
            Pair.self, Renew.self, Rotate.self, Fetch.self, GiveManagement.self,
        ])

    static func main() {
        do { try runVerb() } catch { exit(withError: error) }
    }
}

/// What every verb takes.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config = "/etc/srup-beacon/srup-beacon.conf"
}

/// Runs a verb; an operator's error is two lines on standard error, and exit status 1 or 78. Anything else is not caught here.
func reportingFaults(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as any OperatorError {
        let text = error.report(by: "srup-beacon", .beacon) + "\n"
        write(STDERR_FILENO, text, text.utf8.count)
        throw ExitCode(error.exitStatus)
    }
}

/// Unbuffered, through a pipe as well: a person who must answer, or waits, must see it. Not by stdio: waiting for an
/// answer holds its locks.
func say(_ line: String) {
    let text = line + "\n"
    write(STDOUT_FILENO, text, text.utf8.count)
}
