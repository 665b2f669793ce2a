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
        abstract: "Be the C2 server: let nodes join in every joinMode, give them orders, let them go.",
        discussion: """
            JOIN_REQ of any node in the keyring is answered with RESPONSE 50. HM_JOIN_REQ gets a fresh value, sealed; the \
            same value is shown here, to be compared with what the device shows, and decided by the orders accept and \
            refuse. OBS_JOIN_REQ is refused at once (5E, under the request's token) where the policy does not name the \
            device, or the observer may not observe or has not joined; otherwise device and observer get the same fresh \
            value, sealed to each. Nobody may observe until it is given: by --observer, --observer-type, the order observer, \
            or the console; --state keeps it. The verdict counts only from the observer that was asked, \
            under the token that it was asked with: 60, 6E, 6F make the device's answer 50, 5E, 5F.

            Sequence ids are kept as the reference keeps them: one number per peer for both directions. With --state, they \
            are kept across runs, with members, keys, groups and history (see srup-bench history): the server goes on where \
            it has ended, however it has, and answers 5F to the joins that were open. Without it nothing is kept, and a \
            beacon that joined an earlier run must join this one.

            With --registry, keys of nodes that are not in the keyring are asked for at the registration service, and again \
            every ten minutes while the node speaks: one that it has revoked is let go.

            With --orders, lines on standard input are orders, with @NAME for the nodes of a group:
              accept NODE MARK: the mark that is shown with the value
              observer NODE yes|no: whether it may observe
              require reachable|challenged|keyed: as --require; kept with --state
              refuse|join|terminate|deregister|identity NODE
              action NODE pause|resume|identify|restart-radio|0..255
              data NODE ID HEX
              update NODE URL FILE|SHA256
              activate NODE
              group NAME NODE...

            With --web, a page on this machine's loopback addresses shows devices, joins and messages, takes the same \
            orders, and is the only place where values are shown and joins are decided; docs/console.md tells how it is protected. \
            The key signs in once, and the next one is said then.

            One line per step on standard output. The ones to wait for:
              c2: ready
              c2: join of <node>: accepted
              c2: observed join of <device> by <observer>: accepted|refused|failed
              c2: compare for <device>, <view>, view <n> of 4: and the picture on the lines after it
              c2: if the device shows the same: accept <device> <mark>
              c2: console on http://localhost:<port>/ — sign in with <key>
              c2: human-moderated join of <device> by a human: accepted|refused|failed

            Status 0 after the expected joins or by SIGTERM or SIGINT, 12 where --timeout came before them.

            EXAMPLE:
              srup-bench c2 --id c2 --key keys/c2.key.pem --keyring keys \\
                --broker localhost:8883 --ca ca.pem --cert c2.pem \\
                --tls-key c2.key --observer b1 --accept d1 --expect-joins 1 --trace c2.jsonl
            """)

    @OptionGroup var common: CommonOptions

    @Option(
        help: ArgumentHelp(
            "The nodes that we know: a folder of <id>.pub.pem. Our own may be in it (required without --registry).",
            valueName: "dir"))
    var keyring: String?

    @Option(
        help: ArgumentHelp(
            "Keep everything in this file, mode 0600; it is made where it does not exist.", valueName: "file"))
    var state: String?

    @Option(
        help: ArgumentHelp(
            "Ask this registration service for the keys of nodes that are not in the keyring (required without --keyring).",
            valueName: "URL"))
    var registry: String?

    @Option(
        help: ArgumentHelp(
            "Certificates that the registry's must lead to, PEM. Without it, the system's.", valueName: "file"))
    var registryCa: String?

    @Option(
        help: ArgumentHelp("The token of who may read keys; see srup-bench registry reader.", valueName: "file"))
    var readerToken: String?

    @Option(
        help: ArgumentHelp(
            "This node may observe: its word decides on the devices that name it. May be given several times.",
            valueName: "identity"))
    var observer: [Identifier] = []

    @Option(
        help: ArgumentHelp(
            """
            Nodes that the registry has with this type may observe; may be given several times. Only with a registry whose \
            enrolment tokens name types: otherwise a node's type is what it says itself.
            """, valueName: "type"))
    var observerType: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            How much must be known of a device's proof: that the observer says it was there, that it says the device has \
            answered a challenge (its setting report-evidence), or that the device has signed its answer and this server has \
            checked it. What is less is refused. Without it, as --state has kept it, or reachable.
            """, valueName: "reachable|challenged|keyed"))
    var require: C2.Grade?

    @Option(
        help: ArgumentHelp(
            """
            Beacons that observe together: a join that names one of them asks all of them. May be given several times. Each \
            must be allowed to observe; only keyed proofs count.
            """, valueName: "name=identity,identity,..."))
    var site: [SiteOption] = []

    @Option(
        help: ArgumentHelp(
            "How many beacons of a site must have seen the device. Without it, more than half of them.",
            valueName: "name=n"))
    var quorum: [QuorumOption] = []

    @Option(help: ArgumentHelp("End when so many observed joins are decided.", valueName: "n"))
    var expectJoins: Int?

    @Option(help: ArgumentHelp("Then go on listening for so long.", valueName: "seconds"))
    var linger = Seconds(0)

    @Option(help: ArgumentHelp("Give up on an observer after so long, and answer 5F.", valueName: "seconds"))
    var window = Seconds(180)

    @Option(
        help: ArgumentHelp(
            "Only these devices may join by observation; may be given several times. Without it, all known ones.",
            valueName: "identity"))
    var accept: [Identifier] = []

    @Option(
        help: ArgumentHelp(
            """
            Misbehave: publish the OBSERVE_REQ for this device a second time, byte for byte, right after its join is \
            decided; may be given several times.
            """, valueName: "identity"))
    var replayRequestsOf: [Identifier] = []

    @Option(
        help: ArgumentHelp(
            "How a device may join: ID=simple,human,observed; may be given several times. Without it, all known ones.",
            valueName: "identity=joinMode,..."))
    var allow: [Allowance] = []

    @Option(
        help: ArgumentHelp(
            "Do not let this node resign or deregister; may be given several times.", valueName: "identity"))
    var keep: [Identifier] = []

    @Option(help: ArgumentHelp("Give up on human eyes after so long, and answer 5F.", valueName: "seconds"))
    var humanWindow = Seconds(600)

    @Option(
        help: ArgumentHelp(
            "The view in which values are compared, the same as the devices'. The page can switch it.",
            valueName: "name"))
    var view = HumanView.words

    @Option(
        defaultAsFlag: UInt16(0),
        help: ArgumentHelp(
            "Serve the operator's page to browsers on this machine, at this port or, without one, at one that is free.",
            valueName: "port"))
    var web: UInt16?

    @Flag(help: "Take orders from standard input.")
    var orders = false

    func validate() throws {
        if keyring == nil, registry == nil { throw ValidationError("give --keyring, --registry, or both") }
        if registry == nil, registryCa != nil || readerToken != nil || !observerType.isEmpty {
            throw ValidationError("--registry-ca, --reader-token and --observer-type go with --registry")
        }
        try checkSites()
        if let expectJoins, expectJoins < 1 { throw ValidationError("--expect-joins wants 1 or more") }
    }

    /// Each beacon stands in one site, and each quorum can be reached.
    private func checkSites() throws {
        let beacons = site.flatMap(\.beacons)
        guard Set(beacons).count == beacons.count, Set(site.map(\.name)).count == site.count else {
            throw ValidationError("--site names a beacon or a site twice")
        }
        for quorum in quorum {
            guard let site = site.first(where: { $0.name == quorum.name }) else {
                throw ValidationError("--quorum names the site \(quorum.name), which no --site has")
            }
            guard (1...site.beacons.count).contains(quorum.count) else {
                throw ValidationError(
                    "--quorum \(quorum.name) wants 1 to \(site.beacons.count), as many as it has beacons")
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
        policy.window = window.nanoseconds
        policy.humanWindow = humanWindow.nanoseconds
        policy.keeps = Set(keep)
        (policy.requires, policy.sites) = (require, sites)
        policy.observers = Set(observer)
        if !allow.isEmpty {
            policy.joinModes = Dictionary(allow.map { ($0.node, $0.joinModes) }, uniquingKeysWith: { $1 })
        }
        policy.replaysRequestsOf = Set(replayRequestsOf)
        var ending = C2Server.Ending()
        (ending.decisions, ending.linger) = (expectJoins, linger.nanoseconds)
        ending.limit = common.timeout?.nanoseconds
        let service = try registry.map {
            try C2Registry($0, authority: registryCa, token: readerToken, observerTypes: Set(observerType))
        }
        let node = try common.node
        let server = try C2Server(
            node, keys: keys, policy: policy, ending: ending, store: C2Store(path: state, own: node.id),
            registry: service, view: view)
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

    /// A file, a pipe or a terminal: a thread that waits for lines takes them all. Not by stdio, whose locks the waiting
    /// would hold at the end.
    private func takeOrders(for server: C2Server) {
        startThread("orders") {
            var held: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = read(STDIN_FILENO, &piece, piece.count)
                guard count > 0, held.count < 262_144 else { return }
                held += piece[..<count]
                while let end = held.firstIndex(of: UInt8(ascii: "\n")) {
                    server.take(line: String(decoding: held[..<end], as: UTF8.self))
                    held.removeFirst(end + 1)
                }
            }
        }
    }
}

/// How one device may join, on the command line.
struct Allowance: ExpressibleByArgument {
    let node: Identifier
    let joinModes: Set<C2.JoinMode>

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let node = Identifier(hexadecimal: parts[0]) else { return nil }
        let words = parts[1].split(separator: ",")
        let joinModes = words.compactMap { C2.JoinMode(rawValue: String($0)) }
        guard !words.isEmpty, joinModes.count == words.count else { return nil }
        (self.node, self.joinModes) = (node, Set(joinModes))
    }
}
