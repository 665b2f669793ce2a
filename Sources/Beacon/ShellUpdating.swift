import EventLoop
import Glibc
import Observing
import SRUP

/// What the shell holds of an update.
struct Updating {
    /// Counts up with each order: what an earlier one's child says is not listened to any more.
    var order = 0
    /// The child that fetches.
    var fetcher: pid_t?
    /// Whether a child that fetches has not been waited for: also one that was ended. There is one at a time.
    var isFetching = false
    /// What is fetched as soon as it has been.
    var next: Update?
    /// Whether what has come is put away then.
    var isDiscarded = false
    /// The updater is at work.
    var isInstalling = false
    /// How often a program was started in the midst of this activation, with this one; 0: not counted yet.
    var starts = 0
    /// The updater is to be asked again to put back what was there.
    var again: Alarm?
    /// Our version is the one that was ordered: once a broker has us, it has come up.
    var comingUp: (exchange: Exchange, deadline: Alarm)?
}

// Update over SRUP (§3.2): the fetching and the updater are children; what they come to is the observer's.
extension Shell {
    /// Starts of a new version that does not come up before the old one is put back.
    private static let mostStarts = 3
    /// How long a new version may take to reach a broker before the old one is put back.
    private static let comeUpLimit = Duration.seconds(600)
    /// Between two attempts to put the old version back.
    private static let restorePause = Duration.seconds(60)

    // MARK: - The file

    /// A newer order ends the child of the older one, and waits until it is gone: they would write to the same files.
    func fetch(_ update: Update) {
        giveUpFetching()
        guard !updating.isFetching else {
            updating.next = update
            return
        }
        updating.isFetching = true
        let (file, loop, order) = (configurationFile, loop, updating.order)
        let arguments = [
            "fetch", "--config=\(file)", "--url=\(update.order.url)", "--digest", hexadecimal(update.order.digest),
        ]
        // The child keeps the limit itself; this one is for a child that does not.
        let limit = configuration.updates.timeLimit + Updater.checkLimit + .seconds(60)
        log.info("fetching \(shown(url: update.order.url)) for \(update.exchange.server)")
        startThread("update") {
            let result = ChildProcess.run(ChildProcess.ourselves, arguments, limit: limit) { child in
                loop.perform { self.assumeIsolated { $0.fetching(child, order) } }
            }
            loop.perform { self.assumeIsolated { $0.fetchEnded(result, update.exchange, order) } }
        }
    }

    private func fetching(_ child: pid_t, _ order: Int) {
        if order == updating.order { updating.fetcher = child } else { kill(-child, SIGKILL) }
    }

    /// The child has been waited for.
    private func fetchEnded(_ result: ChildProcess.Result, _ exchange: Exchange, _ order: Int) {
        updating.isFetching = false
        if updating.isDiscarded { clearUpdate() }
        if let next = updating.next {
            updating.next = nil
            fetch(next)
        }
        guard order == updating.order else { return }
        updating.fetcher = nil
        let outcome = result.lines.last.flatMap { Fetched(line: $0) }
        let words = ChildProcess.cut(result.lines.dropLast(outcome == nil ? 0 : 1).joined(separator: "; "))
        if !words.isEmpty { log.notice("update of \(exchange.server): \(words)") }
        if outcome == nil { log.error("fetching an update ended without a result: \(result.words)") }
        handle(.fetched(exchange, outcome ?? .noFile))
    }

    /// Whoever fetches is ended; what has come stays, for the same order given again.
    func giveUpFetching() {
        updating.order += 1
        updating.next = nil
        if let child = updating.fetcher { kill(-child, SIGKILL) }
        updating.fetcher = nil
    }

    func discardUpdate() {
        giveUpFetching()
        if updating.isFetching { updating.isDiscarded = true } else { clearUpdate() }
    }

    private func clearUpdate() {
        updating.isDiscarded = false
        UpdateFolder(in: configuration.stateFolder).clear()
    }

    /// A URL is chosen by whoever orders: only printable ASCII of it is shown.
    private func shown(url: String) -> String {
        url.utf8.count <= 200 && url.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            ? url : "0x" + hexadecimal(url.utf8.prefix(100))
    }

    // MARK: - Activation

    func install(_ update: Update) {
        guard let path = configuration.updates.updater, case .activating(let version) = update.phase else {
            log.error("an activation without an updater; hint: set [update] updater")
            return cannotActivate(update.exchange)
        }
        let (loop, settings, file) = (loop, configuration.updates, configurationFile)
        let folder = UpdateFolder(in: configuration.stateFolder)
        let deed = Installation(
            updater: Updater(path: path, folder: folder), version: version, digest: update.order.digest,
            allowsOlder: settings.allowsOlder, configuration: file)
        updating.isInstalling = true
        log.notice("activating version \(version) for \(update.exchange.server)")
        startThread("updater") {
            let outcome = deed.perform()
            loop.perform { self.assumeIsolated { $0.installEnded(outcome, update.exchange) } }
        }
    }

