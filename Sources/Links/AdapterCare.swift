import ProofLink

/// The care for one adapter, as a value: what it is like, what is wanted, and the next step from the one to the other.
/// No socket, no clock. It strives for what is wanted whatever happens meanwhile: bluetoothd may start or stop, somebody
/// may power it off, or take it away and give it back.
///
///     unknown ──information──▶ settling ──all as wanted──▶ ready ──silent──▶ ladder: reopen → power cycle → unhealthy
///                                 ▲                          │                              (and again, ever slower)
///                                 └──── any other settings ──┘
///
/// One command at a time: after its end the next step is worked out anew from what is known then.
public struct AdapterCare: Sendable {
    /// What the operator is told.
    public enum State: Equatable, Sendable {
        /// Nothing is known yet.
        case unknown
        /// On the way to what is wanted.
        case settling
        /// All is as wanted.
        case ready
        /// Powered off, and not ours to power on.
        case off
        /// rfkill keeps it off.
        case blocked
        /// We may not set it up: CAP_NET_ADMIN is missing.
        case notPermitted
        /// It does not answer; so many rungs of the ladder have been tried.
        case silent(rung: Int)
        /// A step fails, again and again.
        case failing(String)
        /// The configuration does not name it.
        case notWanted
    }

    /// Something to do.
    public enum Deed: Equatable, Sendable {
        /// Its end is to come back as `completed`.
        case send(ManagementCommand)
        /// All links over it are dead.
        case closeLinks
        /// The first rung: listening sockets are made anew.
        case reopenListeners
    }

    /// Where it stands, as the operator is told.
    public private(set) var state = State.unknown
    /// nil until it is known.
    public private(set) var information: AdapterInformation?
    /// Whether our advertisement is in its instance.
    public private(set) var isAdvertising = false
    /// What it cannot do although it is wanted; the rest goes on.
    public private(set) var faults: [String] = []
    /// When something of it was last heard, in nanoseconds of CLOCK_BOOTTIME; nil: never.
    public private(set) var lastAlive: Int64?

    let wish: AdapterWish
    private let isWanted: @Sendable (BluetoothAddress) -> Bool
    private var isBusy = false
    private var instance: UInt8?
    private var pageScanIsFresh = false
    private var privacyIsSet = false
    private var skipped: Set<UInt16> = []
    private var rung = 0
    private var failures = 0
    private var due: Int64?

    /// Between two looks at an adapter that carries nothing.
    public static let probePause: Int64 = 30_000_000_000
    private static let second: Int64 = 1_000_000_000
    private static let longestPause = 60 * second

    /// A new adapter's.
    public init(wish: AdapterWish, isWanted: @escaping @Sendable (BluetoothAddress) -> Bool) {
        (self.wish, self.isWanted) = (wish, isWanted)
    }

    /// When `tick` has something to do.
    public var nextDeadline: Int64? { isBusy ? nil : due }

    /// What is to be taken back when the beacon stops.
    public var farewell: [ManagementCommand] {
        guard isAdvertising, let instance else { return [] }
        return [.removeAdvertising(instance: instance)]
    }

    // MARK: - What happens

    /// The first step.
    public mutating func start(at now: Int64) -> [Deed] { step(at: now) }

    /// Time has passed.
    public mutating func tick(at now: Int64) -> [Deed] {
        guard !isBusy, let due, due <= now else { return [] }
        self.due = nil
        return step(at: now)
    }

    /// A byte has come over it, or an event that only a living controller causes.
    public mutating func heard(at now: Int64) { lastAlive = now }

    /// Its settings are others now.
    public mutating func changed(_ settings: AdapterSettings, at now: Int64) -> [Deed] {
        guard let before = information?.current else { return [] }
        information?.current = settings
        guard settings != before else { return [] }
        var deeds: [Deed] = []
        if before.contains(.powered), !settings.contains(.powered) {
            // The kernel has closed its links, and forgets instances and page scan.
            (isAdvertising, pageScanIsFresh) = (false, false)
            deeds.append(.closeLinks)
        }
        return deeds + stepSoon(at: now)
    }

    /// Somebody has taken an advertisement away: bluetoothd does so when it starts.
    public mutating func advertisingRemoved(_ removed: UInt8, at now: Int64) -> [Deed] {
        guard removed == instance, isAdvertising else { return [] }
        isAdvertising = false
        return stepSoon(at: now)
    }

    /// An LE device has connected, and the kernel has stopped to advertise: others are to find us, too.
    public mutating func leConnected(at now: Int64) -> [Deed] {
        lastAlive = now
        guard isAdvertising else { return [] }
        isAdvertising = false
        guard !isBusy else { return [] }
        return step(at: now)
    }

