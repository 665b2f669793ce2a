import Bluetooth
import EventLoop
import Nearby
import OperatorText
import ProofLink

/// Scans for beacons over the kernel's management interface, with bluetoothd or without it, with each adapter that can.
///
/// `@unchecked Sendable`: used on its loop's thread only.
public final class Scan: @unchecked Sendable {
    private struct Adapter {
        let address: BluetoothAddress
        /// Whether we have started its search, and must stop it.
        var isOurSearch = false
    }

    /// Bound on the list of beacons: anyone can advertise thousands of identities.
    private static let mostSightings = 1_024
    private let loop = Loop()
    private let duration: Duration
    private let given: Int32?
    private var management: Management?
    private var alarm: Alarm?
    private var adapters: [AdapterIndex: Adapter]
    private var stopping: [AdapterIndex] = []
    private var isEnding = false
    private var sightings: [RadioAddress: Sighting] = [:]
    private var urls: [RadioAddress: URLSighting] = [:]
    private var fault: OperatorFault?

    private init(_ adapters: [RadioSurvey.Adapter], _ duration: Duration, given: Int32?) {
        self.adapters = Dictionary(
            adapters.map { ($0.index, Adapter(address: $0.information.address)) },
            uniquingKeysWith: { first, _ in first })
        (self.duration, self.given) = (duration, given)
    }

    /// The beacons in range, and the URLs that are advertised (Eddystone-URL), the strongest first.
    /// - Parameter adapter: the local adapter; `.any`: all that are powered on.
    /// - Throws: `AdapterFault`, `OperatorFault`.
    public static func run(
        for duration: Duration, adapter: BluetoothAddress = .any
    ) throws -> (beacons: [Sighting], urls: [URLSighting]) {
        let survey: RadioSurvey
        do throws(LinkSocketError) { survey = try RadioSurvey.take() } catch {
            throw OperatorFault("cannot scan for beacons: \(error)", hint: "use a machine with a Bluetooth adapter")
        }
        if let fault = survey.fault(adapter, isLE: true) { throw fault }
        return try run(survey.usable(adapter, isLE: true), for: duration)
    }

    /// With these adapters.
    /// - Parameter given: the management socket, for tests.
    static func run(
        _ adapters: [RadioSurvey.Adapter], for duration: Duration, given: Int32? = nil
    ) throws(OperatorFault) -> (beacons: [Sighting], urls: [URLSighting]) {
        let scan = Scan(adapters, duration, given: given)
        scan.loop.perform { scan.start() }
        scan.loop.run()
        if let fault = scan.fault { throw fault }
        return (
            scan.sightings.values.sorted { $1.isWeaker(than: $0) }, scan.urls.values.sorted { $1.isWeaker(than: $0) }
        )
    }

    private func start() {
        do throws(LinkSocketError) {
            management = try Management(loop, given: given) { [unowned self] in happened(to: $0, $1) }
        } catch {
            return fail("cannot scan for beacons: \(error)", "use a machine with a Bluetooth adapter")
        }
        alarm = Alarm(loop) { [unowned self] in end() }
        alarm?.set(after: duration)
        for adapter in adapters.keys.sorted() { discover(adapter) }
    }

    private func discover(_ adapter: AdapterIndex) {
        management?.send(.startDiscovery, to: adapter) { [unowned self] status, _ in
            switch status {
            case .success: adapters[adapter]?.isOurSearch = true
            case .busy: break  // another program scans already, and its results are delivered to us, too
            case .denied:
                fail("no permission to scan for beacons", "run it as root, or with the capability CAP_NET_ADMIN")
            case .notPowered:
                let fault = AdapterFault.off(adapter, adapters[adapter]?.address ?? .any)
                drop(adapter, fault.message, fault.hint(for: .bench))
            default: drop(adapter, "scanning with \(adapter) failed: \(status)", "see the kernel's log: journalctl -k")
            }
        }
    }

    private func happened(to adapter: AdapterIndex, _ event: ManagementEvent) {
        guard let own = adapters[adapter], !isEnding else { return }
        switch event {
        case .found(let address, let signal, let data):
            guard let announcement = Announcement(heard: data) else { return heard(data, address, signal, own.address) }
            let new = Sighting(announcement: announcement, address: address, signal: signal, adapter: own.address)
            guard sightings.count < Scan.mostSightings || sightings[address] != nil else { return }
            // What it advertises now, and where it was heard best.
            var best = sightings[address].map { $0.isWeaker(than: new) ? new : $0 } ?? new
            best.announcement = announcement
            sightings[address] = best
        case .discovering(false): discover(adapter)  // the kernel stops by itself after ten seconds
        case .disappeared: drop(adapter, "the Bluetooth adapter \(own.address) is gone", "plug it in again")
        default: break
        }
    }

    /// The advertisement of something else than a beacon.
    private func heard(_ data: [UInt8], _ address: RadioAddress, _ signal: Int8?, _ own: BluetoothAddress) {
        guard let url = EddystoneURL(heard: data) else { return }
        let new = URLSighting(url: url, address: address, signal: signal, adapter: own)
        guard urls.count < Scan.mostSightings || urls[address] != nil else { return }
        if urls[address].map({ $0.url != url || $0.isWeaker(than: new) }) ?? true { urls[address] = new }
    }

    /// One adapter less; the others continue.
    private func drop(_ adapter: AdapterIndex, _ message: String, _ hint: String) {
        adapters[adapter] = nil
        if adapters.isEmpty, !isEnding { fail(message, hint) }
    }

    private func end() {
        isEnding = true
        stopping = adapters.filter(\.value.isOurSearch).keys.sorted()
        stopNext()
    }

    private func stopNext() {
        guard let management, !stopping.isEmpty else {
            management?.close()
            return loop.stop()
        }
        management.send(.stopDiscovery, to: stopping.removeFirst()) { [unowned self] _, _ in stopNext() }
    }

    private func fail(_ message: String, _ hint: String) {
        fault = fault ?? OperatorFault(message, hint: hint)
        management?.close()
        loop.stop()
    }
}
