import EventLoop
import Logging
import Observing
import SRUP

/// Activating an update (§3.2): the updater puts the new version in place, this program hands over to it, and the new
/// version confirms that it has come up, or restores the old one.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class UpdateActivation: @unchecked Sendable {
    /// The processes that do the work. Each call blocks until its process has ended.
    struct Children: Sendable {
        var install: @Sendable (Installation) -> Installation.Outcome = { $0.perform() }
        /// Tells the updater that the new version has come up.
        var done: @Sendable (Updater) -> ChildProcess.Result = { $0.done() }
        /// Has the updater restore the old version, if it has changed anything.
        var restore: @Sendable (Updater) -> ChildProcess.Result = { $0.restore() }
        /// The version of the program that is in place; nil if it does not start.
        var versionInPlace: @Sendable () -> VersionNumber? = { ProgramFile.version }
    }

    /// What an activation needs of the rest of the daemon.
    struct Outlets {
        let settings: () -> UpdateSettings
        /// Handles an event; false where it could not be recorded.
        let handle: (Event) -> Bool
        /// Counts a start during an activation; nil if that could not be recorded.
        let countStart: () -> Int?
        let canRecord: () -> Bool
        let isConnected: () -> Bool
        /// Replaces this program by the one that is in place.
        let startOther: () -> Void
    }

    /// Starts of a new version that does not come up before the old one is put back.
    static let mostStarts = 3
    /// How long a new version may take to reach a broker before the old one is put back.
    static let comeUpLimit = Duration.seconds(600)
    /// Between two attempts to put the old version back.
    static let restorePause = Duration.seconds(60)

    private let folder: UpdateFolder
    private let configurationFile: String
    private let version: String
    private let clock: any LoopClock
    private let log: Logger
    private let background: BackgroundWork
    private let children: Children
    private let outlets: Outlets

    /// The updater is running.
    private var isInstalling = false
    /// How often a program was started during this activation, including this start; 0: not counted yet.
    private var starts = 0
    /// The updater is asked again to restore the old version.
    private var again: (any LoopTimer)?
    /// Our version is the one that was ordered: once a broker has accepted our connection, the update has succeeded.
    private var comingUp: (exchange: RequestID, deadline: any LoopTimer)?

    /// - Parameters:
    ///   - configurationFile: which the new version must accept.
    ///   - version: of this program.
    init(
        _ folder: UpdateFolder, configurationFile: String, version: String, clock: any LoopClock,
        log: Logger,
        background: BackgroundWork, children: Children = Children(), outlets: Outlets
    ) {
        (self.folder, self.configurationFile, self.version) = (folder, configurationFile, version)
        (self.clock, self.log, self.background) = (clock, log, background)
        (self.children, self.outlets) = (children, outlets)
    }

    /// Hands the file to the updater; ends with `Event.activated`, or with this program.
    func install(_ update: Update) {
        guard let path = outlets.settings().updater, case .activating(let version) = update.phase else {
            log.error("an activation without an updater; hint: set [update] updater")
            return cannotActivate(update.exchange)
        }
        let installation = Installation(
            updater: Updater(path: path, folder: folder), version: version, digest: update.order.digest,
            allowsOlder: outlets.settings().allowsOlder, configuration: configurationFile)
        isInstalling = true
        log.notice("activating version \(version) for \(update.exchange.server)")
        let children = children
        background.run("updater") {
            children.install(installation)
        } then: { [weak self] in
            self?.installEnded($0, update.exchange)
        }
    }

    private func installEnded(_ outcome: Installation.Outcome, _ exchange: RequestID) {
        switch outcome {
        case .inPlace:
            log.notice("the new version is in place: starting it")
            // If the journal is reopened meanwhile, what it holds is left to the new version: we are still installing.
            outlets.startOther()
        case .untouched(let fault):
            isInstalling = false
            log.error("the update cannot be activated: \(fault)")
            cannotActivate(exchange)
        case .failed(let fault):
            log.error("the update cannot be activated: \(fault)")
            comeBack(exchange)
        }
    }

    /// The journal may fail just then: the activation is looked into again when it is back.
    private func cannotActivate(_ exchange: RequestID) {
        if outlets.handle(.activated(exchange, done: false)) { folder.clear() }
    }

    /// We were started during an activation: we are the ordered version, or the old one that was restored.
    func confirm(_ update: Update) {
        guard !isInstalling, case .activating(let version) = update.phase else { return }
        // The journal is back, and could not be told meanwhile.
        guard comingUp == nil else { return lookWhetherVersionIsUp() }
        if starts == 0 {
            guard let counted = outlets.countStart() else { return }
            starts = counted
        }
        guard version == self.version else {
            log.warning("version \(version) was to be activated, and \(self.version) has come back")
            return comeBack(update.exchange)
        }
        guard starts <= UpdateActivation.mostStarts else {
            log.error("version \(version) has not come up: putting the old one back")
            return comeBack(update.exchange)
        }
        let deadline = clock.timer { [unowned self] in hasNotComeUp() }
        deadline.set(after: UpdateActivation.comeUpLimit)
        comingUp = (update.exchange, deadline)
        lookWhetherVersionIsUp()
    }

    private func lookWhetherVersionIsUp() { if outlets.isConnected() { versionHasComeUp() } }

    /// Connected to a broker: the server is told, once the updater has dropped the old version. After that there is no old
    /// version to restore.
    func versionHasComeUp() {
        guard let exchange = comingUp?.exchange, outlets.canRecord() else { return }
        comingUp = nil
        log.notice("version \(version) has come up")
        guard let path = outlets.settings().updater else { return hasComeUp(exchange) }
        let (children, updater) = (children, Updater(path: path, folder: folder))
        isInstalling = true
        background.run("updater") {
            Checkpoint.pass()
            let result = children.done(updater)
            Checkpoint.pass()
            return result
        } then: { [weak self] result in
            guard let self else { return }
            if !result.succeeded { log.warning("the updater, told that it is done: \(result.words)") }
            hasComeUp(exchange)
        }
    }

    private func hasComeUp(_ exchange: RequestID) {
        isInstalling = false
        if outlets.handle(.activated(exchange, done: true)) { folder.clear() }
    }

    private func hasNotComeUp() {
        guard let exchange = comingUp?.exchange else { return }
        comingUp = nil
        log.error("version \(version) reaches no broker: putting the old one back")
        comeBack(exchange)
    }

    /// The updater restores the old version, if it has changed anything. Only once a program is in place again is the server
    /// told, by that program.
    private func comeBack(_ exchange: RequestID) {
        guard let path = outlets.settings().updater else {
            log.error(
                "an activation must be undone, but there is no updater; hint: set [update] updater")
            return cannotActivate(exchange)
        }
        let (children, updater) = (children, Updater(path: path, folder: folder))
        isInstalling = true
        background.run("updater") {
            Checkpoint.pass()
            let result = children.restore(updater)
            Checkpoint.pass()
            return (result: result, version: children.versionInPlace())
        } then: { [weak self] in
            self?.cameBack($0.result, $0.version, exchange)
        }
    }

    private func cameBack(
        _ result: ChildProcess.Result, _ found: VersionNumber?, _ exchange: RequestID
    ) {
        if !result.succeeded {
            log.error("the updater does not put the old version back: \(result.words)")
        }
        switch found?.description {
        case version:
            isInstalling = false
            cannotActivate(exchange)
        // A version that restarts repeatedly without coming up is not started again: we keep serving.
        case let other? where result.succeeded && starts <= 2 * UpdateActivation.mostStarts:
            log.notice("starting version \(other)")
            outlets.startOther()
        case let other:
            log.error("version \(other ?? "none") is in place; hint: put a srup-beacon there that starts")
            let timer = clock.timer { [unowned self] in comeBack(exchange) }
            timer.set(after: UpdateActivation.restorePause)
            again = timer
        }
    }
}
