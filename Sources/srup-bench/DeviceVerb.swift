import ArgumentParser
import Arguments
import Bench
import Bluetooth
import Nearby
import ProofLink
import SRUP

struct DeviceVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device",
        abstract: "Be a device that joins before an observer: ask the server, prove to the beacon, report the outcome.",
        discussion: """
            Sends OBS_JOIN_REQ, opens the proof link to the beacon, says CLAIM (in keyed mode) or READY, and proves that it \
            holds the value as soon as the server has sent it. It opens another link until the server has answered or --timeout \
            is over: 10 s after the outcome valid with the value's tag; after anything else, silence included, 0.5 s later, \
            doubled each time up to 10 s. A connection that is refused is tried again within 0.5 s. The server's answer decides \
            the join.

            In keyed mode the device also signs the proof with its identity key, for the server to check, and nothing on the \
            air names it. Challenge mode does not show the value either, and shows only that the device holds it. Value mode shows \
            the value, and is used only with --mode value.

            The last line on standard output is the outcome, the exit status says the same:
              device: joined       0
              device: refused     10   (RESPONSE 5E)
              device: failed      11   (RESPONSE 5F)
              device: no answer   12   (nothing before --timeout)
            With --replay, 0 is "joined; the replayed frame was ignored", 13 "joined; the replayed frame was answered".
            Status 1 is a fault on our side: a file, a broker never reached, a link that cannot exist.

            With --beacon nearest, beacons are looked for over Bluetooth LE, and the one with the strongest signal is taken: \
            with --observer that very one, without it whichever it is. What a beacon says of itself there is not proven; \
            in keyed and challenge mode it proves itself with the outcome.

            A beacon's address: local:PATH, rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM], le:ADDR[/PSM], \
            le-random:ADDR[/PSM]. Without numbers, the specification's: 21, 0x1035, 0xd5.

            EXAMPLE:
              srup-bench device --id d1 --key keys/d1.key.pem --server c2 \\
                --server-key keys/c2.pub.pem --observer b1 \\
                --link rfcomm:00:11:22:33:44:55 --broker localhost:8883 \\
                --ca ca.pem --cert d1.pem --tls-key d1.key
            """)

    @OptionGroup var common: CommonOptions

    @Option(
        help: ArgumentHelp(
            "The server to join; with --enrolled, the one of the enrolment (required without --enrolled).",
            valueName: "identity"))
    var server: Identifier?

    @Option(
        help: ArgumentHelp(
            "The server's public key, PEM: nobody else's word counts. With --enrolled, the one of the enrolment (required without --enrolled).",
            valueName: "file"))
    var serverKey: String?

    @Option(
        help: ArgumentHelp(
            "The beacon that is to observe us (required with --link).", valueName: "identity"))
    var observer: Identifier?

    @Option(
        help: ArgumentHelp("Where the beacon listens; see above (required without --beacon).", valueName: "address"))
    var link: NearbyAddress?

    @Option(
        help: ArgumentHelp(
            "Instead of --link: look for the beacon, and take the nearest.", valueName: "nearest"))
    var beacon: BeaconChoice?

    @Option(
        help: ArgumentHelp(
            "Another beacon of the observer's site, and where it listens; may be given several times. The device goes to each.",
            valueName: "identity=address"))
    var also: [BeaconPlace] = []

    @Option(help: ArgumentHelp("With --beacon nearest: over which transport.", valueName: "transport"))
    var over = TransportOption.le

    @Option(help: ArgumentHelp("With --beacon nearest: how long to look.", valueName: "seconds"))
    var lookFor = Seconds(5)

    @Option(help: ArgumentHelp("Our own Bluetooth adapter's address, where there are several.", valueName: "bdaddr"))
    var adapter: BluetoothAddress?

    @Option(
        help: ArgumentHelp(
            "How to prove. Without it, keyed where the beacon offers it, and challenge otherwise.",
            valueName: "keyed|challenge|value"))
    var mode: ModeOption?

    @Option(
        help: ArgumentHelp(
            "The sequence id of OBS_JOIN_REQ. Without it, hundredths of a second since 1970, so that each run is fresh.",
            valueName: "n"))
    var sequence: UInt64?

    @Flag(
        help: ArgumentHelp(
            "Misbehave: prove with another value, once, and wait for the outcome. Where the beacon offers keyed mode, add --mode challenge: in keyed mode such a claim fits nothing, no proof is asked for, and the join fails by silence, as with --silent."
        ))
    var wrongValue = false

    @Option(
        help: ArgumentHelp(
            "Misbehave: in keyed mode, sign the proof with another key, or not at all.", valueName: "own|other|none"))
    var signing = DeviceTask.Signing.own

    @Flag(help: "Misbehave: ask, and never open the link.")
    var silent = false

    @Option(help: ArgumentHelp("Misbehave: open the link so long after having asked.", valueName: "seconds"))
    var late = Seconds(0)

    @Flag(help: "Misbehave: when joined, publish the same OBS_JOIN_REQ again, byte for byte.")
    var replay = false

    @Option(help: ArgumentHelp("How long to wait for an answer to that.", valueName: "seconds"))
    var replayWait = Seconds(3)

    func validate() throws {
        guard (link == nil) != (beacon == nil) else {
            throw ValidationError("give either --link ADDRESS or --beacon nearest")
        }
        guard (server == nil) == (serverKey == nil), server != nil || common.enrolled != nil else {
            throw ValidationError("give --server and --server-key, or --enrolled")
        }
        guard beacon != nil || observer != nil else { throw ValidationError("--link takes --observer as well") }
    }

    /// Who is to observe us, and where.
    private func place() throws -> (Identifier, NearbyAddress) {
        if let link, let observer { return (observer, link) }
        let found = try Scan.run(nanoseconds: lookFor.nanoseconds, adapter: adapter ?? .any)
        guard let nearest = found.nearest(observer) else {
            throw OperatorFault(
                observer.map { "beacon \($0) was not heard" } ?? "no beacon was heard",
                hint: "go nearer, or look longer with --look-for")
        }
        guard let beacon = nearest.announcement.beacon ?? observer else {
            throw OperatorFault("the nearest beacon does not say who it is", hint: "name it with --observer")
        }
        guard let address = nearest.link(over: over.transport) else {
            throw OperatorFault(
                "beacon \(beacon) cannot be reached over \(over.transport.rawValue)",
                hint: "give another --over, or --link")
        }
        Terminal.print("device: nearest is \(nearest.text)")
        return (beacon, address)
    }

    func run() throws {
        let enrolment = try common.enrolment()
        guard let server = server ?? enrolment?.server, let keyFile = serverKey ?? enrolment?.serverKeyFile else {
            preconditionFailure("options that were not validated")
        }
        let key = try DeviceTask.serverKey(keyFile)
        let (observer, address) = try place()
        var task = DeviceTask(
            server: server, serverKey: key, observer: observer, address: address,
            sequence: sequence.map { SequenceID($0) } ?? .fresh)
        task.adapter = adapter ?? .any
        if let mode { task.modes = [mode.mode] }
        task.signing = signing
        task.others = also.map { ($0.beacon, $0.address) }
        if let timeout = common.timeout { task.limit = timeout.nanoseconds }
        (task.provesWrongValue, task.isSilent, task.late) = (wrongValue, silent, late.nanoseconds)
        task.replayWait = replay ? replayWait.nanoseconds : nil
        throw ExitCode(try DeviceRun(try common.node, task).run().status)
    }
}