    /// The command that was under way has ended.
    public mutating func completed(
        _ command: ManagementCommand, _ status: ManagementStatus, _ reply: [UInt8], at now: Int64
    ) -> [Deed] {
        isBusy = false
        switch status {
        case .success: return succeeded(command, reply, at: now)
        case .denied:
            state = .notPermitted
            return []
        case .blocked:
            state = .blocked
            due = now + 5 * AdapterCare.second  // the kernel does not tell when rfkill lets go
            return []
        // The kernel says «authentication failed» where a controller has not answered; nothing of ours authenticates.
        case .timeout, .authenticationFailed: return climb(at: now)
        // The kernel has done it, and then stumbles over an advertisement that is no more: it takes the one that an LE
        // device came by for the one that is on, although it was removed before that device went.
        case .failed(0x0D) where command.isSetConnectable: return succeeded(command, [], at: now)
        case .busy, .notPowered, .notConnected, .notSupported, .noAdapter, .failed:
            return failed(command, status, at: now)
        }
    }

    private mutating func succeeded(_ command: ManagementCommand, _ reply: [UInt8], at now: Int64) -> [Deed] {
        switch command {
        case .readInformation:
            information = AdapterInformation(reply: reply)
            if information == nil { return failed(command, .failed(0), at: now) }
        case .readAdvertisingFeatures:
            // Supported flags 4, longest data 2, most instances 1, used ones 1 + n. bluetoothd counts up from 1: we take
            // the last. What is in it already is ours, from a run that was killed.
            instance = reply.count > 6 ? max(1, reply[6]) : 1
            if let instance, wish.announcement == nil { isAdvertising = reply.dropFirst(8).contains(instance) }
        case .addAdvertising: (isAdvertising, rung, lastAlive) = (true, 0, now)
        case .removeAdvertising: isAdvertising = false
        case .setName(let name): information?.name = name
        case .setConnectable(let on):
            pageScanIsFresh = on
            if on {
                information?.current.insert(.connectable)
            } else {
                information?.current.subtract([.connectable, .discoverable])
            }
        case .setPrivacy: privacyIsSet = true
        case .readOutOfBand: (rung, lastAlive) = (0, now)
        default: break
        }
        if let settings = AdapterCare.settings(in: reply, after: command) { information?.current = settings }
        if case .setPowered(true) = command { (rung, lastAlive) = (0, now) }
        failures = 0
        return step(at: now)
    }

    /// Commands that set something reply with all settings.
    private static func settings(in reply: [UInt8], after command: ManagementCommand) -> AdapterSettings? {
        switch command {
        case .setPowered, .setConnectable, .setDiscoverable, .setSimplePairing, .setLE, .setSecureConnections,
            .setPrivacy:
            var reader = LittleEndianReader(reply[...])
            return reader.u32().map(AdapterSettings.init(rawValue:))
        default: return nil
        }
    }

    // MARK: - The next step

    private mutating func step(at now: Int64) -> [Deed] {
        guard !isBusy, state != .notPermitted, state != .notWanted else { return [] }
        guard let command = nextCommand(at: now) else { return [] }
        if case .silent = state {} else if state != .ready || !isProbe(command), !isFailing { state = .settling }
        isBusy = true
        return [.send(command)]
    }

    private var isFailing: Bool { if case .failing = state { true } else { false } }

    /// What disturbs is answered after a moment: whoever disturbs may not be done.
    private mutating func stepSoon(at now: Int64) -> [Deed] {
        if case .silent = state {} else if state != .notPermitted, state != .notWanted { state = .settling }
        due = min(due ?? .max, now + AdapterCare.second / 4)
        return []
    }

    private mutating func settled(at now: Int64) {
        state = .ready
        due = now + AdapterCare.probePause
    }

    /// From what is to what is wanted, one command; nil: nothing to do before `due`.
    private mutating func nextCommand(at now: Int64) -> ManagementCommand? {
        guard let information else { return .readInformation }
        guard isWanted(information.address) else {
            state = .notWanted
            return nil
        }
        let (current, can) = (information.current, information.supported)
        if wish.setsUp, let command = setUp(current, can) { return command }
        guard current.contains(.powered) else {
            state = .off
            return nil
        }
        if let command = beFound(current, can, information.name) { return command }
        let isQuiet = state == .ready && (lastAlive ?? 0) + AdapterCare.probePause <= now
        if rung > 0 || isQuiet { return probe(current) }
        settled(at: now)
        return nil
    }

