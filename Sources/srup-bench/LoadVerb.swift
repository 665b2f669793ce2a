import ArgumentParser
import Arguments
import Bench
import OperatorText
import ProofLink
import SRUP

struct LoadVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Let many devices join through one beacon, and measure each step at the devices.",
        discussion: """
            Connects all devices to the broker, then begins joins at --rate a second, or all at once (--burst), of the devices \
            in turn. All run in this process and on one thread. The server needs a key for each device \
            (srup-bench keys --devices); the beacon needs room for the links; docs/load.md has both, and what limits a rate.

            The devices' ids count up from --first. In --key, --cert and --tls-key, "{id}" stands for the id in its topic form; \
            without it, all devices share the file.

            --share BEHAVIOUR=PART makes a part of the joins, 0 to 1, misbehave. How each must end:
              false      one false proof: refused, at the beacon's deadline
              silent     no link: failed, at the beacon's deadline
              wrong-id   speaks for another device: failed, at the beacon's deadline
              early      opens its link before it asks the server: joined
              late       opens its link --late seconds after its request: joined
              dropped    drops its first link when it is challenged: joined
            Which joins they are, and which of several --mode each has, is chosen by a generator: the same --seed, the same \
            plan. Over the local transport all devices have one address for the beacon, which holds it off after a false proof.

            At the end, and on SIGINT, it prints the joins by behaviour and the quantiles of each step: connect (to CONNACK), \
            subscribe (to SUBACK), value (OBS_JOIN_REQ to OBS_JOIN_RESP), link, hello, challenge (READY or CLAIM to CHALLENGE), \
            outcome (PROOF to OUTCOME), decision (PROOF to RESPONSE), join (OBS_JOIN_REQ to RESPONSE), and how late joins began. \
            The exit status is 0 if every join ended as it must, 10 if one did not, 12 if it was stopped or the time was over.

            EXAMPLE, with local = /run/beacon.link in the beacon's [link]:
              srup-bench load --devices 200 --first de00000000000000 --key "keys/{id}.key.pem" \\
                --cert load.pem --tls-key load.key --broker localhost:8883 --ca ca.pem \\
                --server c2 --server-key keys/c2.pub.pem --observer b1 --link local:/run/beacon.link \\
                --joins 1000 --rate 40 --share false=0.02 --share silent=0.02 --csv joins.csv --svg joins.svg
            """)

    @Option(help: ArgumentHelp("How many devices: 1 to \(LoadPlan.Settings.mostDevices).", valueName: "n"))
    var devices = 1

    @Option(help: ArgumentHelp("The id of the first device (required).", valueName: "identity"))
    var first: Identifier

    @Option(
        help: ArgumentHelp(
            "How many joins: 1 to \(LoadPlan.Settings.mostJoins). Default: one for each device.", valueName: "n"))
    var joins: Int?

    @Option(help: ArgumentHelp("Joins that begin each second. Default: 1.", valueName: "n"))
    var rate: Double?

    @Flag(help: "Begin all joins at once, as far as --window and the devices allow.")
    var burst = false

    @Option(
        help: ArgumentHelp(
            "How many joins are under way at a time; further ones wait. Default: no limit but the devices.",
            valueName: "n"))
    var window: Int?

    @Option(
        help: ArgumentHelp(
            "The mode of the proofs; may be given several times. Default: keyed.", valueName: "keyed|challenge|value"))
    var mode: [ModeOption] = []

    @Option(
        help: ArgumentHelp("A part of the joins that misbehave; may be given several times.", valueName: "name=part"))
    var share: [ShareOption] = []

    @Option(help: ArgumentHelp("Of the generator.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("How late the late devices open their links.", valueName: "seconds"))
    var late = Seconds(2)

    @Option(help: ArgumentHelp("How long a join may take.", valueName: "seconds"))
    var timeout = Seconds(200)

    @Option(help: ArgumentHelp("How long all joins may take; then the run ends with its report.", valueName: "seconds"))
    var timeLimit = Seconds(3_600)

    @Option(help: ArgumentHelp("Between two lines of progress on standard error.", valueName: "seconds"))
    var progress = Seconds(5)

    @Option(help: ArgumentHelp("The devices' private keys, PEM (required).", valueName: "file"))
    var key: String

    @Option(help: ArgumentHelp("The broker, by the name in its certificate (required).", valueName: "host:port"))
    var broker: String

    @Option(help: ArgumentHelp("CA certificates for the broker, PEM (required).", valueName: "file"))
    var ca: String

    @Option(
        help: ArgumentHelp(
            "Client certificates for the broker, PEM. One for all must be allowed to use every device's topics (required).",
            valueName: "file"))
    var cert: String

    @Option(help: ArgumentHelp("The private keys of those certificates, PEM (required).", valueName: "file"))
    var tlsKey: String

    @Option(help: ArgumentHelp("The server to join (required).", valueName: "identity"))
    var server: Identifier

    @Option(help: ArgumentHelp("The server's public key, PEM (required).", valueName: "file"))
    var serverKey: String

    @Option(help: ArgumentHelp("The beacon that observes the joins (required).", valueName: "identity"))
    var observer: Identifier

    @OptionGroup var beacon: BeaconLinkOptions

    @Option(help: ArgumentHelp("Append each message of the devices to this file; see merge.", valueName: "file"))
    var trace: String?

    @Option(help: ArgumentHelp("Write a row for each join to this file.", valueName: "file"))
    var csv: String?

    @Option(help: ArgumentHelp("Write the totals and quantiles to this file.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Draw steps and joins to this file.", valueName: "file"))
    var svg: String?

    func validate() throws {
        guard (1...LoadPlan.Settings.mostDevices).contains(devices) else {
            throw ValidationError("--devices takes a number from 1 to \(LoadPlan.Settings.mostDevices)")
        }
        guard (1...LoadPlan.Settings.mostJoins).contains(joins ?? devices) else {
            throw ValidationError("--joins takes a number from 1 to \(LoadPlan.Settings.mostJoins)")
        }
        guard rate == nil || !burst else { throw ValidationError("give either --rate or --burst") }
        guard LoadPlan.Settings.rates.contains(rate ?? 1) else {
            throw ValidationError("--rate takes 0.001 to 10000 joins a second")
        }
        guard (window ?? 1) >= 1 else { throw ValidationError("--window takes a number from 1 up") }
        guard Set(share.map(\.behaviour)).count == share.count, share.map(\.part).reduce(0, +) <= 1.000_001 else {
            throw ValidationError("--share names each misbehaviour once, with parts of 1 at most together")
        }
        guard first.number.addingReportingOverflow(UInt64(devices)).overflow == false, first.number >= 0x10 else {
            throw ValidationError("--first takes an identity from 10 up, with room for all devices above it")
        }
        try validating { _ = try LoadNodes.broker(broker) }
    }

    private var plan: LoadPlan {
        var settings = LoadPlan.Settings()
        (settings.devices, settings.joins, settings.seed) = (devices, joins ?? devices, seed)
        settings.pace = burst ? .burst : .rate(rate ?? 1)
        settings.shares = Dictionary(share.map { ($0.behaviour, $0.part) }) { $1 }
        if !mode.isEmpty { settings.modes = mode.map(\.mode) }
        return LoadPlan(settings)
    }

    func run() throws {
        let signals = StopSignals()
        let nodes = try LoadNodes.make(
            devices, from: first, key: key, broker: broker, authority: ca, certificate: cert, tlsKey: tlsKey,
            trace: trace)
        var site = LoadSite(
            server: server, serverKey: try DeviceTask.serverKey(serverKey),
            place: BeaconPlace(observer, beacon.link, from: beacon.adapter ?? .any))
        (site.late, site.limit) = (late.duration, timeout.duration)
        var limits = LoadRun.Limits()
        (limits.time, limits.progress) = (timeLimit.duration, max(progress.duration, .milliseconds(250)))
        limits.window = window ?? devices
        // Before the run: afterwards its result would be lost.
        let files = try [csv, json, svg].map { try $0.map { try OutputFile($0) } }
        let report = try LoadRun(nodes, plan, at: site, limits: limits).run(until: signals)
        for line in report.lines { Terminal.print("load: \(line)") }
        for (file, text) in zip(files, [report.csv, report.json + "\n", report.svg]) { try file?.write(text) }
        throw ExitCode(report.status)
    }
}

/// The value of `--share`.
struct ShareOption: ExpressibleByArgument {
    let behaviour: LoadBehaviour
    let part: Double

    /// From `NAME=PART`.
    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let behaviour = LoadBehaviour(rawValue: String(parts[0])), behaviour != .honest,
            let part = Double(parts[1]), (0...1).contains(part)
        else { return nil }
        (self.behaviour, self.part) = (behaviour, part)
    }
}
