import BootTime
import ProofLink

/// The supervisor of one adapter, as a value: its state, what is wanted, and the next step from the one to the other.
/// No socket, no clock. It keeps working towards what is wanted: bluetoothd may start or stop, and another program or a
/// person may power the adapter off, unplug it or plug it in again.
///
///     unknown ──information──▶ settling ──all as wanted──▶ ready ──silent──▶ recovery: reopen → power cycle → unhealthy
///                                 ▲                          │                              (and again, ever slower)
///                                 └──── any other settings ──┘
///
/// One command at a time: when it has ended, the next step is computed again from the current state (`nextCommand`).
public struct AdapterSupervisor: Sendable {
    /// What the operator is told.
    public enum State: Equatable, Sendable {
        /// Nothing is known yet.
        case unknown
        /// On the way to what is wanted.
        case settling
        /// All is as wanted, except for `faults`.
        case ready
        /// Powered off, and we may not power it on.
        case off
        /// rfkill blocks it.
        case blocked
        /// We may not set it up: CAP_NET_ADMIN is missing.
        case notPermitted
        /// It does not answer; this many recovery levels have been tried.
        case silent(level: Int)
        /// A step fails repeatedly.
        case failing(String)
        /// The configuration does not name it.
        case notWanted
    }

    /// An effect.
    public enum Action: Equatable, Sendable {
        /// Run this command, and report its end through `completed`.
        case send(ManagementCommand)
        /// All links over it are dead.
        case closeLinks
        /// The first recovery level: create the listening sockets again.
        case reopenListeners
        /// Tell the operator.
        case report(AdvertisingNotice)
    }

    /// The state that the operator is told.
    public internal(set) var state = State.unknown
    /// nil until it is known.
    public internal(set) var information: AdapterInformation?
    /// Whether our advertisement is in its instance.
    public internal(set) var isAdvertising = false
    /// What is wanted and the adapter cannot do; the rest continues.
    public internal(set) var faults: [String] = []
    /// Why the beacon's own advertisement is not sent now, although it could be; nil: nothing is in the way.
    var announcementFault: String?
    /// The same of the registration URL.
    var urlFault: String?
    /// The instance that our advertisement is in, or may be in.
    public var ownInstance: UInt8? { instances.own }
    /// All that our advertisements are in, or may be in: what a later run of ours must know.
    public var ownInstances: [UInt8] { instances.ours }
    /// Whether the registration URL is in its instance.
    public internal(set) var isAdvertisingURL = false
    /// When anything was last received from it; nil: never.
    public internal(set) var lastAlive: Instant?

    let desired: DesiredAdapterState
    let isWanted: @Sendable (BluetoothAddress) -> Bool
    let formerInstances: @Sendable (BluetoothAddress) -> [UInt8]
    var isBusy = false
    var instances: AdvertisingInstances
    /// What our instance says.
    var advertised: Announcement?
    /// Whether the LE transport is listened on here.
    var listensOnLE = false
    /// How many neighbours the beacon hears, which the advertisement says; nil: it does not tell.
    var hearing: Hearing?
    /// Whether rfkill blocks it, as far as that was seen.
    var isBlocked = false
    /// The instance that another program has removed since we last advertised.
    var lostInstance: UInt8?
    /// The number that is being added.
    var adding: UInt8?
    /// Another program has added one under the number that we were just adding: ours has replaced it.
    var hasCollided = false
    /// The same two of the registration URL.
    var addingURL: UInt8?
    var hasURLCollided = false
    var pageScanIsFresh = false
    var privacyIsSet = false
    var capabilityIsSet = false
    /// Whether `information` was read since the last time that all was well: events can be lost.
    var informationIsFresh = false
    /// An LE device has connected while we set the advertisement: the kernel has stopped it again.
    var hasStoppedMeanwhile = false
    var skipped: Set<UInt16> = []
    var level = 0
    var failures = 0
    var due: Instant?

    /// Between two looks at an adapter that carries nothing.
    public static let probePause = Duration.seconds(30)
    static let maximumPause = Duration.seconds(60)

