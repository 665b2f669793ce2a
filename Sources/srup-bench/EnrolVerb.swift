import ArgumentParser
import Bench
import Enrolling

struct EnrolVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrol",
        abstract: "Enrol a device: keys, registration and client certificate, in one folder.",
        discussion: """
            Uses the registration service at URL, as srup-beacon enrol does for a beacon: creates the identity key and the \
            client key, registers, proves the identity key, obtains the client certificate for the broker, and stores the C2 \
            server's key. srup-bench device --enrolled FOLDER needs no other keys or certificates.

            Instead of the URL it takes a registration code (srup-bench registry code): a file with a picture of it, PNG or JPEG, \
            which zbarimg of the package zbar-tools reads; a file with its text; or - and its text on standard input. A code can \
            name the CA and hold the token, so that --ca and --token are not needed. A code with a token does not belong on a \
            command line, which others can see, and is refused there. Anyone can make a code: take it from the service's operator.

            If it is interrupted, run the same command again; it continues. It does not overwrite files.

            EXAMPLE:
              srup-bench enrol https://localhost:8443 --folder d1 \\
                --ca registry/ca.pem --token d1.token
              srup-bench enrol d1.png --folder d1
              srup-bench device --enrolled d1 --observer b1 \\
                --link rfcomm:00:11:22:33:44:55
            """)

    @Argument(
        help: ArgumentHelp(
            "The registration service, https://host[:port][/path]; or its registration code, a file or - (required).",
            valueName: "URL|file"))
    var address: String

    @Option(
        help: ArgumentHelp("The device's folder; created, accessible by its owner only (required).", valueName: "dir"))
    var folder: String

    @Option(help: ArgumentHelp("The type to register with.", valueName: "text"))
    var type = "device"

    @Option(help: ArgumentHelp("The identity. Default: a random one.", valueName: "identity"))
    var identity: String?

    @Option(
        help: ArgumentHelp(
            "A file with the enrolment token, or - for standard input; alternatively the environment variable SRUP_BENCH_TOKEN.",
            valueName: "file"))
    var token: String?

    @Option(
        help: ArgumentHelp(
            "CA certificates for the service, PEM; then no others are trusted.", valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "The broker, if the service does not report it, or reports another one; with --c2.", valueName: "host:port")
    )
    var broker: String?

    @Option(
        name: .customLong("c2"),
        help: ArgumentHelp(
            "The C2 server, if the service does not report it, or reports another one; with --broker.",
            valueName: "identity"))
    var server: String?

    @Option(help: ArgumentHelp("Timeout of each request, 1 to 600. Default: 30.", valueName: "seconds"))
    var timeout: Int?

    @Option(help: ArgumentHelp("Bits of new keys, 2048 to 8192. Default: 3072.", valueName: "n"))
    var bits: Int?

    @Flag(help: "Enrol as a new device; existing files are renamed first.")
    var replace = false

    @OptionGroup var busy: BusyOption

    func validate() throws {
        guard (1...600).contains(timeout ?? 30) else { throw ValidationError("--timeout takes a number from 1 to 600") }
        guard (2_048...8_192).contains(bits ?? 3_072) else {
            throw ValidationError("--bits takes a number from 2048 to 8192")
        }
        try validating { try form.checkWords() }
    }

    private var form: EnrolmentRequest {
        var form = EnrolmentRequest()
        (form.address, form.type, form.identity, form.authority) = (address, type, identity, ca)
        (form.token, form.tokenVariable) = (token, "SRUP_BENCH_TOKEN")
        (form.broker, form.server) = (broker, server)
        (form.asking.timeLimit, form.asking.bits) = (timeout, bits)
        form.busy = busy.waiting("enrol")
        return form
    }

    func run() throws {
        let node = try EnrolledNode.enrol(form, into: folder, replaces: replace) { Terminal.print("enrol: \($0)") }
        Terminal.print("enrol: \(try node.trial)")
        Terminal.print("enrol: enrolled as \(node.id.topicForm); use it: srup-bench device --enrolled \(folder)")
    }
}

/// How long a busy registration service is waited for.
struct BusyOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long one request may wait for a service that is busy, 0 to 86400.", valueName: "seconds"))
    var wait = BusyWaiting.usual

    func validate() throws {
        guard BusyWaiting.bounds.contains(wait) else { throw ValidationError("--wait takes 0 to 86400") }
    }

    func waiting(_ verb: String) -> BusyWaiting {
        BusyWaiting(limit: wait) { Terminal.print("\(verb): \($0)") }
    }
}
