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
    /// - Returns: what does not keep the beacon from starting, and should be corrected: certificates above all.
    /// - Throws: `OperatorFault`.
    @discardableResult
    public static func check(_ configurationFile: String) throws -> [OperatorFault] {
        let configuration = try Configuration(file: configurationFile)
        try configuration.checkNotDeregistered()
        _ = try KeyMaterial(configuration, from: configurationFile)
        try StateFolder(lookingInto: configuration.stateFolder).checkNames()
        return configuration.certificateFindings(at: wallSeconds()).map(\.fault) + configuration.warnings
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
        nonisolated(unsafe) var end: (stopping: Stopping, sockets: SocketPaths)?
        loop.perform {
            shell.assumeIsolated { shell in
                end = (shell.stopping, shell.socketPaths)
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
        end?.sockets.remove()
        guard end?.stopping.startsAgain == true else { return }
        ProgramFile.start(handing: shell.startup.service)
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
        warn()
        stopping.follow(signals: signals)
        do {
            try openJournal()
        } catch let failure as Journal.Failure {
            recovery.begin(after: failure)  // a full disk does not keep us from saying so
        }
        do throws(LinkSocketError) {
            control = try Control(folder.control, loop, clock: clock) { [unowned self] request in
                assumeIsolated { $0.answer(request) }
            }
        } catch {
            throw OperatorFault(
                "the control socket \(folder.control) cannot be created: \(error)",
                hint: "give [beacon] state a short path on a local disk that can be written")
        }
        folderWatch.add(
            .init(path: folder.control) { [control] () throws(LinkSocketError) in
                try control?.makeAgain()
                return true
            })
        listeners.open()
        if configuration.usesRadio { adapters.open() }
        if let local = listeners.listeners.first(where: { !$0.isRadio }), let fault = local.fault {
            throw OperatorFault(
                "the local socket \(local.wanted.address) cannot be created: \(fault)",
                hint: "correct [link] local, or turn it off")
        }
        if let path = configuration.localPath {
            folderWatch.add(.init(path: path) { [listeners] () throws(LinkSocketError) in try listeners.reopenLocal() })
        }
        startBroker()
        startRenewal()
        notifier.begin()
        log.notice("ready")
        metricsFile.keep(configuration.metrics)
    }

    private func startBroker() {
        var settings = BrokerLink.Settings(
            brokers: configuration.brokers, clientID: configuration.mqttClientID,
            tls: configuration.tls, subscriptions: [Topic.of(device: configuration.identity)],
            maximumPayload: UnverifiedFrame.maximumLength)
        (settings.initialRetry, settings.maximumRetry) = configuration.reconnect
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

    /// Takes what can be taken of a changed configuration, and of a key that was rotated; a faulty one changes nothing.
    /// - Returns: what was wrong.
    @discardableResult
    func reload() -> (any OperatorError)? {
        notifier.whileReloading { readConfigurationAgain() }
    }

    private func readConfigurationAgain() -> (any OperatorError)? {
        do {
            let new = try Configuration(file: startup.configurationFile)
            let newMaterials = try startup.loadMaterials(new)
            for part in new.differencesThatNeedARestart(from: configuration) {
                log.warning("\(part) has changed: that needs a restart")
            }
            configuration.reload(from: new)
            (materials.keyring, observer.policy) = (newMaterials.keyring, configuration.policy)
            let isOurs = new.identity == configuration.identity && new.keyFile == configuration.keyFile
            if isOurs { take(newMaterials) }
            observer.terms = new.terms
            observer.hasUpdater = new.updates.updater != nil
            setUpLog()
            log.notice("configuration read again")
            warn()
            metricsFile.keep(configuration.metrics)
            renewal?.takeReplaced()
            raiseSequences()
            joinServers()
            broker.publishing.tryAgain()
            return isOurs ? nil : OperatorFault("[beacon] has changed", hint: "restart it")
        } catch let fault as any OperatorError {
            log.error("\(fault.message); hint: \(fault.hint(for: .beacon)); the old configuration stays in force")
            return fault
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// From here on, everything is signed with the key that is there now.
    private func take(_ new: KeyMaterial) {
        guard !new.key.publicKey.equals(materials.key.publicKey) else { return }
        materials = new
        observer.unseal = new.unsealer
        log.notice("the identity key has been replaced")
    }

    /// What the configuration allows, and should not be so.
    private func warn() {
        for fault in configuration.warnings { log.warning("\(fault.message); hint: \(fault.hint(for: .beacon))") }
    }

    private func setUpLog() {
        LineLog.use(configuration.logFormat)
        let level = configuration.logLevel
        LineLog.level.withLock { $0 = level }
    }

    func makeFolderWatch() -> FolderWatch {
        FolderWatch(socketPaths, clock: clock, log: log) { [unowned self] in assumeIsolated { $0.askJournal() } }
    }

    func makeStopping() -> Stopping {
        Stopping(
            log: log, background: BackgroundWork(loop: loop),
            outlets: Stopping.Outlets(
                reload: { [unowned self] in assumeIsolated { _ = $0.reload() } },
                leave: { [unowned self] isRestart in assumeIsolated { $0.leave(isRestart: isRestart) } },
                disconnect: { [unowned self] in
                    assumeIsolated { shell in
                        let (link, withdrawRecord) = (shell.broker.link, shell.serviceRecord.withdraw)
                        return {
                            withdrawRecord?()
                            link?.stop()
                        }
                    }
                }))
    }

    private func leave(isRestart: Bool) {
        notifier.stopping(isRestart: isRestart)
        metricsFile.stop()
        updateFetcher.giveUp()
        adapters.stopAdvertising()
        links.sendAway()
    }
}
