import ArgumentParser
import Daemon
import Operating
import Enrolling
import OperatorText

/// `srup-beacon enrol`
struct Enrol: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make this machine a beacon of a network: keys, registration, certificate, configuration.",
        discussion: """
            Asks the registration service at URL. Makes the identity key and the access key, for their owner only; \
            registers; proves that the key is ours; gets the client certificate for the broker; keeps the C2 server's key; \
            writes the configuration. Run it as the beacon's user.

            The identity key may be in hardware: --key tpm has the TPM make it; --key FILE takes a key file of yours, and that may \
            be one line, pkcs11:token=T;object=O;type=private?pin-source=/FILE or handle:0x81010001.

            Instead of the URL it takes a registration code (srup-bench registry code): a file with a picture of it, PNG or JPEG, \
            which zbarimg of the package zbar-tools reads; a file with its text; or - and its text on standard input. A code can name \
            the CA and hold the token, in place of --ca and --token; with a token it is refused on the command line, which others can \
            see. Anyone can make a code: take it from the operator of the service.

            Interrupted, it is run again in the same way, and goes on where it was. It writes over nothing: an identity that \
            is there stays, unless --replace sets it aside. --ca, --proxy, --timeout, --bits and --allow-plain-http are \
            kept for the renewals; run again with others, it keeps those.

              srup-beacon enrol https://register.example.org --ca service-ca.pem --dry-run
              srup-beacon enrol https://register.example.org --ca service-ca.pem

            Exit status 0: enrolled, or it was already.
            """)

    @Argument(
        help: ArgumentHelp(
            "The registration service, https://host[:port][/path]; or its registration code, a file or - (required).",
            valueName: "URL|file"))
    var address: String

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var service: ServiceOptions

    @Option(help: ArgumentHelp("Folder of the journal.", valueName: "dir"))
    var state = "/var/lib/srup-beacon"

    @Option(
        help: ArgumentHelp("Folder of keys and certificates; keys in the journal's unless given.", valueName: "dir"))
    var keys: String?

    @Option(help: ArgumentHelp("What the service is told that this is.", valueName: "text"))
    var type = "beacon"

    @Option(help: ArgumentHelp("The identity; a random one unless given.", valueName: "identity"))
    var identity: String?

    @Option(
        help: ArgumentHelp(
            "Where the identity key is to come from, unless it is made: tpm, this machine's TPM; or a key file, which may be a line that names a key in hardware.",
            valueName: "tpm|file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "A file with the token that the service asks for, or - for standard input; SRUP_BEACON_TOKEN in the environment does as well.",
            valueName: "file"))
    var token: String?

    @Option(
        help: ArgumentHelp(
            "The broker, where the service does not tell it, or tells another one; with --c2.", valueName: "host:port"))
    var broker: String?

    @Option(
        name: .customLong("c2"),
        help: ArgumentHelp(
            "The C2 server, where the service does not tell it, or tells another one; with --broker.",
            valueName: "identity"))
    var server: String?

    @Flag(help: "Only check and say what would be done; write nothing, register nothing.")
    var dryRun = false

    @Flag(help: "Become another beacon: what is there is renamed first.")
    var replace = false

    private var form: EnrolmentRequest {
        var form = EnrolmentOrder().form
        (form.address, form.type, form.identity, form.key) = (address, type, identity, key)
        (form.token, form.broker, form.server) = (token, broker, server)
        (form.authority, form.asking, form.busy) = (service.ca, service.asking, service.busy)
        return form
    }

    func validate() throws {
        try service.validate()
        do throws(OperatorFault) { try form.checkWords() } catch {
            throw ValidationError("\(error.message); \(error.hint(for: .beacon))")
        }
    }

    func run() throws {
        try reportingFaults {
            var order = EnrolmentOrder()
            (order.configuration, order.state, order.keys) = (options.config, state, keys)
            (order.form, order.replaces) = (form, replace)
            if dryRun { try order.rehearse(say: say) } else { try order.perform(say: say) }
        }
    }
}

/// How a registration service is asked.
struct ServiceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "PEM, the CA of the service's certificate, or several; no others are trusted then.", valueName: "file"))
    var ca: String?

    @Option(help: ArgumentHelp("Seconds for each request, 1 to 600; 30 unless given.", valueName: "seconds"))
    var timeout: Int?

    @Option(
        help: ArgumentHelp("A proxy, \"\" for none; none is taken from the environment.", valueName: "URL"))
    var proxy: String?

    @Option(help: ArgumentHelp("Bits of new keys, 2048 to 8192; 3072 unless given.", valueName: "n"))
    var bits: Int?

    @Flag(
        name: .customLong("allow-plain-http"),
        help: "Let the service be asked without TLS, if it is this machine itself: for benches.")
    var allowPlainHTTP = false

    @Option(
        help: ArgumentHelp(
            "Seconds that one request may wait for a service that is busy, 0 to 86400.", valueName: "seconds"))
    var wait = BusyWaiting.usual

    var busy: BusyWaiting { BusyWaiting(limit: wait) { say($0) } }

    var asking: RegistrationOptions {
        var asking = RegistrationOptions()
        (asking.proxy, asking.timeLimit, asking.bits) = (proxy, timeout, bits)
        asking.allowsPlain = allowPlainHTTP ? true : nil
        return asking
    }

    func validate() throws {
        guard (1...600).contains(timeout ?? 30) else { throw ValidationError("--timeout takes a number from 1 to 600") }
        guard (2_048...8_192).contains(bits ?? 3_072) else {
            throw ValidationError("--bits takes a number from 2048 to 8192")
        }
        guard BusyWaiting.bounds.contains(wait) else {
            throw ValidationError("--wait takes a number from 0 to \(BusyWaiting.bounds.upperBound)")
        }
    }
}
