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

/// The daemon from its first to its last instruction.
public enum DaemonProcess {
    /// Checks a configuration and every file that it names, and touches nothing.
    /// - Throws: `OperatorFault`.
    public static func check(_ configurationFile: String) throws {
        let configuration = try Configuration(file: configurationFile)
        try configuration.checkNotDeregistered()
        _ = try KeyMaterial(configuration, from: configurationFile)
        try StateFolder(lookingInto: configuration.stateFolder).checkNames()
    }

    /// Runs until SIGTERM or SIGINT.
    /// - Throws: `OperatorFault` where it cannot start.
    public static func run(_ configurationFile: String) throws {
        LoggingSystem.bootstrap { _ in LineLog() }
        _ = ProgramFile.path  // while the working folder is the one that we were started in
        umask(0o077)  // the journal is the owner's alone
        let signals = blockSignals()
        let loop = Loop()
        let shell = try Shell(configurationFile: configurationFile, loop: loop)
        nonisolated(unsafe) var fault: (any Error)?
        loop.perform {
            shell.assumeIsolated { shell in
                do {
                    try shell.start(signals)
                } catch {
                    fault = error
                    loop.stop()
                }
            }
        }
        loop.run()
        if let fault { throw fault }
        shell.removeSockets()
        guard shell.startsAnew.load(ordering: .relaxed) else { return }
        ProgramFile.start(handing: shell.service)
        throw OperatorFault(
            "the new version \(ProgramFile.path) cannot be started: \(String(cString: strerror(errno)))",
            hint: "put back the old one, and start it")
    }

    /// Signals are read from a descriptor, in every thread that is started from now on.
    private static func blockSignals() -> Int32 {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        // A file that would grow over a limit is an error to be handled, not the end.
        signal(SIGXFSZ, SIG_IGN)
        // A process that ignores it cannot get the exit status of a child.
        signal(SIGCHLD, SIG_DFL)
        return signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
    }
}

extension Shell {
    /// parse → open → "ready" → loop.
    func start(_ signals: Int32) throws {
        setUpLog()
        log.notice("srup-beacon \(Shell.version), identity \(configuration.identity)")
        if CredentialFolder(managing: configuration)?.hasUnfinishedRotation == true {
            log.warning("a rotation of the identity key was interrupted; hint: finish it: srup-beacon rotate")
        }
        _ = loop.watch(signals) { [unowned self] _ in assumeIsolated { $0.take(signals: signals) } }
        do {
            try openJournal()
        } catch let failure as Journal.Failure {
            startTrouble(failure)  // a full disk does not keep us from saying so
        }
        do throws(LinkSocketError) {
            control = try Control(folder.control, loop) { [unowned self] request in
                assumeIsolated { $0.answer(request) }
            }
        } catch {
            throw OperatorFault(
                "the control socket \(folder.control) cannot be made: \(error)",
                hint: "give [beacon] state a short path on a local disk that can be written")
        }
        listeners.open()
        if usesRadio { adapters.open() }
        offerServiceRecord()
        if let local = listeners.listeners.first(where: { !$0.isRadio }), let fault = local.fault {
            throw OperatorFault(
                "the local socket \(local.wanted.address) cannot be made: \(fault)",
                hint: "correct [link] local, or turn it off")
        }
        if let localPath { localInode.store(LinkSocket.inode(of: localPath) ?? 0, ordering: .relaxed) }
        startBroker()
        startRenewal()
        beginWatchdogRound()
        service.ready()
        service.status(statusLine)
        log.notice("ready")
        metricsFile.keep(configuration.metrics)
    }

    /// The watchdog is notified for work that was done, not for time that has passed: a message goes from this loop through
    /// the broker link's thread and back, and the journal is asked. If one of them hangs, no round ends, and
    /// systemd restarts us. An unreachable broker and a disk that is known to be full do not count as a hang.
    func beginWatchdogRound() {
        guard service.watchdog != nil, let link = broker.link else { return }
        link.turn { [unowned self] in
            loop.perform { self.assumeIsolated { $0.endWatchdogRound() } }
        }
    }

    private func endWatchdogRound() {
        guard let limit = service.watchdog else { return }
        do {
            try journal?.answer()
        } catch {
            journalFailed(error)
        }
        service.alive()
        watchdogTimer.set(after: limit / 4)
    }

