import Bluetooth
import BootTime
import EventLoop
import Logging
import ProofLink
import SRUP

/// Listens for the advertisements of the neighbours that the operator has named, for some seconds each minute, so that a radio which
/// receives nothing is noticed (docs/decisions/0038-neighbours.md).
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class Neighbours: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// The adapters that can listen now.
        let adapters: () -> [(index: AdapterIndex, address: BluetoothAddress)]
        /// Starts a search, or ends it; `then` is called later, once.
        let search: (_ begins: Bool, AdapterIndex, _ then: @escaping @Sendable (ManagementStatus) -> Void) -> Void
        /// How many links there are over an adapter.
        let links: (BluetoothAddress) -> Int
        /// What the advertisement must say from now on.
        let advertise: (Hearing?) -> Void
    }

    /// When to listen, and for how long: derived from the limit.
    struct Schedule: Equatable {
        let pause: Duration
        let scan: Duration

        /// Ten times within the limit, at most once in 2 s and at least once a minute; for at most 5 s, and at most half of the time.
        init(limit: Duration) {
            pause = max(.seconds(2), min(.seconds(60), limit / 10))
            scan = min(.seconds(5), pause / 2)
        }
    }

    /// An adapter that carries a link is left alone for so long: a search takes air time from the link. Links that never end do not
    /// keep it from listening.
    static let longestDelay = Duration.seconds(300)

    private static let noAdapter = "no adapter with LE is ready"

    private(set) var watch: NeighbourWatch
    /// Why no adapter could listen the last time; nil: one has listened, or none has been asked yet.
    private(set) var fault: String?
    let schedule: Schedule
    private let started: Instant
    private let clock: any LoopClock
    private let log: Logger
    private let outlets: Outlets
    /// The adapters that are listening, and whether it is our search that must be ended.
    private var searching: [AdapterIndex: Bool] = [:]
    private var hasListened = false
    private var lastListened: [BluetoothAddress: Instant] = [:]
    private var faultSaid: String?
    private lazy var timer = clock.timer { [unowned self] in turn() }
    private var isListening = false

    /// - Parameters:
    ///   - named: the identities of the neighbours, at least one.
    ///   - limit: how long one may be silent.
    init(_ named: [Identifier], limit: Duration, clock: any LoopClock, log: Logger, outlets: Outlets) {
        watch = NeighbourWatch(named, limit: limit, at: clock.now)
        (schedule, started) = (Schedule(limit: limit), clock.now)
        (self.clock, self.log, self.outlets) = (clock, log, outlets)
    }

    /// Begins to listen now and then.
    func start() {
        outlets.advertise(watch.hearing)
        timer.set(after: schedule.pause - schedule.scan)
    }

    /// Ends it, and a search that is under way.
    func stop() {
        timer.set(at: nil)
        endSearches()
    }

    private func turn() {
        if isListening { end() } else { begin() }
    }

    private func begin() {
        let adapters = outlets.adapters()
        if adapters.isEmpty {
            fault = Neighbours.noAdapter
        } else if fault == Neighbours.noAdapter {
            fault = nil
        }
        sayFault()
        isListening = true
        for (index, address) in adapters where isDue(address) {
            outlets.search(true, index) { [weak self] status in self?.began(index, address, status) }
        }
        timer.set(after: schedule.scan)
    }

    private func isDue(_ address: BluetoothAddress) -> Bool {
        guard outlets.links(address) > 0 else { return true }
        let since = lastListened[address] ?? started
        return since + Neighbours.longestDelay <= clock.now
    }

    private func began(_ index: AdapterIndex, _ address: BluetoothAddress, _ status: ManagementStatus) {
        switch status {
        // Busy: another program searches already, and what is found is told to all.
        case .success, .busy:
            (hasListened, fault) = (true, nil)
            lastListened = lastListened.filter { $0.value + Neighbours.longestDelay > clock.now }
            lastListened[address] = clock.now
            guard isListening else {
                if status == .success { outlets.search(false, index) { _ in } }
                return
            }
            searching[index] = status == .success
        case .notConnected, .connectFailed, .authenticationFailed, .notPaired, .noResources, .timeout,
            .alreadyConnected,
            .rejected, .invalid, .disconnected, .notSupported, .notPowered, .cancelled, .noAdapter, .blocked,
            .alreadyPaired, .denied, .failed:
            if !hasListened { fault = "\(index) cannot search: \(status)" }
        }
        sayFault()
    }

    private func end() {
        isListening = false
        endSearches()
        if hasListened { say(watch.listened(at: clock.now)) }
        hasListened = false
        timer.set(after: schedule.pause - schedule.scan)
    }

    private func endSearches() {
        for (index, isOurs) in searching.sorted(by: { $0.key < $1.key }) where isOurs {
            outlets.search(false, index) { _ in }
        }
        searching = [:]
    }

    /// An adapter has received an advertisement, by our search or another program's.
    func found(_ data: [UInt8], signal: Int8?, by adapter: BluetoothAddress) {
        guard let announcement = Announcement(heard: data) else { return }
        say(watch.heard(announcement, signal: signal, by: adapter, at: clock.now))
    }

    // MARK: - Log

    private func sayFault() {
        if let fault, fault != faultSaid { log.warning("the neighbours cannot be listened for: \(fault)") }
        faultSaid = fault
    }

    private func say(_ notices: [NeighbourWatch.Notice]) {
        for notice in notices {
            let (level, message, fields) = notice.line(limit: watch.limit)
            log.log(level: level, "\(message)", metadata: fields)
        }
        outlets.advertise(watch.hearing)
    }
}

extension NeighbourWatch.Notice {
    /// The line of the log: `event` is `neighbour` or `deaf`.
    fileprivate func line(limit: Duration) -> (Logger.Level, String, Logger.Metadata) {
        let time = "\(limit.components.seconds) s"
        return switch self {
        case .notHeard(let beacon):
            (
                .warning, "neighbour \(beacon): not heard for \(time); hint: \(NeighbourReport.notHeardHint)",
                .of("neighbour")
            )
        case .heardAgain(let beacon): (.notice, "neighbour \(beacon): heard again", .of("neighbour"))
        case .doesNotHear(let beacon):
            (
                .warning,
                "neighbour \(beacon): it hears none of its neighbours; hint: \(NeighbourReport.doesNotHearHint)",
                .of("neighbour")
            )
        case .hearsAgain(let beacon): (.notice, "neighbour \(beacon): it hears its neighbours again", .of("neighbour"))
        case .deaf:
            (.error, "\(NeighbourReport.deafness) (for \(time)); hint: \(NeighbourReport.deafHint)", .of("deaf"))
        case .noLongerDeaf: (.notice, "a neighbour is heard again: the radio is not deaf", .of("deaf"))
        }
    }
}