extension DeviceTask.Signing: ExpressibleByArgument {}

/// What `--also` takes.
struct BeaconPlace: ExpressibleByArgument {
    let beacon: Identifier
    let address: NearbyAddress

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let beacon = Identifier(hexadecimal: parts[0]),
            let address = NearbyAddress(argument: String(parts[1]))
        else { return nil }
        (self.beacon, self.address) = (beacon, address)
    }
}

/// What `--beacon` takes.
enum BeaconChoice: String, ExpressibleByArgument, CaseIterable { case nearest }

/// A transport over which a beacon that was found can be reached.
struct TransportOption: ExpressibleByArgument {
    static let le = TransportOption(transport: .le)

    let transport: Transport

    private static let offered = Transport.allCases.filter(isOffered)

    private static func isOffered(_ transport: Transport) -> Bool {
        switch transport {
        case .rfcomm, .l2cap, .le: true
        case .local: false  // nothing announces it
        }
    }

    static var allValueStrings: [String] { offered.map(\.rawValue) }

    var defaultValueDescription: String { transport.rawValue }

    private init(transport: Transport) { self.transport = transport }

    init?(argument: String) {
        guard let transport = Transport(rawValue: argument), TransportOption.isOffered(transport) else { return nil }
        self.init(transport: transport)
    }
}

extension BluetoothAddress: ExpressibleByArgument {
    /// From `00:11:22:33:44:55`.
    public init?(argument: String) { self.init(argument[...]) }
}

/// A mode by its name; its raw value is that of the wire.
struct ModeOption: ExpressibleByArgument {
    let mode: Mode

    static var allValueStrings: [String] { Mode.allCases.map(\.description) }

    init?(argument: String) {
        guard let mode = Mode.allCases.first(where: { $0.description == argument }) else { return nil }
        self.mode = mode
    }
}
