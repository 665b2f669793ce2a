import ArgumentParser
import Arguments
import Bench
import Keys
import OperatorText
import Registration
import SRUP

struct RegistryVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "registry",
        abstract: "Run the registration service: register devices, and issue their certificates for the broker.",
        discussion: """
            The interface is the reference's, with its weaknesses fixed. docs/registry.md describes it, with an example of \
            each request, and what is protected and what is not.

            EXAMPLE:
              srup-bench keys --out keys c2
              srup-bench registry init --folder registry --host localhost \\
                --broker mqtts://localhost:8883 --c2 c2 --c2-key keys/c2.pub.pem
              srup-bench registry run --folder registry --port 8443 &
              curl --cacert registry/ca.pem \\
                https://localhost:8443/KeyEx/register/status
            """,
        subcommands: [
            RegistryInitVerb.self, RegistryRunVerb.self, RegistryCodeVerb.self, RegistryTokenVerb.self,
            RegistryReaderVerb.self,
            RegistryTokensVerb.self, RegistryWithdrawVerb.self, RegistryListVerb.self, RegistryRevokeVerb.self,
            RegistryRekeyVerb.self, RegistryRenewVerb.self, RegistryAuthorityVerb.self,
        ])
}

/// The folder of the registry.
struct RegistryPlace: ParsableArguments {
    @Option(help: ArgumentHelp("The registry's folder (required).", valueName: "dir"))
    var folder: String
}

/// The passphrase of the CA's key.
struct RegistryPassphrase: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The passphrase of the CA's key: the first line of this file (mode 0600), at least 12 bytes; - asks at the \
            terminal. Without it the key is not encrypted.
            """, valueName: "file"))
    var caPassphrase: String?

    func read(isNew: Bool) throws -> Passphrase? {
        guard let caPassphrase else { return nil }
        let read: Passphrase?
        do {
            read =
                caPassphrase == "-"
                ? Passphrase.ask("Passphrase of the CA's key: ", isNew: isNew)
                : try Passphrase.read(file: caPassphrase)
        } catch let error as KeyError {
            throw OperatorFault(error.message, hint: "restrict the file to its owner: chmod 0600 \(caPassphrase)")
        }
        guard let read else {
            throw OperatorFault(
                "no passphrase of \(Passphrase.shortest) to 1023 bytes was given",
                hint: "write one into the file's first line, or type the same one twice")
        }
        return read
    }
}

struct RegistryInitVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Create a registry: its keys, a small CA, certificates, and its database.",
        discussion: """
            The folder is accessible by its owner only, and nothing in it is overwritten. It contains ca.pem, for devices and \
            the broker; crl.pem, the broker's crlfile; with --broker-certificate also broker.cert.pem and broker.key.pem; \
            with --c2-certificate also c2.cert.pem and c2.key.pem, the C2 server's client certificate (it cannot enrol, \
            because its identity is reserved). The other files are for the service only.
            """)

    @OptionGroup var place: RegistryPlace

    @Option(help: ArgumentHelp("The name or address at which devices reach the service (required).", valueName: "name"))
    var host: String

    @Option(
        help: ArgumentHelp(
            "The broker's URL for devices. Default: mqtts://, the host's name, :8883.", valueName: "URL"))
    var broker: String?

    @Option(
        help: ArgumentHelp(
            "The C2 server for devices: 1 to 16 hexadecimal digits (required).", valueName: "identity"))
    var c2: Identifier

    @Option(help: ArgumentHelp("Its public key, PEM (required).", valueName: "file"))
    var c2Key: String

    @Option(help: ArgumentHelp("The identity of the service. Default: a new one.", valueName: "identity"))
    var id: Identifier?

    @Flag(help: "Also create a key and a certificate for the broker.")
    var brokerCertificate = false

    @Flag(help: "Also create a key and a client certificate for the C2 server.")
    var c2Certificate = false

    @Option(
        help: ArgumentHelp("The path of the revocation list. Default: crl.pem in the folder.", valueName: "file"))
    var crl: String?

    @Option(
        help: ArgumentHelp("Bits of each RSA modulus: 2048 to 8192; the CA's has at least 3072.", valueName: "n"))
    var bits = 3_072

    @OptionGroup var passphrase: RegistryPassphrase

    func validate() throws {
        guard (2_048...8_192).contains(bits) else { throw ValidationError("--bits takes a number from 2048 to 8192") }
        guard c2.number >= 0x10, id.map({ $0.number >= 0x10 && $0 != c2 }) ?? true else {
            throw ValidationError("--c2 and --id take two different identities from 10 (hexadecimal) up")
        }
        try validating { _ = try plan }
    }

    private var plan: RegistryPlan {
        get throws(OperatorFault) {
            let url = broker ?? "mqtts://" + HostAndPort.text(host, 8_883)
            var plan = try RegistryPlan(folder: place.folder, host: host, broker: url, c2: c2, c2KeyFile: c2Key)
            (plan.identity, plan.revocationFile, plan.bits) = (id, crl, bits)
            (plan.certifiesBroker, plan.certifiesC2) = (brokerCertificate, c2Certificate)
            return plan
        }
    }

    func run() throws {
        let plan = try plan
        try plan.make(passphrase: try passphrase.read(isNew: true)) { Terminal.print("registry: \($0)") }
        if !plan.isForReference {
            Terminal.printError(
                "registry: devices and servers of the reference cannot reach this broker: they know port 8883 only")
        }
    }
}
