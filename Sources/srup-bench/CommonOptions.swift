import ArgumentParser
import Arguments
import Bench
import Broker
import OperatorText
import SRUP

/// Options of several subcommands.
struct CommonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder that srup-bench enrol created; replaces the six options below.", valueName: "dir"))
    var enrolled: String?

    @Option(
        help: ArgumentHelp(
            "Our identity: 1 to 16 hexadecimal digits. Also the MQTT client id (required without --enrolled).",
            valueName: "identity"))
    var id: Identifier?

    @Option(
        help: ArgumentHelp(
            "Our private key, PEM, mode 0600; see srup-bench keys (required without --enrolled).", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            """
            The broker, by the name in its certificate; of several that pass messages on to each other, a list, or given several \
            times (required without --enrolled).
            """, valueName: "host:port,..."))
    var broker: [String] = []

    @Option(
        help: ArgumentHelp(
            "CA certificates for the broker, PEM (required without --enrolled).", valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "Our client certificate for the broker, PEM (required without --enrolled).", valueName: "file"))
    var cert: String?

    @Option(
        help: ArgumentHelp("The private key of that certificate, PEM (required without --enrolled).", valueName: "file")
    )
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Append each message to this file, one JSON object per line; see diagram.", valueName: "file"))
    var trace: String?

    @Option(
        help: ArgumentHelp(
            """
            Append the TLS keys of the connections to the broker to this file, for Wireshark: anyone who has them can read \
            everything in a capture. Only for your own bench; see docs/wireshark.md.
            """, valueName: "file"))
    var tlsKeyLog: String?

    @Option(
        help: ArgumentHelp(
            "Maximum run time. Default: 200 for device, unlimited for c2.", valueName: "seconds"))
    var timeout: Seconds?

    func validate() throws {
        guard enrolled != nil || [key, broker.first, ca, cert, tlsKey].allSatisfy({ $0 != nil }) && id != nil
        else {
            throw ValidationError("give --enrolled, or all of --id, --key, --broker, --ca, --cert and --tls-key")
        }
        guard enrolled == nil || id == nil && key == nil else {
            throw ValidationError("with --enrolled, do not give --id or --key: they are those of the enrolment")
        }
        try validating { _ = try brokers(broker) }
    }

    /// The brokers of lists.
    private func brokers(_ lists: [String]) throws -> [BrokerAddress] {
        let places = lists.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        return try places.map { try BrokerAddress(option: String($0.filter { $0 != " " })) }
    }

    /// The enrolment, if there is one.
    func enrolment() throws -> EnrolledNode? { try enrolled.map { try EnrolledNode(folder: $0) } }

    var node: BenchNode {
        get throws {
            let enrolment = try enrolment()
            guard let id = enrolment?.id ?? id, let key = enrolment?.keyFile ?? key,
                let lists = broker.isEmpty ? enrolment.map({ [$0.broker] }) : broker,
                let ca = ca ?? enrolment?.tls.authority,
                let cert = cert ?? enrolment?.tls.certificate, let tlsKey = tlsKey ?? enrolment?.tls.key
            else { preconditionFailure("options that were not validated") }
            var node = try BenchNode(
                id: id, keyFile: key, brokers: try brokers(lists),
                tls: TLSFiles(authority: ca, certificate: cert, key: tlsKey), traceFile: trace)
            if let tlsKeyLog {
                node.keyLog = try KeyLog(tlsKeyLog)
                Terminal.printError(KeyLog.warning(about: tlsKeyLog))
            }
            return node
        }
    }
}

/// A duration on the command line: seconds with decimals, at most a year.
struct Seconds: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        guard let seconds = Double(argument), (0...31_536_000).contains(seconds) else { return nil }
        duration = .nanoseconds(Int64(seconds * 1e9))
    }

    init(_ seconds: Int64) { duration = .seconds(seconds) }

    var defaultValueDescription: String { "\(duration.components.seconds)" }
}

/// Reports an operator's error as an error in the command line.
func validating(_ body: () throws -> Void) throws {
    do { try body() } catch let error as any OperatorError {
        throw ValidationError("\(error.message); \(error.hint(for: .bench))")
    }
}
