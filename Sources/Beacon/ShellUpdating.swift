import Glibc
import Links
import Observing
import SRUP

/// What the shell holds of an update.
struct Updating {
    /// Counts up with each order: what an earlier one's child says is not listened to any more.
    var order = 0
    /// The child that fetches.
    var fetcher: pid_t?
    /// The updater is at work.
    var isInstalling = false
    /// Our version is the one that was ordered: once a broker has us, it has come up.
    var comingUp: (exchange: Exchange, deadline: Alarm)?
}

// Update over SRUP (§3.2): the fetching and the updater are children; what they come to is the observer's.
extension Shell {
    /// Starts of a new version that does not come up before the old one is put back.
    private static let mostStarts = 3
    /// How long a new version may take to reach a broker before the old one is put back.
    private static let comeUpLimit = Duration.seconds(600)

    // MARK: - The file

    func fetch(_ update: Update) {
        giveUpFetching()
        let (file, loop, order) = (configurationFile, loop, updating.order)
        let arguments = [
            "fetch", "--config", file, "--url", update.order.url, "--digest", hexadecimal(update.order.digest),
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
        if let child = updating.fetcher { kill(-child, SIGKILL) }
        updating.fetcher = nil
    }

    func discardUpdate() {
        giveUpFetching()
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
        let activation = Activation(
            updater: Updater(path: path), folder: UpdateFolder(in: configuration.stateFolder), version: version,
            digest: update.order.digest, allowsOlder: settings.allowsOlder, configuration: file)
        updating.isInstalling = true
        log.notice("activating version \(version) for \(update.exchange.server)")
        startThread("updater") {
            let fault = activation.perform()
            loop.perform { self.assumeIsolated { $0.installEnded(fault, update.exchange) } }
        }
    }

    private func installEnded(_ fault: String?, _ exchange: Exchange) {
        updating.isInstalling = false
        if let fault {
            log.error("the update cannot be activated: \(fault)")
            return cannotActivate(exchange)
        }
        log.notice("the new version is in place: starting it")
        startAnew()
    }

    /// The journal may fail just then: the activation is looked into again when it is back.
    private func cannotActivate(_ exchange: Exchange) {
        if handle(.activated(exchange, done: false)) { UpdateFolder(in: configuration.stateFolder).clear() }
    }

    private func startAnew() {
        startsAnew.store(true, ordering: .relaxed)
        stop()
    }

    /// We were started in the midst of an activation: ours is the ordered version, or the old one has come back.
    func confirm(_ update: Update) {
        guard !updating.isInstalling, case .activating(let version) = update.phase else { return }
        guard version == Shell.version else {
            log.warning("version \(version) was to be activated, and \(Shell.version) has come back")
            return comeBack(update.exchange)
        }
        guard let starts = try? journal?.countStartOfUpdate(), starts <= Shell.mostStarts else {
            log.error("version \(version) has not come up: putting the old one back")
            return comeBack(update.exchange)
        }
        let deadline = Alarm(loop) { [unowned self] in assumeIsolated { $0.hasNotComeUp() } }
        deadline.set(after: Shell.comeUpLimit)
        updating.comingUp = (update.exchange, deadline)
        if case .connected = brokerState { versionHasComeUp() }
    }

    /// A broker has us: who ordered it may be told, once the updater has let the old version go. After that there is nothing
    /// to come back to.
    func versionHasComeUp() {
        guard let exchange = updating.comingUp?.exchange else { return }
        updating.comingUp = nil
        log.notice("version \(Shell.version) has come up")
        guard let path = configuration.updates.updater else { return hasComeUp(exchange) }
        let loop = loop
        updating.isInstalling = true
        startThread("updater") {
            Checkpoint.pass()
            let result = Updater(path: path).done()
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

    /// The updater puts back what was there, if it has changed anything. Where that is another version than ours, it is
    /// started; else the server is told.
    private func comeBack(_ exchange: Exchange) {
        guard let path = configuration.updates.updater else { return cannotActivate(exchange) }
        let loop = loop
        updating.isInstalling = true
        startThread("updater") {
            let result = Updater(path: path).restore()
            let version = ProgramFile.version
            loop.perform { self.assumeIsolated { $0.cameBack(result, version, exchange) } }
        }
    }

    private func cameBack(_ result: ChildProcess.Result, _ version: String?, _ exchange: Exchange) {
        updating.isInstalling = false
        if !result.succeeded { log.error("the updater does not put the old version back: \(result.words)") }
        if let version, version != Shell.version {
            log.notice("starting version \(version) again")
            return startAnew()
        }
        cannotActivate(exchange)
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

/// From ACTIVATE to a new version in its place, which starts and reads our configuration.
struct Activation: Sendable {
    let updater: Updater
    let folder: UpdateFolder
    let version: String
    let digest: [UInt8]
    let allowsOlder: Bool
    let configuration: String

    /// - Returns: why it was not done; the old version is in its place then.
    func perform() -> String? {
        // It has lain on the disk since it was verified, and another version may have been installed since.
        guard folder.holds(digest) else { return "the file is not what was verified" }
        guard allowsOlder || VersionNumber(version).map({ !$0.isOlderThanOurs }) == true else {
            return "version \(version) is older than \(Shell.version), which runs"
        }
        Checkpoint.pass()
        let installed = updater.install(folder.file)
        Checkpoint.pass()
        guard let fault = installed.succeeded ? trial() : "the updater fails: \(installed.words)" else { return nil }
        let restored = updater.restore()
        Checkpoint.pass()
        return restored.succeeded ? fault : "\(fault); and it does not put the old one back: \(restored.words)"
    }

    /// Before the old version ends, the new one shows that it starts and takes our configuration.
    private func trial() -> String? {
        guard let found = ProgramFile.version else { return "what it has put in place does not start" }
        guard found == version else { return "what it has put in place is version \(found)" }
        let check = ChildProcess.run(
            ProgramFile.path, ["run", "--check", "--config", configuration], limit: ProgramFile.patience)
        return check.succeeded ? nil : "the new version does not take our configuration: \(check.words)"
    }
}

/// The program's file as it is on the disk now, which may be another version than the one that runs.
enum ProgramFile {
    static let patience = Duration.seconds(60)

    /// Where it was started from, whatever links lead there: an updater may change a link.
    static let path: String = {
        let name = CommandLine.arguments[0]
        if name.hasPrefix("/") { return name }
        if name.contains("/") {
            let folder = getcwd(nil, 0)
            defer { free(folder) }
            return (folder.map { String(cString: $0) } ?? "") + "/" + name
        }
        let folders = getenv("PATH").map { String(cString: $0) } ?? ""
        let places = folders.split(separator: ":").map { "\($0)/\(name)" }
        return places.first { access($0, X_OK) == 0 } ?? "/proc/self/exe"
    }()

    /// What it says that it is; nil where it does not start.
    static var version: String? {
        let result = ChildProcess.run(path, ["--version"], limit: patience)
        return result.succeeded ? result.lines.first : nil
    }

    /// Becomes the program that is on the disk now: same process, same arguments. Returns only where that fails.
    static func start() {
        let argv: [UnsafeMutablePointer<CChar>?] =
            ([path] + CommandLine.arguments.dropFirst()).map { strdup($0) } + [nil]
        closefrom(3)  // libraries open sockets that they do not close on exec
        execv(path, argv)
    }
}