    /// A new adapter's.
    /// - Parameters:
    ///   - isWanted: whether the adapter with this address is used.
    ///   - formerInstances: the advertising instances that an earlier run of ours used on it since the machine was started, and may
    ///     have left behind.
    public init(
        desired: DesiredAdapterState, isWanted: @escaping @Sendable (BluetoothAddress) -> Bool,
        formerInstances: @escaping @Sendable (BluetoothAddress) -> [UInt8] = { _ in [] }
    ) {
        (self.desired, self.isWanted, self.formerInstances) = (desired, isWanted, formerInstances)
        instances = AdvertisingInstances()
    }

    /// When `tick` has something to do.
    public var nextDeadline: Instant? { isBusy ? nil : due }

    /// The commands to run when the beacon stops.
    public var shutdownCommands: [ManagementCommand] {
        ownInstances.map { .removeAdvertising(instance: $0) }
    }

    // MARK: - What happens

    /// The first step.
    public mutating func start(at now: Instant) -> [Action] { step(at: now) }

    /// Time has passed.
    public mutating func tick(at now: Instant) -> [Action] {
        guard !isBusy, let due, due <= now else { return [] }
        self.due = nil
        if advertisingFault != nil { instances.forget() }  // an event about a free one may have been lost
        return step(at: now)
    }

    /// Whether rfkill blocks it, as far as can be seen while it is off.
    public mutating func rfkill(blocks isBlocking: Bool) { isBlocked = isBlocking }

    /// A byte has been received over it, or an event that only a working controller causes.
    public mutating func heard(at now: Instant) { lastAlive = now }

    /// Its settings have changed.
    public mutating func changed(_ settings: AdapterSettings, at now: Instant) -> [Action] {
        guard let before = information?.current, settings != before else { return [] }
        return take(settings) + stepSoon(at: now)
    }

    /// - Returns: what the loss of power means for its links.
    private mutating func take(_ settings: AdapterSettings) -> [Action] {
        let wasPowered = information?.current.contains(.powered) ?? false
        information?.current = settings
        guard !settings.contains(.powered) else { return [] }
        // The kernel stops advertising and forgets page scan; it may or may not keep the instances, which is nobody's act then. What
        // failed before may be possible after this.
        (isAdvertising, pageScanIsFresh, lostInstance, hasCollided) = (false, false, nil, false)
        (isAdvertisingURL, hasURLCollided) = (false, false)
        instances.forget()
        guard wasPowered else { return [] }
        skipped = []
        return [.closeLinks]
    }

    /// An LE device has connected, and the kernel has stopped advertising: other devices must be able to find us, too.
    public mutating func leConnected(at now: Instant) -> [Action] {
        lastAlive = now
        hasStoppedMeanwhile = isBusy
        guard isAdvertising, !isBusy else { return [] }
        isAdvertising = false
        return step(at: now)
    }

    /// A device has left: an adapter that cannot advertise beside a connection can do so now.
    public mutating func disconnected(at now: Instant) -> [Action] {
        lastAlive = now
        return isAdvertising || desired.announcement == nil ? [] : stepSoon(at: now)
    }

    /// The command that was under way has ended.
    public mutating func completed(
        _ command: ManagementCommand, _ status: ManagementStatus, _ reply: [UInt8], at now: Instant
    ) -> [Action] {
        isBusy = false
        (adding, addingURL) = (nil, nil)
        // Newer kernels give this failure no number of its own.
        let status = isBlocked && command == .setPowered(true) && status != .success ? .blocked : status
        switch status {
        case .success: return succeeded(command, reply, at: now)
        case .denied:
            state = .notPermitted
            return []
        case .blocked:
            state = .blocked
            due = now + .seconds(5)  // the kernel does not tell when rfkill lets go
            return []
        // The kernel says "authentication failed" if a controller has not answered; nothing of ours authenticates.
        case .timeout, .authenticationFailed: return escalate(at: now)
        // The kernel has done it, and then fails on an advertisement that no longer exists: it takes the one over which an LE
        // device connected for the current one, although that was removed before the device disconnected.
        case .invalid where command.isSetConnectable: return succeeded(command, [], at: now)
        case .notConnected, .connectFailed, .notPaired, .noResources, .alreadyConnected, .rejected, .invalid,
            .disconnected, .busy, .notSupported, .notPowered, .cancelled, .noAdapter, .alreadyPaired, .failed:
            return failed(command, status, at: now)
        }
    }

