import ArgumentParser
import Arguments
import Bench
import C2Server
import EventLoop
import Glibc
import HumanView
import SRUP

struct C2Verb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "c2",
        abstract: "Run a C2 server: accept joins in each join mode, send commands to members, end memberships.",
        discussion: """
            JOIN_REQ of any node in the keyring is answered with RESPONSE 50. HM_JOIN_REQ is answered with a fresh value, \
            sealed. The same value is shown here; compare it with what the device shows, and decide by the orders accept \
            and refuse. OBS_JOIN_REQ is refused immediately (5E, under the request's token) if the policy does not name the \
            device, or if the observer may not observe or has not joined. Otherwise device and observer receive the same \
            fresh value, sealed to each. No node may observe unless it is given the right: by --observer, --observer-type, \
            the order observer, or the console; --state stores it. A verdict counts only from the observer that was asked, \
            under the token that it was asked with: 60, 6E, 6F make the device's answer 50, 5E, 5F.

            Sequence ids work as in the reference: one number per peer for both directions. With --state they are stored, \
            together with members, keys, groups and history (see srup-bench history). The server then continues after a \
            restart or a crash, and answers 5F to the joins that were open. Without --state nothing is stored: ids \
            begin at the clock, and nodes that may observe and have not joined after ten seconds are told to join.

            With --registry the server asks the registration service for the keys of nodes that are not in the keyring, and \
            again every ten minutes while the node sends messages. It ends the membership of a node that was revoked. It tells \
            the service of each node that was deregistered, if the token in --reader-token is one of registry reader \
            --may-deregister.

            With --orders, each line on standard input is an order; @NAME stands for the nodes of a group:
              accept NODE MARK: the mark is shown with the value
              observer NODE yes|no: whether the node may observe
              require reachable|challenged|keyed: as --require; stored with --state
              refuse|join|terminate|deregister|identity NODE
              action NODE pause|resume|identify|restart-radio|0..255
              data NODE ID HEX
              update NODE URL FILE|SHA256, then activate NODE
              stage SHARE% URL FILE|SHA256 NODE...: both, for a share of the nodes at a time; stage show|continue|cancel
              name NODE TEXT and site NODE TEXT: what the operator calls it, and where it is; without a text: nothing
              forget NODE: its sequence ids; for a node that has lost them and is not heard any more
              group NAME NODE...

            With --web, a page on this machine's loopback addresses shows devices, joins and messages, and takes the same \
            orders. It is then the only place where values are shown and joins are decided; docs/console.md describes how it \
            is protected. Each key signs in once; the next one is printed when a key is used.

            Standard output has one line for each step. Scripts can wait for these:
              c2: ready
              c2: join of <node>: accepted
              c2: observed join of <device> by <observer>: accepted|refused|failed
              c2: compare for <device>, <view>, view <n> of 4: and the picture on the lines after it
              c2: if the device shows the same: accept <device> <mark>
              c2: console on http://localhost:<port>/ — sign in with <key>
              c2: human-moderated join of <device> by a human: accepted|refused|failed

            Exit status 0 after the expected joins or on SIGTERM or SIGINT, 12 if --timeout expired before them.

            EXAMPLE:
              srup-bench c2 --id c2 --key keys/c2.key.pem --keyring keys \\
                --broker localhost:8883 --ca ca.pem --cert c2.pem \\
                --tls-key c2.key --observer b1 --accept d1 --expect-joins 1 --trace c2.jsonl
            """)

    @OptionGroup var common: CommonOptions

    @OptionGroup var limits: C2LimitOptions

    @Option(
        help: ArgumentHelp(
            "The known nodes: a folder of <id>.pub.pem files. It may contain our own (required without --registry).",
            valueName: "dir"))
    var keyring: String?

    @Option(
        help: ArgumentHelp(
            "Store everything in this file, mode 0600; it is created if it does not exist.", valueName: "file"))
    var state: String?

    @Option(
        help: ArgumentHelp(
            "Registration service for the keys of nodes that are not in the keyring (required without --keyring).",
            valueName: "URL"))
    var registry: String?

    @Option(
        help: ArgumentHelp(
            "CA certificates for the registry, PEM. Default: the system's.", valueName: "file"))
    var registryCa: String?

    @Option(
        help: ArgumentHelp(
            "File with this server's token of the registry: srup-bench registry reader --may-deregister.",
            valueName: "file"))
    var readerToken: String?

    @Option(
        help: ArgumentHelp(
            "This node may observe: its verdicts decide on the devices that name it. May be given several times.",
            valueName: "identity"))
    var observer: [Identifier] = []

    @Option(
        help: ArgumentHelp(
            """
            Nodes that are registered with this type may observe; may be given several times. Use it only with a registry \
            whose enrolment tokens name types: otherwise a node's type is only what the node claims.
            """, valueName: "type"))
    var observerType: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            The grade of evidence that a join needs: the observer reports the device (reachable), the observer reports that \
            the device answered a challenge (its setting report-evidence; challenged), or the device signed its answer and \
            this server checked it (keyed). Less is refused. Default: as stored with --state, otherwise reachable.
            """, valueName: "reachable|challenged|keyed"))
    var require: C2.Grade?

    @Option(
        help: ArgumentHelp(
            """
            Beacons that observe together: for a join that names one of them, all of them are asked. May be given several \
            times. Each must be allowed to observe; only keyed proofs count.
            """, valueName: "name=identity,identity,..."))
    var site: [SiteOption] = []

    @Option(
        help: ArgumentHelp(
            "How many beacons of a site must have seen the device. Default: more than half of them.",
            valueName: "name=n"))
    var quorum: [QuorumOption] = []

    @Option(help: ArgumentHelp("Exit after this number of decided observed joins.", valueName: "n"))
    var expectJoins: Int?

    @Option(
        help: ArgumentHelp(
            "With --expect-joins: continue to listen for this time before the exit.", valueName: "seconds"))
    var linger = Seconds(0)

    @Option(
        help: ArgumentHelp("How long to wait for an observer's verdict; then the answer is 5F.", valueName: "seconds"))
    var window = Seconds(180)

    @Option(
        help: ArgumentHelp(
            "Only these devices may join by observation; may be given several times. Default: all known devices.",
            valueName: "identity"))
    var accept: [Identifier] = []

    @Option(
        help: ArgumentHelp(
            """
            Misbehave: publish the OBSERVE_REQ for this device a second time, byte for byte, immediately after its join is \
            decided; may be given several times.
            """, valueName: "identity"))
    var replayRequestsOf: [Identifier] = []

    @Option(
        help: ArgumentHelp(
            "How a device may join: ID=simple,human,observed; may be given several times. Default: all known devices, in each join mode.",
            valueName: "identity=mode,..."))
    var allow: [Allowance] = []

    @Option(
        help: ArgumentHelp(
            "Refuse to let this node resign or deregister; may be given several times.", valueName: "identity"))
    var keep: [Identifier] = []

    @Option(
        help: ArgumentHelp("How long to wait for a person's decision; then the answer is 5F.", valueName: "seconds"))
    var humanWindow = Seconds(600)

    @Option(
        help: ArgumentHelp(
            "The view in which values are compared; the same as the devices'. The page can switch it.",
            valueName: "name"))
    var view = HumanView.words

    @Option(
        defaultAsFlag: UInt16(0),
        help: ArgumentHelp(
            "Serve the operator's page to browsers on this machine, at this port or, without a number, at a free one.",
            valueName: "port"))
    var web: UInt16?

    @Option(
        help: ArgumentHelp(
            """
            How often each beacon that is a member is asked by ID_REQUEST whether it is alive, at most 50 of them in a second; 0: \
            never. One that does not answer is asked at growing intervals.
            """, valueName: "seconds"))
    var askInterval = Seconds(300)

    @Flag(help: "Read orders from standard input.")
    var orders = false

    func validate() throws {
        if keyring == nil, registry == nil { throw ValidationError("give --keyring, --registry, or both") }
        if registry == nil, registryCa != nil || readerToken != nil || !observerType.isEmpty {
            throw ValidationError("--registry-ca, --reader-token and --observer-type need --registry")
        }
        try checkSites()
        if let expectJoins, expectJoins < 1 { throw ValidationError("--expect-joins takes a number from 1 up") }
    }

    /// Each beacon belongs to one site, and each quorum can be reached.
    private func checkSites() throws {
        let beacons = site.flatMap(\.beacons)
        guard Set(beacons).count == beacons.count, Set(site.map(\.name)).count == site.count else {
            throw ValidationError("--site names a beacon or a site twice")
        }
        for quorum in quorum {
            guard let site = site.first(where: { $0.name == quorum.name }) else {
                throw ValidationError("--quorum names the site \(quorum.name), but no --site does")
            }
            guard (1...site.beacons.count).contains(quorum.count) else {
                throw ValidationError(
                    "--quorum \(quorum.name) takes a number from 1 to \(site.beacons.count), the number of its beacons")
            }
        }
    }

    private var sites: [String: C2.Site] {
        let wanted = Dictionary(quorum.map { ($0.name, $0.count) }) { $1 }
        return Dictionary(
            site.map { site in
                let quorum = wanted[site.name] ?? site.beacons.count / 2 + 1
                return (site.name, C2.Site(beacons: site.beacons, quorum: quorum))
            }
        ) { $1 }
    }

    func run() throws {
        let signals = StopSignals()
        let keys = try keyring.map { try KeyPairs.known(in: $0) } ?? [:]
        var policy = C2.Policy()
        if !accept.isEmpty { policy.accepted = Set(accept) }
        policy.window = window.duration
        policy.humanWindow = humanWindow.duration
        policy.keeps = Set(keep)
        policy.askInterval = askInterval.duration
        (policy.requires, policy.sites) = (require, sites)
        (policy.limit, policy.waitingLimit) = (limits.openJoins, limits.waitingJoins)
        policy.observers = Set(observer)
        if !allow.isEmpty {
            policy.joinModes = Dictionary(allow.map { ($0.node, $0.joinModes) }, uniquingKeysWith: { $1 })
        }
        policy.replaysRequestsOf = Set(replayRequestsOf)
        var ending = C2Server.Ending()
        (ending.decisions, ending.linger) = (expectJoins, linger.duration)
        ending.limit = common.timeout?.duration
        let service = try registry.map {
            try C2Registry($0, authority: registryCa, token: readerToken, observerTypes: Set(observerType))
        }
        let node = try common.node
        let server = try C2Server(
            node, keys: keys, policy: policy, ending: ending,
            store: C2Store(path: state, own: node.id, bounds: limits.bounds), registry: service,
            strangersPerMinute: limits.strangersPerMinute, view: view)
        if let web { try serveConsole(of: server, at: web) }
        if orders { takeOrders(for: server) }
        switch server.run(until: signals) {
        case .done: break
        case .outOfTime: throw ExitCode(12)
        case .broken(let fault): throw fault
        }
    }

    private func serveConsole(of server: C2Server, at port: UInt16) throws {
        let console = Console(server.consoleDependencies) { Terminal.print("c2: \($0)") }
        server.console = console
        try ConsoleServer(console: console, port: port).start()
    }

    /// A thread waits for lines: standard input may be a file, a pipe or a terminal. It does not use stdio, because it would hold
    /// stdio's locks when the process exits.
    private func takeOrders(for server: C2Server) {
        startThread("orders") {
            var held: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = read(STDIN_FILENO, &piece, piece.count)
                guard count > 0 else { return }
                guard held.count < 262_144 else {
                    return Terminal.printError("c2: an order is longer than 256 KiB; no further orders are read")
                }
                held += piece[..<count]
                while let end = held.firstIndex(of: UInt8(ascii: "\n")) {
                    server.take(line: String(decoding: held[..<end], as: UTF8.self))
                    held.removeFirst(end + 1)
                }
            }
        }
    }
}
