import Bluetooth
import EventLoop
import Nearby
import OperatorText
import ProofLink
import SRUP

/// A beacon that was found over Bluetooth LE. None of this is proven.
public struct Sighting: Equatable, Sendable {
    /// The content of its advertisement.
    public var announcement: Announcement
    /// Its address.
    public var address: RadioAddress
    /// The signal strength of its strongest advertisement in dBm; nil if the adapter does not report it.
    public var signal: Int8?

    /// One line for people.
    public var text: String {
        let beacon = announcement.beacon?.description ?? "(private)"
        let psm = announcement.lePSM == 0 ? "no LE link" : "LE PSM 0x\(String(announcement.lePSM, radix: 16))"
        return "\(beacon)  \(address)  \(signal.map { "\($0) dBm" } ?? "signal unknown")  \(psm)"
    }

    /// One JSON object. Its strings need no escaping.
    public var json: String {
        let beacon = announcement.beacon.map { "\"\($0)\"" } ?? "null"
        return "{\"beacon\":\(beacon),\"address\":\"\(address.address)\",\"kind\":\"\(address.kind.rawValue)\","
            + "\"signal_dbm\":\(signal.map { "\($0)" } ?? "null"),\"le_psm\":\(announcement.lePSM)}"
    }

    /// The link's address over a transport; nil if the beacon cannot be reached over it.
    public func link(over transport: Transport) -> NearbyAddress? {
        switch transport {
        case .le:
            guard announcement.lePSM != 0 else { return nil }
            return .le(address.address, psm: announcement.lePSM, random: address.kind == .leRandom)
        case .rfcomm where address.kind == .lePublic:
            return .rfcomm(address.address, channel: NearbyAddress.defaultChannel)
        case .l2cap where address.kind == .lePublic: return .l2cap(address.address, psm: NearbyAddress.defaultPSM)
        // A beacon with a random LE address cannot be reached over BR/EDR at that address.
        case .rfcomm, .l2cap, .local: return nil
        }
    }
}

extension [Sighting] {
    /// The beacon with the strongest signal, unknown signals last; if an identity is given, of the beacons that advertise it, if any.
    public func nearest(_ beacon: Identifier?) -> Sighting? {
        let named = filter { $0.announcement.beacon == beacon }
        let nameless = filter { $0.announcement.beacon == nil }
        let choice = beacon == nil ? self : named.isEmpty ? nameless : named
        return choice.max { ($0.signal ?? .min, $1.address.description) < ($1.signal ?? .min, $0.address.description) }
    }
}

/// Scans for beacons over the kernel's management interface, with bluetoothd or without it.
///
/// `@unchecked Sendable`: used on its loop's thread only.
public final class Scan: @unchecked Sendable {
    /// Bound on the list of beacons: anyone can advertise thousands of identities.
    private static let mostSightings = 1_024
    private let loop = Loop()
    private var isOurSearch = false
    private let wanted: BluetoothAddress
    private let duration: Duration
    private var management: Management?
    private var alarm: Alarm?
    private var waiting: [AdapterIndex] = []
    private var adapter: AdapterIndex?
    private var sightings: [RadioAddress: Sighting] = [:]
    private var fault: OperatorFault?

    private init(_ wanted: BluetoothAddress, _ duration: Duration) {
        (self.wanted, self.duration) = (wanted, duration)
    }

    /// The beacons in range, the strongest first.
    /// - Parameter adapter: the local adapter; `.any`: any that is powered on.
    /// - Throws: `OperatorFault`.
    public static func run(for duration: Duration, adapter: BluetoothAddress = .any) throws(OperatorFault) -> [Sighting]
    {
        let scan = Scan(adapter, duration)
        scan.loop.perform { scan.start() }
        scan.loop.run()
        if let fault = scan.fault { throw fault }
        return scan.sightings.values.sorted {
            ($0.signal ?? .min, $1.address.description) > ($1.signal ?? .min, $0.address.description)
        }
    }

    private func start() {
        do throws(LinkSocketError) {
            management = try Management(loop) { [unowned self] in happened(to: $0, $1) }
        } catch {
            return fail("cannot scan for beacons: \(error)", "use a machine with a Bluetooth adapter")
        }
        alarm = Alarm(loop) { [unowned self] in end() }
        management?.send(.readIndexList, to: .none) { [unowned self] _, reply in
            waiting = AdapterInformation.indices(reply)
            tryNextAdapter()
        }
    }

    private func tryNextAdapter() {
        guard !waiting.isEmpty else {
            let which = wanted == .any ? "no Bluetooth adapter is" : "no adapter \(wanted) is"
            return fail("\(which) powered on with LE", "power one on: bluetoothctl power on")
        }
        let adapter = waiting.removeFirst()
        management?.send(.readInformation, to: adapter) { [unowned self] _, reply in
            guard let information = AdapterInformation(reply: reply),
                information.current.isSuperset(of: [.powered, .le]),
                wanted == .any || information.address == wanted
            else { return tryNextAdapter() }
            self.adapter = adapter
            alarm?.set(after: duration)
            discover(adapter)
        }
    }

    private func discover(_ adapter: AdapterIndex) {
        management?.send(.startDiscovery, to: adapter) { [unowned self] status, _ in
            switch status {
            case .success: isOurSearch = true
            case .busy: break  // another program scans already, and its results are delivered to us, too
            case .denied:
                fail("no permission to scan for beacons", "run it as root, or with the capability CAP_NET_ADMIN")
            default: fail("scanning for beacons failed: \(status)", "see the kernel's log: journalctl -k")
            }
        }
    }

    private func happened(to adapter: AdapterIndex, _ event: ManagementEvent) {
        guard adapter == self.adapter else { return }
        switch event {
        case .found(let address, let signal, let data):
            guard let announcement = Announcement(heard: data) else { return }
            guard sightings.count < Scan.mostSightings || sightings[address] != nil else { return }
            let strongest = max(signal ?? .min, sightings[address]?.signal ?? .min)
            sightings[address] = Sighting(
                announcement: announcement, address: address, signal: strongest == .min ? nil : strongest)
        case .discovering(false): discover(adapter)  // the kernel stops by itself after ten seconds
        case .disappeared: fail("the Bluetooth adapter is gone", "plug it in again")
        default: break
        }
    }

    private func end() {
        guard let management, let adapter, isOurSearch else { return loop.stop() }
        self.adapter = nil
        management.send(.stopDiscovery, to: adapter) { [unowned self] _, _ in
            management.close()
            loop.stop()
        }
    }

    private func fail(_ message: String, _ hint: String) {
        fault = fault ?? OperatorFault(message, hint: hint)
        management?.close()
        loop.stop()
    }
}
