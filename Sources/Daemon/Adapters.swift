import Bluetooth
import BootTime
import EventLoop
import Logging
import Nearby
import Observing
import ProofLink

/// The Bluetooth adapters: they come and go, are set up, advertise, and stop answering. `AdapterSupervisor` decides what must be
/// done; here it is done.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class Adapters: @unchecked Sendable {
    /// What the adapters need of the rest of the daemon.
    struct Outlets {
        /// Opens the kernel's management interface.
        let open: (@escaping (AdapterIndex, ManagementEvent) -> Void) throws(LinkSocketError) -> Management
        /// What an adapter that has appeared should be like.
        let wish: () -> DesiredAdapterState
        /// The links over an adapter are dead.
        let closeLinks: (BluetoothAddress) -> Void
        /// Makes the radio's listening sockets again.
        let reopenListeners: () -> Void
        /// Whether the LE transport is listened on at an adapter.
        let listensOnLE: (BluetoothAddress) -> Bool
        /// Whether rfkill blocks an adapter.
        let isBlocked: (AdapterIndex) -> Bool
        /// An adapter has received an advertisement, by our search or another program's: its content, and the signal strength in dBm.
        var found: (_ data: [UInt8], Int8?, BluetoothAddress) -> Void = { _, _, _ in }
    }

    /// One adapter.
    struct Adapter {
        var supervisor: AdapterSupervisor
        /// When it last carried a byte of a link.
        var lastByte: Instant?
        fileprivate var said: AdapterSupervisor.State?
        fileprivate var faultsSaid = 0
        fileprivate var advertisingFaultSaid: String?

        init(_ supervisor: AdapterSupervisor) { self.supervisor = supervisor }
    }

    static let pause = Duration.seconds(10)
    static let rememberedAdapters = 16

    /// Why the management interface is not available; nil: it is.
    private(set) var fault: LinkSocketError?
    var adapters: [AdapterIndex: Adapter] = [:]
    /// Adapters that have been removed, and when.
    private(set) var gone: [BluetoothAddress: Instant] = [:]

    let wanted: [BluetoothAddress]
    let clock: any LoopClock
    private let log: Logger
    private let outlets: Outlets
    private let record: AdvertisingRecord
    private(set) var management: Management?
    /// Which adapters there are is known.
    private(set) var isCounted = false
    private var absenceSaid: String?
    private var missingSaid: [BluetoothAddress] = []
    private var nextCount = Instant.boot
    /// How many neighbours the beacon hears, which its advertisements say; nil: they do not.
    var hearing: Hearing? { didSet { if hearing != oldValue { advertisementChanged() } } }
    private lazy var timer = clock.timer { [unowned self] in look() }

    /// - Parameters:
    ///   - wanted: which adapters are used; empty: all.
    ///   - record: the advertising instances that are ours.
    init(
        _ wanted: [BluetoothAddress], clock: any LoopClock, log: Logger, record: AdvertisingRecord, outlets: Outlets
    ) {
        (self.wanted, self.clock, self.log, self.outlets) = (wanted, clock, log, outlets)
        self.record = record
    }

    var now: Instant { clock.now }

    /// Opens the kernel's management interface, or logs why not and retries: a dongle may bring Bluetooth into the kernel.
    func open() {
        guard management == nil else { return }
        do throws(LinkSocketError) {
            management = try outlets.open { [unowned self] adapter, event in happened(to: adapter, event) }
            fault = nil
            countAdapters()
        } catch {
            // What the kernel lacks is said by the listeners, which lack it too.
            if fault != error, error != .noBluetooth { log.warning("the adapters cannot be managed: \(error)") }
            fault = error
            timer.set(after: Adapters.pause)
        }
    }

    /// Stops advertising: devices can no longer be served.
    func stopAdvertising() {
        for (adapter, state) in adapters {
            for command in state.supervisor.shutdownCommands { management?.send(command, to: adapter) { _, _ in } }
        }
        record.clear()
        timer.set(at: nil)  // nothing is set up again
        close()
    }

    /// What has been written is done all the same; a CHALLENGE that waits for a signal strength goes without one.
    private func close() {
        management?.close(telling: true)
        management = nil
    }

    /// Listeners, advertisement and what is known of the adapters are made again; links that are open stay. The new advertisement
    /// takes the place of the old one, which the record names.
    func restart() {
        close()
        adapters = [:]
        (isCounted, absenceSaid, missingSaid, nextCount) = (false, nil, [], Instant.boot)
        outlets.reopenListeners()
        open()
    }

    private func look() {
        open()
        countAdapters()
        for (adapter, state) in adapters where state.supervisor.nextDeadline.map({ $0 <= now }) ?? false {
            supervise(adapter) { $0.tick(at: now) }
        }
        setTimer()
    }

    private func setTimer() {
        guard management != nil else { return }
        let deadlines = adapters.values.compactMap(\.supervisor.nextDeadline)
        timer.set(at: deadlines.reduce(nextCount, min))
    }

    // MARK: - Appearing and disappearing

    /// Which adapters there are. Asked again periodically: the kernel drops events when its queue is full.
    private func countAdapters() {
        guard let management, clock.now >= nextCount else { return }
        nextCount = clock.now + AdapterSupervisor.probePause
        management.send(.readIndexList, to: .none) { [weak self] status, reply in
            guard let self, status == .success else { return }
            let there = AdapterInformation.indices(reply)
            for adapter in adapters.keys where !there.contains(adapter) { disappeared(adapter) }
            for adapter in there { appeared(adapter) }
            isCounted = true
            sayWhatIsMissing()
            setTimer()
        }
    }

    /// Each change once: that no adapter is there that can be used, and which of the wanted ones are not.
    private func sayWhatIsMissing() {
        guard isCounted else { return }
        let absence = absence?.message
        if let absence, absence != absenceSaid { log.notice("\(absence)") }
        absenceSaid = absence
        let missing = missing
        for address in missing where !missingSaid.contains(address) && gone[address] == nil {
            log.warning("adapter \(address): [radio] adapters names it, and it is not there")
        }
        missingSaid = missing
    }

    private func happened(to adapter: AdapterIndex, _ event: ManagementEvent) {
        switch event {
        case .appeared: appeared(adapter)
        case .disappeared: disappeared(adapter)
        case .settings(let settings): supervise(adapter) { $0.changed(settings, at: now) }
        case .advertisingAdded(let instance): supervise(adapter) { $0.advertisingAdded(instance, at: now) }
        case .advertisingRemoved(let instance): supervise(adapter) { $0.advertisingRemoved(instance, at: now) }
        case .connected(let peer) where peer.kind != .classic: supervise(adapter) { $0.leConnected(at: now) }
        case .connected: adapters[adapter]?.supervisor.heard(at: now)
        case .disconnected: supervise(adapter) { $0.disconnected(at: now) }
        case .found(_, let signal, let data):
            adapters[adapter]?.supervisor.heard(at: now)
            guard let address = adapters[adapter]?.supervisor.information?.address else { return }
            outlets.found(data, signal, address)
        // Others' commands, searches and pairings.
        case .completed, .confirmation, .pairingFailed, .paired, .discovering: break
        }
    }

    private func appeared(_ adapter: AdapterIndex) {
        guard adapters[adapter] == nil else { return }
        let (wanted, former) = (wanted, record.instances)
        adapters[adapter] = Adapter(
            AdapterSupervisor(
                desired: outlets.wish(), isWanted: { wanted.isEmpty || wanted.contains($0) },
                formerInstances: { former[$0] ?? [] }))
        supervise(adapter) { $0.start(at: now) }
    }

    private func disappeared(_ adapter: AdapterIndex) {
        guard let old = adapters.removeValue(forKey: adapter) else { return }
        guard let address = old.supervisor.information?.address, old.supervisor.state != .notWanted else { return }
        outlets.closeLinks(address)
        gone[address] = clock.now
        if gone.count > Adapters.rememberedAdapters, let oldest = gone.min(by: { $0.value < $1.value }) {
            gone[oldest.key] = nil
        }
        record.note([], of: address)  // the kernel's list went with it
        log.warning("adapter \(address): gone")
        sayWhatIsMissing()
        look()
    }

    // MARK: - Commands

    /// Asks an adapter's `AdapterSupervisor` what to do, and does it.
    private func supervise(_ adapter: AdapterIndex, _ decide: (inout AdapterSupervisor) -> [AdapterSupervisor.Action]) {
        guard var supervisor = adapters[adapter]?.supervisor else { return }
        var steps: [AdapterSupervisor.Action] = []
        let isOn = supervisor.information?.current.contains(.powered) == true
        supervisor.rfkill(blocks: !isOn && outlets.isBlocked(adapter))
        if let address = supervisor.information?.address {
            steps = supervisor.listens(onLE: outlets.listensOnLE(address), at: now) + supervisor.hears(hearing, at: now)
        }
        steps += decide(&supervisor)
        adapters[adapter]?.supervisor = supervisor
        // Before the kernel is asked to: a run that is killed leaves its advertisement behind.
        if let address = supervisor.information?.address { record.note(supervisor.ownInstances, of: address) }
        for step in steps { perform(step, adapter) }
        sayHowItIs(adapter)
        sayWhatIsMissing()
        setTimer()
    }

    private func perform(_ step: AdapterSupervisor.Action, _ adapter: AdapterIndex) {
        let address = adapters[adapter]?.supervisor.information?.address
        switch step {
        case .send(let command): send(command, to: adapter)
        case .closeLinks:
            guard let address else { return }
            if adapters[adapter]?.said == .ready {
                log.warning("adapter \(address): its links are closed")
                adapters[adapter]?.said = nil  // that it is ready again is said, too
            }
            outlets.closeLinks(address)
        case .reopenListeners: outlets.reopenListeners()
        case .report(let notice): if let address { log.warning("adapter \(address): \(notice)") }
        }
    }

    /// The advertisement says whether LE is listened on, and how many neighbours are heard.
    func advertisementChanged() {
        for adapter in adapters.keys { supervise(adapter) { _ in [] } }
    }

    private func send(_ command: ManagementCommand, to adapter: AdapterIndex) {
        guard let management else { return }
        management.send(command, to: adapter) { [weak self, weak management] status, reply in
            // What was sent before a restart of the radio says nothing about the adapters that are known now.
            guard let self, self.management === management else { return }
            // Not its parameters: one is a key.
            log.debug("\(adapter): \(command.words): \(status)")
            supervise(adapter) { $0.completed(command, status, reply, at: now) }
        }
    }

    // MARK: - Log

    private func sayHowItIs(_ adapter: AdapterIndex) {
        guard var entry = adapters[adapter], let address = entry.supervisor.information?.address else { return }
        let state = entry.supervisor.state
        if gone.removeValue(forKey: address) != nil { log.notice("adapter \(address): it is back") }
        if state != entry.said, state != .settling {
            entry.said = state
            let words = state.words(isAdvertising: entry.supervisor.isAdvertising)
            log.log(
                level: state.level,
                "adapter \(address): \(words.message)\(words.hint.map { "; hint: \($0)" } ?? "")")
        }
        for fault in entry.supervisor.faults.dropFirst(entry.faultsSaid) { log.warning("adapter \(address): \(fault)") }
        entry.faultsSaid = entry.supervisor.faults.count
        let fault = entry.supervisor.advertisingFault
        if fault != entry.advertisingFaultSaid {
            if let fault { log.warning("adapter \(address): \(fault)") }
            if fault == nil { log.notice("adapter \(address): an advertising instance is free again") }
        }
        entry.advertisingFaultSaid = fault
        adapters[adapter] = entry
    }
}

extension AdapterSupervisor.State {
    /// The level of the log line that reports it.
    fileprivate var level: Logger.Level {
        switch self {
        case .ready: .notice
        case .unknown, .settling, .notWanted: .debug
        case .off, .blocked, .notPermitted, .failing: .warning
        case .silent(let level): level == 3 ? .error : level < 3 ? .warning : .debug
        }
    }
}
