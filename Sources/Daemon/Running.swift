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
    /// Checks a configuration and every file and folder that it names, and what this process may open; touches nothing.
    /// - Returns: what does not keep the beacon from starting, and should be corrected: certificates above all.
    /// - Throws: `OperatorFault`.
    @discardableResult
    public static func check(_ configurationFile: String) throws -> [OperatorFault] {
        let configuration = try Configuration(file: configurationFile)
        try configuration.checkNotDeregistered()
        _ = try KeyMaterial(configuration, from: configurationFile)
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        try folder.checkPlace()
        try JournalSchema.check(folder)
        try DescriptorBudget.check(limit: Descriptors.limit)
        let links = configuration.descriptorFinding(limit: Descriptors.limit)
        return configuration.certificateFindings(at: wallSeconds()).map(\.fault)
            + configuration.warnings
            + [configuration.localLinkFinding, links].compactMap { $0 }
    }

    /// Runs until SIGTERM or SIGINT.
    /// - Throws: `OperatorFault` where it cannot start.
    public static func run(_ configurationFile: String) throws {
        LoggingSystem.bootstrap { _ in LineLog() }
        _ = ProgramFile.path  // while the working folder is the one that we were started in
        umask(0o077)  // the journal is the owner's alone
        try DescriptorBudget.check(limit: Descriptors.limit)
        let signals = blockSignals()
        let loop = Loop()
        let shell = try Shell(configurationFile: configurationFile, loop: loop)
        nonisolated(unsafe) var fault: (any Error)?
        nonisolated(unsafe) var end: (stopping: Stopping, sockets: SocketPaths, reloading: Reloading<Shell.Loaded>)?
        loop.perform {
            shell.assumeIsolated { shell in
                end = (shell.stopping, shell.socketPaths, shell.reloading)
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
        guard end?.stopping.startsAgain == true else {
            // A key in hardware may be used by the other thread, and that can take long: OpenSSL must not be taken down beside it.
            if end?.reloading.isUnderWay == true { _exit(0) }
            return
        }
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
        log.notice("srup-beacon \(Shell.version), identity \(configuration.identity)\(configurationText)")
        let credentials = CredentialFolder(managing: configuration)
        runningKey.confirmRotation(in: credentials)
        if credentials?.hasUnfinishedRotation == true {
            log.warning("a rotation of the identity key was interrupted; hint: finish it: srup-beacon rotate")
        }
        warn()
        stopping.follow(signals: signals)
        tellDescriptors()
        do {
            try openJournal()
        } catch let failure as Journal.Failure {
            recovery.begin(after: failure)  // a full disk does not keep us from saying so
        }
        do throws(LinkSocketError) {
            control = try Control(folder.control, loop, clock: clock) { [unowned self] request, reply in
                nonisolated(unsafe) let reply = reply  // both are used on the loop's thread only
                assumeIsolated { $0.answer(request, reply) }
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
        startNeighbours()
        if let local = listeners.listeners.first(where: { !$0.isRadio }), let fault = local.fault {
            throw OperatorFault(
                "the local socket \(local.wanted.address) cannot be created: \(fault)",
                hint: fault.hint(forListeningOn: .local))
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

    private func tellDescriptors() {
        let limit = Descriptors.limit
        log.info("this process may open \(limit) files")
        guard let fault = configuration.descriptorFinding(limit: limit) else { return }
        log.warning("\(fault.message); hint: \(fault.hint(for: .beacon))")
    }

    private func startBroker() {
        let loop = loop
        let link = BrokerLink(
            linkSettings, deliver: { [unowned self] in keep($0) },
            happened: { [unowned self] happening in
                loop.perform { self.assumeIsolated { $0.brokerHappened(happening) } }
            })
        broker.start(link)
    }

    /// What the configuration allows, and should not be so.
    func warn() {
        for fault in configuration.warnings { log.warning("\(fault.message); hint: \(fault.hint(for: .beacon))") }
    }

    func setUpLog() {
        LineLog.use(configuration.logFormat)
        let level = configuration.logLevel
        LineLog.level.withLock { $0 = level }
        let place = configuration.place.logFields
        LineLog.place.withLock { $0 = place }
    }

    /// What follows in a line that says with which configuration it goes on.
    var configurationText: String {
        (configuration.place.text.map { ", \($0)" } ?? "") + ", configuration \(configuration.hash)"
    }

    func makeFolderWatch() -> FolderWatch {
        FolderWatch(socketPaths, clock: clock, log: log) { [unowned self] in assumeIsolated { $0.askJournal() } }
    }

    func makeStopping() -> Stopping {
        Stopping(
            log: log, background: background,
            outlets: Stopping.Outlets(
                reload: { [unowned self] in assumeIsolated { $0.reloading.begin { _ in } } },
                leave: { [unowned self] isRestart in assumeIsolated { $0.leave(isRestart: isRestart) } },
                disconnect: { [unowned self] in
                    assumeIsolated { shell in
                        let (link, withdrawRecord) = (shell.broker.link, shell.serviceRecord.withdraw)
                        let visit = shell.visit
                        return {
                            visit?.stop()
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
        neighbours?.stop()
        adapters.stopAdvertising()
        links.sendAway()
    }
}
