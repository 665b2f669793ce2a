import ArgumentParser
import Bench
import Enrolling

struct EnrolVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrol",
        abstract: "Make a device known to a network: keys, registration, certificate, in one folder.",
        discussion: """
            Asks the registration service at URL, as srup-beacon enrol does for a beacon: makes the identity key and the \
            access key, registers, proves that the key is ours, gets the client certificate for the broker, keeps the C2 \
            server's key. srup-bench device --enrolled FOLDER needs nothing else of whom to be and whom to trust.

            Interrupted, it is run again in the same way, and goes on where it was. It writes over nothing.

            EXAMPLE:
              srup-bench enrol https://localhost:8443 --folder d1 \\
                --ca registry/ca.pem --token d1.token
              srup-bench device --enrolled d1 --observer b1 \\
                --link local:/run/srup-beacon/link
            """)

    @Argument(help: ArgumentHelp("The registration service, https://host[:port][/path] (required).", valueName: "URL"))
    var address: String

    @Option(help: ArgumentHelp("The device's folder; made, for its owner only (required).", valueName: "dir"))
    var folder: String

    @Option(help: ArgumentHelp("What the service is told that this is.", valueName: "text"))
    var type = "device"

    @Option(help: ArgumentHelp("The identity; a random one unless given.", valueName: "identity"))
    var identity: String?

    @Option(
        help: ArgumentHelp(
            "A file with the token that the service asks for, or - for standard input; SRUP_BENCH_TOKEN in the environment does as well.",
            valueName: "file"))
    var token: String?

    @Option(
        help: ArgumentHelp(
            "PEM, the CA of the service's certificate, or several; no others are trusted then.", valueName: "file"))
    var ca: String?

    @Option(help: ArgumentHelp("The broker, where the service does not tell it again.", valueName: "host:port"))
    var broker: String?

    @Option(
        name: .customLong("c2"),
        help: ArgumentHelp("The C2 server, where the service does not tell it again.", valueName: "identity"))
    var server: String?

    @Option(help: ArgumentHelp("Seconds for each request, 1 to 600; 30 unless given.", valueName: "seconds"))
    var timeout: Int?

    @Option(help: ArgumentHelp("Bits of new keys, 2048 to 8192; 3072 unless given.", valueName: "n"))
    var bits: Int?

    @Flag(help: "Become another device: what is there is renamed first.")
    var replace = false

    func validate() throws {
        guard (1...600).contains(timeout ?? 30) else { throw ValidationError("--timeout takes a number from 1 to 600") }
        guard (2_048...8_192).contains(bits ?? 3_072) else {
            throw ValidationError("--bits takes a number from 2048 to 8192")
        }
        do { try form.checkWords() } catch { throw ValidationError("\(error.sentence); \(error.hint)") }
    }

    private var form: EnrolmentForm {
        var form = EnrolmentForm()
        (form.address, form.type, form.identity, form.authority) = (address, type, identity, ca)
        (form.token, form.tokenVariable) = (token, "SRUP_BENCH_TOKEN")
        (form.broker, form.server) = (broker, server)
        (form.asking.timeLimit, form.asking.bits) = (timeout, bits)
        return form
    }

    func run() throws {
        let node = try EnrolledNode.enrol(form, into: folder, replaces: replace) { Terminal.print("enrol: \($0)") }
        Terminal.print("enrol: \(try node.trial)")
        Terminal.print("enrol: enrolled as \(node.id.topicForm); be it: srup-bench device --enrolled \(folder)")
    }
}