    /// Power, and what must be set before it or right after it, in this order.
    private func setUp(_ current: AdapterSettings, _ can: AdapterSettings) -> ManagementCommand? {
        func missing(_ setting: AdapterSettings) -> Bool { can.contains(setting) && !current.contains(setting) }
        let (isOn, classic) = (current.contains(.powered), wish.classic && current.contains(.classic))
        let canRotate = can.contains(.privacy) && !skipped.contains(ManagementCommand.setPrivacy(true, key: []).code)
        let key = canRotate && !privacyIsSet ? wish.privacyKey : nil
        let steps: [(Bool, ManagementCommand)] = [
            (key != nil && isOn, .setPowered(false)),  // rotation can only be set while it is off
            (key != nil, .setPrivacy(true, key: key ?? [])),
            (wish.le && missing(.le), .setLE(true)),
            (current.contains(.classic) && missing(.simplePairing), .setSimplePairing(true)),
            (missing(.secureConnections), .setSecureConnections(true)),
            (!isOn, .setPowered(true)),
            (classic && missing(.connectable), .setConnectable(true)),
            // After a power cycle the kernel may leave page scan off although the setting says connectable.
            (classic && !pageScanIsFresh, .setConnectable(false)),
        ]
        return first(of: steps)
    }

    private func first(of steps: [(Bool, ManagementCommand)]) -> ManagementCommand? {
        steps.first { $0.0 && !skipped.contains($0.1.code) }?.1
    }

    private func beFound(_ current: AdapterSettings, _ can: AdapterSettings, _ name: String) -> ManagementCommand? {
        if wish.setsUp, wish.classic, let wanted = wish.name, current.contains(.classic) {
            let steps: [(Bool, ManagementCommand)] = [
                (name != wanted, .setName(wanted)), (!current.contains(.discoverable), .setDiscoverable(true)),
            ]
            if let command = first(of: steps) { return command }
        }
        guard current.contains(.le) else { return nil }
        guard let instance else { return first(of: [(true, .readAdvertisingFeatures)]) }
        guard wish.announcement != nil else {
            return isAdvertising ? .removeAdvertising(instance: instance) : nil
        }
        return isAdvertising ? nil : advertising(current)
    }

    private func advertising(_ current: AdapterSettings) -> ManagementCommand? {
        guard let announcement = wish.announcement, let instance, current.contains(.le) else { return nil }
        // With rotation wanted and not to be had, nothing is advertised: nobody is to follow the adapter's own address.
        if wish.privacyKey != nil, !current.contains(.privacy) { return nil }
        return .addAdvertising(
            instance: instance, advertisement: announcement.advertisement, scanResponse: announcement.scanResponse)
    }

    /// Something that the controller must answer and that changes nothing. To advertise anew mends what it may have lost.
    private func probe(_ current: AdapterSettings) -> ManagementCommand {
        advertising(current) ?? .readOutOfBand
    }

    private func isProbe(_ command: ManagementCommand) -> Bool {
        switch command {
        case .addAdvertising, .readOutOfBand: true
        default: false
        }
    }

    // MARK: - What does not work

    /// Again, ever slower, up to a minute.
    private mutating func failed(_ command: ManagementCommand, _ status: ManagementStatus, at now: Int64) -> [Deed] {
        if case .addAdvertising = command, let taken = instance, taken > 1 { instance = taken - 1 }
        if command == .readOutOfBand {  // an adapter that cannot has answered all the same
            (rung, failures, lastAlive) = (0, 0, now)
            settled(at: now)
            return []
        }
        failures += 1
        if failures > 3 { state = .failing("\(command.words): \(status)") }
        if command.mayBeSkipped, status != .busy, skipped.insert(command.code).inserted {
            faults.append("\(command.words): \(status)")  // it is said, and the rest goes on
            return step(at: now)
        }
        due = now + min(AdapterCare.longestPause, AdapterCare.second << Int64(min(failures - 1, 6)))
        return []
    }

    /// rules §7: reopen → power cycle → report unhealthy; then a power cycle again and again, ever slower.
    private mutating func climb(at now: Int64) -> [Deed] {
        rung += 1
        state = .silent(rung: rung)
        isAdvertising = false
        guard rung > 1 else {
            due = now + 2 * AdapterCare.second
            return [.closeLinks, .reopenListeners]
        }
        due = now + min(AdapterCare.longestPause, AdapterCare.second << Int64(min(rung, 6)))
        guard wish.setsUp, rung.isMultiple(of: 2) else { return [] }
        isBusy = true
        return [.send(.setPowered(false))]
    }
}
