import ArgumentParser
import Bench
import OperatorText
import Registration

struct RegistryRunVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve a registry over HTTPS.",
        discussion: """
            Prints "listening on https://NAME:PORT" as its first line, then a line on standard error for each change and each \
            refusal. SIGTERM or SIGINT ends it with status 0. On a terminal the registration code follows the first line, without a \
            token (see code).

            The broker accepts no client once its revocation list has expired, and reads a new one only when it is told to. \
            docs/on-list (in the package /usr/share/doc/srup-bench/examples/on-list) is a program for --on-list that tells \
            mosquitto.
            """)

    @OptionGroup var place: RegistryPlace

    @Option(help: ArgumentHelp("The port to listen on; 0 chooses a free one and prints it.", valueName: "n"))
    var port = RegistryFolder.usualPort

    @Option(
        help: ArgumentHelp("The address to listen on; 0.0.0.0 or :: for all addresses of the machine.", valueName: "ip")
    )
    var bind = "127.0.0.1"

    @OptionGroup var passphrase: RegistryPassphrase

    @Option(
        help: ArgumentHelp("Whether registering needs an enrolment token.", valueName: "optional|required"))
    var tokens = TokenOption.optional

    @Option(
        help: ArgumentHelp(
            "Whether a device must name this registry in the statement that validates it; the reference's devices cannot.",
            valueName: "optional|required"))
    var namedStatements = TokenOption.optional

    @Flag(help: "Let everybody read keys and types, as in the reference. Default: readers need a token.")
    var openKeys = false

    @Flag(help: "Register no new devices; registered ones still get certificates.")
    var closed = false

    @Option(help: ArgumentHelp("Validity of a device's certificate: 1 to 825.", valueName: "days"))
    var certificateDays: Int64 = 90

    @OptionGroup var limits: RegistryLimitOptions

    @Option(help: ArgumentHelp("How long one connection may last: 1 to 600.", valueName: "seconds"))
    var connectionSeconds: Int64 = 30

    @Option(
        help: ArgumentHelp(
            """
            A program that has the broker read a new revocation list: it is called at the start and for each new list, with the \
            list's path and the registry's folder as arguments, and again if it fails.
            """, valueName: "file"))
    var onList: String?

    @Option(
        help: ArgumentHelp(
            "Write when the list and the registry's certificates expire to this file, for Prometheus' node_exporter.",
            valueName: "file"))
    var metrics: String?

    func validate() throws {
        // Of a name with several addresses only the first would be listened on.
        guard HostAndPort.isAddress(bind) else { throw ValidationError("--bind takes an IP address, not a name") }
        guard (1...825).contains(certificateDays) else { throw ValidationError("--certificate-days takes 1 to 825") }
        guard (1...600).contains(connectionSeconds) else {
            throw ValidationError("--connection-seconds takes 1 to 600")
        }
    }

    func run() throws {
        var policy = RegistryPolicy()
        (policy.isActive, policy.needsToken, policy.hasOpenKeys) = (!closed, tokens == .required, openKeys)
        policy.needsNamedStatements = namedStatements == .required
        policy.certificateDays = certificateDays
        limits.apply(to: &policy)
        let folder = try RegistryFolder(existing: place.folder)
        let registry = try Registry(in: folder, policy: policy, passphrase: try passphrase.read(isNew: false)) {
            Terminal.printError($0)
        }
        try registry.maintain(writesList: true)
        let program = try onList.map { path throws(OperatorFault) in try ListProgram(path, folder: folder) }
        let server = RegistryServer(
            folder: folder, address: bind, port: port, timeout: connectionSeconds, limits: limits.connections)
        try server.run(RegistryThread(registry, program, metricsFile: metrics))
    }
}

/// The value of `--tokens` and `--named-statements`.
enum TokenOption: String, ExpressibleByArgument, CaseIterable { case optional, required }