    private func installEnded(_ outcome: Installation.Outcome, _ exchange: Exchange) {
        switch outcome {
        case .inPlace:
            log.notice("the new version is in place: starting it")
            // What the journal may ask for until then is the new version's business: we are still installing.
            stop(startingAnew: true)
        case .untouched(let fault):
            updating.isInstalling = false
            log.error("the update cannot be activated: \(fault)")
            cannotActivate(exchange)
        case .failed(let fault):
            log.error("the update cannot be activated: \(fault)")
            comeBack(exchange)
        }
    }

    /// The journal may fail just then: the activation is looked into again when it is back.
    private func cannotActivate(_ exchange: Exchange) {
        if handle(.activated(exchange, done: false)) { UpdateFolder(in: configuration.stateFolder).clear() }
    }

    /// We were started in the midst of an activation: ours is the ordered version, or the old one has come back.
    func confirm(_ update: Update) {
        guard !updating.isInstalling, case .activating(let version) = update.phase else { return }
        // The journal is back, and could not be told meanwhile.
        guard updating.comingUp == nil else { return lookWhetherVersionIsUp() }
        if updating.starts == 0 {
            do {
                updating.starts = try journal?.countStartOfUpdate() ?? 0
            } catch {
                return journalFailed(error)
            }
        }
        guard version == Shell.version else {
            log.warning("version \(version) was to be activated, and \(Shell.version) has come back")
            return comeBack(update.exchange)
        }
        guard updating.starts <= Shell.mostStarts else {
            log.error("version \(version) has not come up: putting the old one back")
            return comeBack(update.exchange)
        }
        let deadline = Alarm(loop) { [unowned self] in assumeIsolated { $0.hasNotComeUp() } }
        deadline.set(after: Shell.comeUpLimit)
        updating.comingUp = (update.exchange, deadline)
        lookWhetherVersionIsUp()
    }

    private func lookWhetherVersionIsUp() {
        if case .connected = brokerState { versionHasComeUp() }
    }

    /// A broker has us: who ordered it may be told, once the updater has let the old version go. After that there is nothing
    /// to come back to.
    func versionHasComeUp() {
        guard let exchange = updating.comingUp?.exchange, journal != nil else { return }
        updating.comingUp = nil
        log.notice("version \(Shell.version) has come up")
        guard let path = configuration.updates.updater else { return hasComeUp(exchange) }
        let (loop, updater) = (loop, Updater(path: path, folder: UpdateFolder(in: configuration.stateFolder)))
        updating.isInstalling = true
        startThread("updater") {
            Checkpoint.pass()
            let result = updater.done()
            Checkpoint.pass()
            loop.perform {
                self.assumeIsolated { shell in
                    if !result.succeeded { shell.log.warning("the updater, told that it is done: \(result.words)") }
                    shell.hasComeUp(exchange)
                }
            }
        }
    }

    private func hasComeUp(_ exchange: Exchange) {
        updating.isInstalling = false
        if handle(.activated(exchange, done: true)) { UpdateFolder(in: configuration.stateFolder).clear() }
    }

    private func hasNotComeUp() {
        guard let exchange = updating.comingUp?.exchange else { return }
        updating.comingUp = nil
        log.error("version \(Shell.version) reaches no broker: putting the old one back")
        comeBack(exchange)
    }

    /// The updater puts back what was there, if it has changed anything. Only once a program is in place again is the server
    /// told, by that program.
    private func comeBack(_ exchange: Exchange) {
        guard let path = configuration.updates.updater else {
            log.error("an activation is to be undone, and there is no updater; hint: set [update] updater")
            return cannotActivate(exchange)
        }
        let (loop, updater) = (loop, Updater(path: path, folder: UpdateFolder(in: configuration.stateFolder)))
        updating.isInstalling = true
        startThread("updater") {
            Checkpoint.pass()
            let result = updater.restore()
            Checkpoint.pass()
            let version = ProgramFile.version
            loop.perform { self.assumeIsolated { $0.cameBack(result, version, exchange) } }
        }
    }

    private func cameBack(_ result: ChildProcess.Result, _ version: VersionNumber?, _ exchange: Exchange) {
        if !result.succeeded { log.error("the updater does not put the old version back: \(result.words)") }
        switch version?.description {
        case Shell.version:
            updating.isInstalling = false
            cannotActivate(exchange)
        // One that starts again and again and never comes up is not worth another start: we serve on.
        case let other? where result.succeeded && updating.starts <= 2 * Shell.mostStarts:
            log.notice("starting version \(other)")
            stop(startingAnew: true)
        case let found:
            log.error("version \(found ?? "none") is in place; hint: put a srup-beacon there that starts")
            let again = Alarm(loop) { [unowned self] in assumeIsolated { $0.comeBack(exchange) } }
            again.set(after: Shell.restorePause)
            updating.again = again
        }
    }
}

extension Update.Phase {
    var words: String {
        switch self {
        case .fetching: "fetching"
        case .fetched(let version): "version \(version) is here and verified; it waits to be activated"
        case .activating(let version): "activating version \(version)"
        case .answered(let status): "\(status)"
        }
    }
}