    private mutating func succeeded(_ command: ManagementCommand, _ reply: [UInt8], at now: Instant) -> [Action] {
        var actions: [Action] = []
        switch command {
        case .readInformation:
            guard let new = AdapterInformation(reply: reply) else { return failed(command, .failed(0), at: now) }
            // Another program's settings are kept: changing them would disturb its advertisements.
            if information == nil { pageScanIsFresh = new.current.isSuperset(of: [.powered, .connectable]) }
            if information == nil { instances = AdvertisingInstances(former: formerInstances(new.address)) }
            information = information ?? new
            information?.name = new.name
            informationIsFresh = true
            actions = take(new.current)
        case .readAdvertisingFeatures: instances.read(reply)
        case .addAdvertising(let instance, _, _):
            actions = advertises(in: instance)
            (level, lastAlive) = (0, now)
        case .addBroadcast(let instance, _): advertisesURL(in: instance)
        case .removeAdvertising(let instance): actions = removed(own: instance)
        case .setName(let name): information?.name = name
        case .setConnectable(let on):
            pageScanIsFresh = on
            if on { information?.current.insert(.connectable) } else { information?.current.remove(.connectable) }
        case .setPrivacy: privacyIsSet = true
        case .setCapability: capabilityIsSet = true
        case .readOutOfBand: (level, lastAlive) = (0, now)
        case .setPowered(true): (level, lastAlive) = (0, now)
        case .setPowered(false), .setDiscoverable, .setBondable, .setSimplePairing, .setLE, .setSecureConnections,
            .setClassic:
            break  // the reply has the settings
        case .readIndexList, .pair, .cancelPairing, .confirm, .unpair, .startDiscovery, .stopDiscovery, .readConnection:
            break  // never sent from here
        }
        if let settings = AdapterSupervisor.settings(in: reply, after: command) { actions += take(settings) }
        failures = 0
        return actions + step(at: now)
    }

    /// Commands that set something reply with all settings.
    private static func settings(in reply: [UInt8], after command: ManagementCommand) -> AdapterSettings? {
        switch command {
        case .setPowered, .setConnectable, .setDiscoverable, .setBondable, .setSimplePairing, .setLE, .setClassic,
            .setSecureConnections, .setPrivacy:
            var reader = LittleEndianReader(reply[...])
            return reader.u32().map(AdapterSettings.init(rawValue:))
        case .readIndexList, .readInformation, .setName, .setCapability, .pair, .cancelPairing, .confirm, .unpair,
            .startDiscovery,
            .stopDiscovery, .readConnection, .readOutOfBand, .readAdvertisingFeatures, .addAdvertising,
            .addBroadcast, .removeAdvertising:
            return nil
        }
    }

    // MARK: - One step

    mutating func step(at now: Instant) -> [Action] {
        guard !isBusy, state != .notPermitted, state != .notWanted else { return [] }
        guard let command = nextCommand(at: now) else { return [] }
        if state == .unknown || state == .blocked || state == .off { state = .settling }
        if case .addAdvertising(let instance, _, _) = command { claim(instance) }
        if case .addBroadcast(let instance, _) = command { claim(url: instance) }
        isBusy = true
        return [.send(command)]
    }

    /// A change by another program is answered after a moment: that program may not have finished.
    mutating func stepSoon(at now: Instant) -> [Action] {
        if state == .ready { state = .settling }
        let soon = now + .milliseconds(250)
        due = min(due ?? soon, soon)
        return []
    }

    mutating func settled(at now: Instant) {
        state = .ready
        informationIsFresh = false
        due = now + AdapterSupervisor.probePause
    }
}
