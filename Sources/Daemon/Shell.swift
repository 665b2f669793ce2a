import BootTime
import Broker
import CLinux
import EventLoop
import Glibc
import Keys
import Logging
import Nearby
import Observing
import OperatorText
import ProofLink
import SRUP

/// The shell of the daemon: passes events to the observer, and carries out its effects, in order. It decides nothing.
///
/// Everything here runs on the loop's thread. The broker link has its own, hands over batches, and waits until the
/// journal has them.
public actor Shell {
    nonisolated let loop: Loop
    nonisolated let clock: any LoopClock
    /// The loop's thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let log: Logger
    let events: EventLog
    let folder: StateFolder
    let startup: Startup
    let background: BackgroundWork
    var configuration: Configuration
    var materials: KeyMaterial
    let runningKey: RunningKey
    /// What each server was answered since 00:00 UTC.
    var verdictsToday = VerdictsToday()

    /// nil while it cannot be written: then nothing is acted on, and nothing acknowledged.
    var journal: Journal?
    var observer: Observer
    /// What no id of ours was above when this process last had a journal open.
    var knownCeilings: [Identifier: SequenceID] = [:]

    /// Those that have not had their turn since the start, or since the configuration was read again.
    var serversToAsk: ArraySlice<Identifier> = []

    /// What is being acted on, where it came from outside, and when it arrived.
    var arrival: Arrival?
    lazy var deadlineTimer = clock.timer { [unowned self] in assumeIsolated { $0.tick() } }

    // The components, made when they are first used, since they call the shell.
    let socketPaths = SocketPaths()
    lazy var folderWatch = makeFolderWatch()
    lazy var notifier = makeNotifier()
    lazy var stopping = makeStopping()
    lazy var reloading = makeReloading()
    lazy var recovery = makeRecovery()
    lazy var sequenceStarts = makeSequenceStarts()
    lazy var unanswered = makeUnansweredRequests()
    lazy var reports = makeReports()
    lazy var metricsFile = MetricsFile(clock: clock, log: log) { [unowned self] in assumeIsolated { $0.exposition } }
    lazy var broker = makeBroker()
    lazy var brokerSessions = makeBrokerSessions()
    lazy var brokerVisits = makeBrokerVisits()
    /// The visit that is under way.
    var visit: SessionVisit?
    lazy var intake = makeIntake()
    lazy var listeners = makeListeners()
    lazy var links = makeLinks()
    lazy var adapters = makeAdapters()
    lazy var serviceRecord = makeServiceRecordOffer()
    lazy var ownProofs = makeOwnProofs()
    lazy var light = IdentificationLight(configuration.lightFile, clock: clock, log: log)
    lazy var deregistration = makeDeregistration()
    lazy var recordHeads = makeRecordHeads()
    lazy var updateFetcher = makeUpdateFetcher()
    lazy var updateActivation = makeUpdateActivation()
    // Made at the start, where they are wanted.
    var control: Control?
    var renewal: CertificateRenewal?
    var neighbours: Neighbours?

    /// Where from, and when.
    enum Arrival {
        case message(Instant)
        case frame(Instant)
    }

    /// A shell of a checked configuration; nothing is open yet.
    /// - Throws: `OperatorFault` where a file that the configuration names is not usable.
    public init(configurationFile: String, loop: Loop) throws {
        let configuration = try Configuration(file: configurationFile)
        try configuration.finishDeregistration()
        try configuration.checkNotDeregistered()
        try self.init(
            configuration, configurationFile: configurationFile,
            loadMaterials: { try KeyMaterial($0, from: configurationFile) }, loop: loop, clock: BootClock(loop: loop),
            log: Logger(label: "srup-beacon"))
    }

    /// - Parameters:
    ///   - configurationFile: is read again where that is wanted.
    ///   - loadMaterials: reads and checks the keys that a configuration names.
    ///   - wallMicroseconds: since 1970.
    ///   - background: for what takes time; nil: threads.
    /// - Throws: `OperatorFault` where a key or the state folder is not usable.
    init(
        _ configuration: Configuration, configurationFile: String,
        loadMaterials: @escaping @Sendable (Configuration) throws -> KeyMaterial, loop: Loop, clock: any LoopClock,
        wallMicroseconds: @escaping @Sendable () -> Int64 = wallMicroseconds, background: BackgroundWork? = nil,
        log: Logger
    ) throws {
        let materials = try loadMaterials(configuration)
        self.materials = materials
        runningKey = RunningKey(materials, configuration, clock: clock)
        startup = Startup(
            configurationFile: configurationFile, startedAt: clock.now, wallMicroseconds: wallMicroseconds,
            loadMaterials: loadMaterials)
        (self.configuration, self.loop, self.clock, self.log) = (configuration, loop, clock, log)
        self.background = background ?? BackgroundWork(loop: loop)
        events = EventLog(log, clock: clock)
        folder = try StateFolder(path: configuration.stateFolder)
        observer = Shell.emptyObserver(configuration, materials, runningKey)
    }

    static func emptyObserver(
        _ configuration: Configuration, _ materials: KeyMaterial, _ runningKey: RunningKey
    ) -> Observer {
        var observer = Observer(
            identity: configuration.identity, policy: configuration.allowedPolicy,
            unseal: materials.unsealer(oldKeyOpened: { runningKey.oldKeyOpened() }), authenticate: hmacSHA256)
        observer.terms = configuration.terms
        observer.hasUpdater = configuration.updates.updater != nil
        return observer
    }

    // MARK: - Events in, effects out

    /// What remains to be done once the journal holds everything that precedes it.
    struct Transaction {
        var outgoing: [Publishing.Queued] = []
        var effects: [Effect] = []
    }

    /// Runs events through the observer and their changes into one transaction; then, only if it is on disk, does the rest.
    /// - Returns: whether it is on disk.
    @discardableResult
    func transact(_ body: (inout Transaction) throws -> Void) -> Bool {
        guard journal != nil else { return false }
        var transaction = Transaction()
        do {
            try body(&transaction)
            Checkpoint.pass()
            try journal?.commit()
        } catch {
            journalFailed(error)
            return false
        }
        Checkpoint.pass()
        recordHeads.look()
        let followUps = perform(transaction)
        deadlineTimer.set(at: observer.nextDeadline)
        for event in followUps { handle(event) }
        return true
    }

    /// One event in a transaction of its own.
    @discardableResult
    func handle(_ event: Event) -> Bool { transact { try feed(event, &$0) } }

    /// What is due, in one transaction, as much of it as a turn has time for; the timer fires again at once for the rest.
    func tick() {
        let end = clock.now + MessageIntake.turnLength
        transact { transaction in
            var now = clock.now
            repeat {
                try feed(.tick, &transaction)
                now = clock.now
            } while now < end && observer.nextDeadline.map { $0 <= now } ?? false
        }
    }

    /// One event into an open transaction.
    /// - Returns: false where the observer has refused what came.
    @discardableResult
    func feed(_ event: Event, _ transaction: inout Transaction) throws -> Bool {
        try prepareRecord(for: event)
        let effects = observer.handle(event, at: clock.now)
        try record(effects, &transaction)
        return !effects.contains { if case .report(.refused) = $0 { true } else { false } }
    }

    /// Does what must be on disk before anything else; keeps the rest for afterwards.
    func record(_ effects: [Effect], _ transaction: inout Transaction) throws {
        guard let journal else { preconditionFailure("effects without a journal") }
        // A frame also brings what is due by now, of other devices.
        var isOfProof = false
        for effect in effects {
            switch effect {
            case .record(let change):
                if case .answered(_, _, _, let reason, _) = change { isOfProof = reason.isOfProof }
                Checkpoint.pass()
                try journal.record(change, at: wallSeconds())
            case .send(let message, let server):
                Checkpoint.pass()
                let frame = try message.signed(by: materials.key)
                let id = try journal.queue(frame, message, to: server)
                try journal.add(frame, message, to: server)
                var outgoing = Outgoing(id: id, topic: message.topic(to: server), payload: frame)
                if case .frame(let arrival) = arrival, isOfProof, message.tellsVerdict {
                    let (latency, clock) = (reports.metrics.proofToPublish, clock)
                    outgoing.isWritten = { latency.add(clock.now - arrival) }
                }
                transaction.outgoing.append(.init(server: server, message: outgoing))
            case .tell, .close, .wantToken, .act, .present, .destroy, .fetch, .discardUpdate, .install, .confirm,
                .report:
                transaction.effects.append(effect)
            }
        }
    }

    /// Carries out the other effects, in order: what the servers are told goes before what the device is told.
    /// - Returns: events that follow from them.
    private func perform(_ transaction: Transaction) -> [Event] {
        var followUps: [Event] = []
        Checkpoint.pass()
        broker.publish(transaction.outgoing)
        for effect in transaction.effects {
            switch effect {
            case .tell(let link, let frame):
                Checkpoint.pass()
                if case .challenge = frame, links.contains(link) { reportChallenge(link) }
                if let event = links.tell(link, frame) { followUps.append(event) }
            case .close(let link):
                Checkpoint.pass()
                links.close(link)
            case .wantToken(let server):
                if let event = againEvent(server) { followUps.append(event) }
            case .act(let action, let exchange): followUps.append(act(action, exchange))
            case .present(let server, let joinMode): ownProofs.present(to: server, joinMode)
            case .destroy(let server): deregistration.begin(by: server)
            case .fetch(let update): updateFetcher.fetch(update)
            case .discardUpdate: updateFetcher.discard()
            case .install(let update): updateActivation.install(update)
            case .confirm(let update): updateActivation.confirm(update)
            case .report(let report): take(report)
            case .record, .send: preconditionFailure("\(effect) must be carried out before the commit")
            }
        }
        return followUps
    }
}
