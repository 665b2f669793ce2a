import ArgumentParser
import Bench
import Registration

struct RegistryRunVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve a registry over HTTPS.",
        discussion: """
            Says «listening on https://NAME:PORT» as its first line, then a line on standard error for each deed and each \
            refusal. SIGTERM or SIGINT ends it with status 0.
            """)

    @OptionGroup var place: RegistryPlace

    @Option(help: ArgumentHelp("Where to listen; 0 picks a free port and says it.", valueName: "n"))
    var port: UInt16 = 8_443

    @Option(
        help: ArgumentHelp("The address to listen on; all addresses of the machine: 0.0.0.0 or ::.", valueName: "ip"))
    var bind = "127.0.0.1"

    @OptionGroup var passphrase: RegistryPassphrase

    @Option(
        help: ArgumentHelp("Whether an enrolment token is needed to register.", valueName: "optional|required"))
    var tokens = TokenOption.optional

    @Option(
        help: ArgumentHelp(
            "Whether a device must name this registry in what it signs to be validated; the reference's devices cannot.",
            valueName: "optional|required"))
    var namedStatements = TokenOption.optional

    @Flag(help: "Let everybody read keys and types, as the reference does. Without it, readers need a token.")
    var openKeys = false

    @Flag(help: "Register nobody new; those who are known still get certificates.")
    var closed = false

    @Option(help: ArgumentHelp("How long a device's certificate holds: 1 to 825.", valueName: "days"))
    var certificateDays: Int64 = 90

    @Option(help: ArgumentHelp("Requests that one address may make in a minute, 1 to 100000.", valueName: "n"))
    var requestsPerMinute = 120

    @Option(help: ArgumentHelp("How long one connection may last: 1 to 600.", valueName: "seconds"))
    var connectionSeconds: Int64 = 30

    func validate() throws {
        guard (1...825).contains(certificateDays) else { throw ValidationError("--certificate-days takes 1 to 825") }
        guard (1...100_000).contains(requestsPerMinute) else {
            throw ValidationError("--requests-per-minute takes 1 to 100000")
        }
        guard (1...600).contains(connectionSeconds) else {
            throw ValidationError("--connection-seconds takes 1 to 600")
        }
    }

    func run() throws {
        var policy = RegistryPolicy()
        (policy.isActive, policy.needsToken, policy.hasOpenKeys) = (!closed, tokens == .required, openKeys)
        policy.needsNamedStatements = namedStatements == .required
        (policy.certificateDays, policy.requestsAMinute) = (certificateDays, requestsPerMinute)
        let folder = try RegistryFolder(existing: place.folder)
        let registry = try Registry(in: folder, policy: policy, passphrase: try passphrase.read(isNew: false)) {
            Terminal.printError($0)
        }
        try registry.maintain()
        let server = RegistryServer(folder: folder, address: bind, port: port, timeout: connectionSeconds)
        try server.run(RegistryThread(registry))
    }
}

/// What `--tokens` and `--named-statements` take.
enum TokenOption: String, ExpressibleByArgument, CaseIterable { case optional, required }
