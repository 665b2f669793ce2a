import ArgumentParser
import Arguments
import Bench
import SRUP

struct CapturedVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "captured",
        abstract: "Run a captured beacon: it joins the server, and gives the same verdict on every device.",
        discussion: """
            Answers each OBSERVE_REQ immediately, without having seen the device. A server that requires keyed proofs (c2 \
            --require keyed), or a quorum (c2 --site), is not deceived by it.

            Scripts can wait for these lines:
              captured: member of <server>
              captured: says of <device>, which it has not seen: <status>

            EXAMPLE:
              srup-bench captured --id b3 --key keys/b3.key.pem --broker localhost:8883 --ca ca.pem \\
                --cert b3.pem --tls-key b3.key --server c2 --server-key keys/c2.pub.pem --say valid
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: ArgumentHelp("The C2 server (required without --enrolled).", valueName: "identity"))
    var server: Identifier?

    @Option(help: ArgumentHelp("Its public key, PEM (required without --enrolled).", valueName: "file"))
    var serverKey: String?

    @Option(help: ArgumentHelp("Its verdict on every device.", valueName: "valid|invalid|failed"))
    var say = CapturedVerdict.valid

    func validate() throws {
        guard (server == nil) == (serverKey == nil), server != nil || common.enrolled != nil else {
            throw ValidationError("give --server and --server-key, or --enrolled")
        }
    }

    func run() throws {
        let signals = StopSignals()
        let enrolment = try common.enrolment()
        guard let server = server ?? enrolment?.server, let keyFile = serverKey ?? enrolment?.serverKeyFile else {
            preconditionFailure("options that were not validated")
        }
        let key = try DeviceTask.serverKey(keyFile)
        try CapturedBeacon(try common.node, server: server, serverKey: key, verdict: say.status).run(until: signals)
    }
}

/// The value of `captured --say`.
enum CapturedVerdict: String, ExpressibleByArgument, CaseIterable {
    case valid, invalid, failed

    var status: Status {
        switch self {
        case .valid: .observedJoinValid
        case .invalid: .observedJoinInvalid
        case .failed: .observedJoinFail
        }
    }
}