    private func startBroker() {
        var settings = BrokerLink.Settings(
            brokers: configuration.brokers, clientID: configuration.clientID ?? configuration.identity.topicForm,
            tls: configuration.tls, subscriptions: [Topic.of(device: configuration.identity)],
            longestPayload: UnverifiedFrame.maximumLength)
        (settings.firstRetry, settings.longestRetry) = configuration.reconnect
        let loop = loop
        let link = BrokerLink(
            settings,
            deliver: { [unowned self] batch in
                let moment = clock.now
                var rest = batch[...]
                while !rest.isEmpty {
                    let (piece, shell) = (rest, self)
                    let taken = loop.performAndWait { shell.assumeIsolated { $0.take(piece, arrivedAt: moment) } }
                    guard let taken else { return false }
                    rest = rest.dropFirst(taken)
                }
                return true
            },
            happened: { [unowned self] happening in
                loop.perform { self.assumeIsolated { $0.brokerHappened(happening) } }
            })
        broker.start(link)
    }

    private func take(signals: Int32) {
        var info = signalfd_siginfo()
        while read(signals, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
            guard info.ssi_signo != UInt32(SIGHUP) else {
                reload()
                continue
            }
            stop()
        }
    }

    /// Takes what can be taken of a changed configuration, and of a key that was rotated; a faulty one changes nothing.
    /// - Returns: what was wrong.
    @discardableResult
    func reload() -> (any OperatorError)? {
        service.reloading()
        defer { service.ready() }
        do {
            let new = try Configuration(file: configurationFile)
            let materials = try loadMaterials(new)
            for part in new.differencesThatNeedARestart(from: configuration) {
                log.warning("\(part) has changed: that needs a restart")
            }
            configuration.reload(from: new)
            (keyring, observer.policy) = (materials.keyring, configuration.policy)
            let isOurs = new.identity == configuration.identity && new.keyFile == configuration.keyFile
            if isOurs { take(materials) }
            observer.terms = new.terms
            setUpLog()
            log.notice("configuration read again")
            metricsFile.keep(configuration.metrics)
            raiseSequences()
            joinServers()
            return isOurs ? nil : OperatorFault("[beacon] has changed", hint: "restart it")
        } catch let fault as any OperatorError {
            log.error("\(fault.message); hint: \(fault.hint(for: .beacon)); the old configuration stays in force")
            return fault
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// From here on, everything is signed with the key that is there now.
    private func take(_ materials: KeyMaterial) {
        guard !materials.key.publicKey.equals(key.publicKey) else { return }
        (key, unsealer) = (materials.key, materials.unsealer)
        observer.unseal = unsealer
        log.notice("the identity key has been replaced")
    }

    /// Applies the operator's sequence-floor settings to the journal and the memory.
    private func raiseSequences() {
        let floors = configuration.servers.mapValues(\.sequenceFloor)
        do {
            try journal?.raiseSequences(floors)
            observer.raiseSequences(configuration.sequenceFloors)
        } catch {
            journalFailed(error)
        }
    }

    private func setUpLog() {
        LineLog.use(configuration.logFormat)
        let level = configuration.logLevel
        LineLog.level.withLock { $0 = level }
    }

    /// Removes the sockets' paths when the daemon ends.
    nonisolated func removeSockets() {
        unlink(folder.control)
        if let path = localPath, LinkSocket.inode(of: path) == localInode.load(ordering: .relaxed) { unlink(path) }
    }

    /// Disconnects devices and the broker; open observations stay in the journal.
    /// - Parameter startingAnew: whether to execute the program that is on disk then; ignored if a stop has been or is requested.
    func stop(startingAnew: Bool = false) {
        startsAnew.store(startingAnew && !isStopping, ordering: .relaxed)
        guard !isStopping else { return }
        isStopping = true
        // On a restart, RELOADING is sent: to systemd, STOPPING would mean the end of the service.
        startsAnew.load(ordering: .relaxed) ? service.reloading() : service.stopping()
        log.notice("stopping")
        metricsFile.stop()
        updateFetcher.giveUp()
        adapters.stopAdvertising()
        links.sendAway()
        // On a thread of its own: the broker link may be waiting for this one.
        let (link, loop, bluetoothService) = (broker.link, loop, bluetoothService)
        startThread("stop") {
            bluetoothService?.stop()
            link?.stop()
            loop.stop()
        }
    }
}
