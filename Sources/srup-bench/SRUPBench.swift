import ArgumentParser
import Arguments
import Bench
import OperatorText

@main
struct SRUPBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "srup-bench",
        abstract:
            "Devices, C2 servers and a registration service to test beacons with, and tools to inspect their messages.",
        discussion: """
            These are the peers of a beacon: the server asks it to observe, the device proves to it that it is near. Both can \
            deliberately misbehave. They use SRUP version 5 over MQTT with TLS, and version 1 of the proof link.

            Exit status 0: success; 1: a fault that the operator can fix, with a message and a hint on standard error, or as \
            described in the help of the subcommand; 64: invalid command line.

            EXAMPLE: an observed join, with a running beacon with id b1:
              srup-bench keys --out keys c2 d1
              cp b1.pub.pem keys/
              srup-bench c2 --id c2 --key keys/c2.key.pem --keyring keys \\
                --broker localhost:8883 --ca ca.pem --cert c2.pem \\
                --tls-key c2.key --trace c2.jsonl --expect-joins 1 &
              srup-bench device --id d1 --key keys/d1.key.pem --server c2 \\
                --server-key keys/c2.pub.pem --observer b1 \\
                --link rfcomm:00:11:22:33:44:55 --broker localhost:8883 \\
                --ca ca.pem --cert d1.pem --tls-key d1.key --trace d1.jsonl
              srup-bench diagram c2.jsonl d1.jsonl
            """,
        version: "0.1.0",
        subcommands: [
            KeysVerb.self, EnrolVerb.self, RenewVerb.self, C2Verb.self, HistoryVerb.self, DeviceVerb.self,
            ScanVerb.self, PairVerb.self, AuditVerb.self,
            CapturedVerb.self, ProveVerb.self, LoadVerb.self, DecodeVerb.self, DiagramVerb.self, MergeVerb.self,
            ReplayVerb.self, ViewVerb.self, StudyVerb.self, RegistryVerb.self,
        ])

    static func main() {
        do {
            try runVerb()
        } catch let error as any OperatorError {
            Terminal.printError(error)
            exit(withError: ExitCode(error.exitStatus))
        } catch {
            exit(withError: error)
        }
    }
}
