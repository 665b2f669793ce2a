import ArgumentParser
import Arguments
import Bench
import Bluetooth
import HumanView
import Nearby
import OperatorText
import ProofLink
import SRUP

struct DeviceVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device",
        abstract: "Run a device: ask the server to join, prove to the beacon, report the outcome; leave again.",
        discussion: """
            Sends OBS_JOIN_REQ, opens the proof link to the beacon, sends CLAIM (in keyed mode) or READY, and proves that it \
            holds the value as soon as the server has sent it. It opens further links until the server has answered or \
            --timeout has expired: 10 s after the outcome valid with a correct tag; after anything else, including silence, \
            after 0.5 s, doubled each time up to 10 s. A connection that fails is tried again within 0.5 s, or, if it is \
            refused for its security, within 10 s. The server's answer decides the join.

            In keyed mode the device also signs the proof with its identity key, for the server to check, and does not send \
            its identity over the air. Challenge mode does not disclose the value, and proves only that the device holds it. \
            Value mode discloses the value, and is used only with --mode value.

            The last line on standard output is the outcome; the exit status says the same:
              device: joined       0
              device: refused     10   (RESPONSE 5E)
              device: failed      11   (RESPONSE 5F)
              device: no answer   12   (nothing before --timeout)
            With --then resign or deregister, the device asks to leave after the join; with --then stay, it waits until the \
            server ends the membership. 0 is "joined; resigned", "joined; deregistered" or "joined; terminated", 14 "joined; the \
            server refuses to let it go", 15 "joined; still a member" (after --timeout).
            With --replay, 0 is "joined; the replayed frame was ignored", 13 "joined; the replayed frame was answered".
            Status 1 is a fault on this side: an invalid file, an unreachable broker, an adapter that is missing or off.

            With --join human, the device shows the value in the view of --view, and waits until a person has compared it with \
            the server's. With --join simple, the server decides at once. Neither needs a beacon.

            Each new reason why there is no link is printed once; if the join fails, the last one follows on standard error, \
            with a hint. A Bluetooth adapter that is missing, powered off or blocked is refused before the request is sent.

            With --beacon nearest, the device scans for beacons over Bluetooth LE with all adapters, or with --adapter, and \
            uses the one with the strongest signal, from the adapter that received it; with --observer only that beacon. If \
            several advertise its identity, or none does and there are private ones, it tries one after the other, at most \
            eight, until one proves itself. Advertisements are not authenticated; in keyed and challenge mode the beacon \
            proves itself with the outcome.

            A beacon's address: local:PATH, rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM], le:ADDR[/PSM], \
            le-random:ADDR[/PSM]. The default channel and PSMs are the specification's: 21, 0x1035, 0xd5.

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
            "The server's public key, PEM. With --enrolled, the one of the enrolment (required without --enrolled).",
            valueName: "file"))
    var serverKey: String?

    @Option(
        help: ArgumentHelp(
            "The beacon that observes the join (required with --link).", valueName: "identity"))
    var observer: Identifier?

    @Option(
        help: ArgumentHelp(
            "The address of the beacon's link; see above (required for an observed join without --beacon).",
            valueName: "address"))
    var link: NearbyAddress?

    @Option(
        help: ArgumentHelp(
            "Instead of --link: scan for beacons, and use the nearest.", valueName: "nearest"))
    var beacon: BeaconChoice?

    @Option(
        help: ArgumentHelp(
            "Another beacon of the observer's site, and its address; may be given several times. The device connects to each.",
            valueName: "identity=address"))
    var also: [BeaconPlace] = []

    @Option(help: ArgumentHelp("With --beacon nearest: the transport of the link.", valueName: "transport"))
    var over = TransportOption.le

    @Option(help: ArgumentHelp("With --beacon nearest: how long to scan.", valueName: "seconds"))
    var lookFor = Seconds(5)

    @Option(
        help: ArgumentHelp(
            "The address of the local Bluetooth adapter. Default: with --beacon nearest the one that received the beacon, otherwise any.",
            valueName: "bdaddr"))
    var adapter: BluetoothAddress?

    @Option(
        help: ArgumentHelp(
            "The mode of the proof. Default: keyed if the beacon offers it, otherwise challenge.",
            valueName: "keyed|challenge|value"))
    var mode: ModeOption?

    @Option(
        name: .customLong("join"),
        help: ArgumentHelp("How the device joins.", valueName: "simple|human|observed"))
    var joinMode = DeviceTask.JoinMode.observed

    @Option(help: ArgumentHelp("After the join.", valueName: "nothing|resign|deregister|stay"))
    var then = DeviceTask.AfterJoin.nothing

    @Option(
        help: ArgumentHelp(
            "With --join human: the view in which the value is shown; the same as the server's.", valueName: "name"))
    var view = HumanView.words

    @Option(
        help: ArgumentHelp(
            "The sequence id of the request to join. Default: derived from the time, so that it grows with each run.",
            valueName: "n"))
    var sequence: UInt64?

    @Flag(
        help: ArgumentHelp(
            "Misbehave: prove once with a wrong value, and wait for the outcome. If the beacon offers keyed mode, add --mode challenge: in keyed mode such a claim matches nothing, the beacon requests no proof, and the join fails as with --silent."
        ))
    var wrongValue = false

    @Option(
        help: ArgumentHelp(
            "Misbehave: in keyed mode, sign the proof with another key, or not at all.", valueName: "own|other|none"))
    var signing = DeviceTask.Signing.own

    @Flag(help: "Misbehave: send the request, and never open the link.")
    var silent = false

    @Option(help: ArgumentHelp("Misbehave: open the link this long after the request.", valueName: "seconds"))
    var late = Seconds(0)

    @Flag(help: "Misbehave: after the join, publish the same OBS_JOIN_REQ again, byte for byte.")
    var replay = false

    @Option(help: ArgumentHelp("With --replay: how long to wait for an answer.", valueName: "seconds"))
    var replayWait = Seconds(3)

    func validate() throws {
        guard joinMode != .observed || (link == nil) != (beacon == nil) else {
            throw ValidationError("give either --link ADDRESS or --beacon nearest")
        }
        guard joinMode == .observed || link == nil && beacon == nil && observer == nil && also.isEmpty else {
            throw ValidationError("--link, --beacon, --observer and --also are for observed joins")
        }
        guard then == .nothing || !replay else { throw ValidationError("give either --replay or --then") }
        guard (server == nil) == (serverKey == nil), server != nil || common.enrolled != nil else {
            throw ValidationError("give --server and --server-key, or --enrolled")
        }
        guard joinMode != .observed || beacon != nil || observer != nil else {
            throw ValidationError("--link needs --observer")
        }
    }

    /// The observer, and where it is, or may be.
    private func observerPlaces() throws -> [BeaconPlace] {
        if let link, let observer { return [BeaconPlace(observer, link, from: adapter ?? .any)] }
        let found = try Scan.run(for: lookFor.duration, adapter: adapter ?? .any).beacons.candidates(for: observer)
        guard let nearest = found.first else {
            throw OperatorFault(
                observer.map { "beacon \($0) was not found" } ?? "no beacon was found",
                hint: "move closer, or scan longer with --look-for")
        }
        guard let beacon = observer ?? nearest.announcement.beacon else {
            throw OperatorFault("the nearest beacon does not advertise its identity", hint: "give it with --observer")
        }
        let places = found.compactMap { sighting in
            sighting.link(over: over.transport).map { BeaconPlace(beacon, $0, from: sighting.adapter) }
        }
        guard !places.isEmpty else {
            throw OperatorFault(
                "beacon \(beacon) cannot be reached over \(over.transport.rawValue)",
                hint: "give another --over, or --link")
        }
        Terminal.print("device: nearest is \(nearest.text)")
        for other in found.dropFirst() where other.link(over: over.transport) != nil {
            Terminal.print("device: another candidate is \(other.text)")
        }
        return places
    }

    /// A missing adapter, or one that is off, is an operator's error, and not a join that fails.
    private func checkAdapters(for places: [BeaconPlace]) throws {
        // One beacon of a site may be out of reach, but not all.
        guard !silent, places.allSatisfy({ $0.address.transport.isRadio }) else { return }
        let survey = try RadioSurvey.take()
        guard survey.isComplete else { return }
        let faults = places.compactMap { survey.fault($0.adapter, isLE: $0.address.transport == .le) }
        if let first = faults.first, faults.count == places.count { throw first }
    }

    func run() throws {
        let enrolment = try common.enrolment()
        guard let server = server ?? enrolment?.server, let keyFile = serverKey ?? enrolment?.serverKeyFile else {
            preconditionFailure("options that were not validated")
        }
        let key = try DeviceTask.serverKey(keyFile)
        let sequence = try sequence.map { SequenceID($0) } ?? .fresh()
        var task = DeviceTask(server: server, serverKey: key, joinMode: joinMode, sequence: sequence)
        if joinMode == .observed {
            task.places = try observerPlaces()
            task.observer = task.places[0].beacon
            task.places += also.map { BeaconPlace($0.beacon, $0.address, from: adapter ?? .any) }
            try checkAdapters(for: task.places)
        }
        (task.then, task.view) = (then, view)
        if let mode { task.modes = [mode.mode] }
        task.signing = signing
        if let timeout = common.timeout { task.limit = timeout.duration }
        (task.provesWrongValue, task.isSilent, task.late) = (wrongValue, silent, late.duration)
        task.replayWait = replay ? replayWait.duration : nil
        throw ExitCode(try DeviceRun(try common.node, task).run().status)
    }
}

extension DeviceTask.Signing: ExpressibleByArgument {}
extension DeviceTask.JoinMode: ExpressibleByArgument {}
extension DeviceTask.AfterJoin: ExpressibleByArgument {}

/// The value of `--also`.
extension BeaconPlace: ExpressibleByArgument {
    /// From `IDENTITY=ADDRESS`.
    public init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let beacon = Identifier(hexadecimal: parts[0]),
            let address = NearbyAddress(argument: String(parts[1]))
        else { return nil }
        self.init(beacon, address)
    }
}

/// The value of `--beacon`.
enum BeaconChoice: String, ExpressibleByArgument, CaseIterable { case nearest }

/// The value of `--over`: a transport over which a scanned beacon may be reachable.
struct TransportOption: ExpressibleByArgument {
    static let le = TransportOption(transport: .le)

    let transport: Transport

    private static let offered = Transport.allCases.filter(isOffered)

    private static func isOffered(_ transport: Transport) -> Bool {
        switch transport {
        case .rfcomm, .l2cap, .le: true
        case .local: false  // it is not advertised
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

/// The value of `--mode`: a mode by its name.
struct ModeOption: ExpressibleByArgument {
    let mode: Mode

    static var allValueStrings: [String] { Mode.allCases.map(\.description) }

    init?(argument: String) {
        guard let mode = Mode.allCases.first(where: { $0.description == argument }) else { return nil }
        self.mode = mode
    }
}
