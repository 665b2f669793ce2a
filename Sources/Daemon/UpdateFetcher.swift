import EventLoop
import Glibc
import Logging
import Observing
import OperatorText
import SRUP

/// Fetching an update's file (§3.2): a child process does it, one at a time; its result goes to the observer.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class UpdateFetcher: @unchecked Sendable {
    /// The process that does the work.
    struct Child: Sendable {
        /// Fetches a file, and blocks until that has ended: arguments, standard input, time limit, and who is told the child's process
        /// id.
        var run: @Sendable ([String], String, Duration, (pid_t) -> Void) -> ChildProcess.Result = {
            ChildProcess.run(ChildProcess.ourselves, $0, input: Array($1.utf8), limit: $2, started: $3)
        }
        /// Ends it, with its group.
        var end: @Sendable (pid_t) -> Void = { kill(-$0, SIGKILL) }
    }

    private let folder: UpdateFolder
    private let configurationFile: String
    private let log: Logger
    private let background: BackgroundWork
    private let child: Child
    private let timeLimit: () -> Duration
    private let handle: (Event) -> Void

    /// Counts up with each order: what an earlier one's child says is not listened to any more.
    private var order = 0
    private var running: pid_t?
    /// Whether a child has not been waited for: also one that was ended.
    private var isFetching = false
    /// What is fetched as soon as it has been.
    private var next: Update?
    /// Whether the partial download is removed then.
    private var isDiscarded = false

    /// - Parameters:
    ///   - configurationFile: what the child reads.
    ///   - timeLimit: which the child keeps.
    init(
        _ folder: UpdateFolder, configurationFile: String, log: Logger, background: BackgroundWork,
        child: Child = Child(), timeLimit: @escaping () -> Duration, handle: @escaping (Event) -> Void
    ) {
        (self.folder, self.configurationFile, self.log) = (folder, configurationFile, log)
        (self.background, self.child, self.timeLimit, self.handle) = (
            background, child, timeLimit, handle
        )
    }

    /// A newer order ends the child of the older one, and waits until it is gone: they would write to the same files.
    func fetch(_ update: Update) {
        giveUp()
        guard !isFetching else {
            next = update
            return
        }
        isFetching = true
        // The URL may have a secret in it, and everyone on this machine can read a process's arguments.
        let (arguments, url) = (
            ["fetch", "--config=\(configurationFile)", "--url=-", "--digest", hexadecimal(update.order.digest)],
            update.order.url
        )
        // The child keeps the limit itself; this one is for a child that does not.
        let limit = timeLimit() + Updater.checkLimit + .seconds(60)
        log.info("fetching \(shown(url: url)) for \(update.exchange.server)")
        let (order, loop, child) = (order, background.loop, child)
        let started: @Sendable (pid_t) -> Void = { [weak self] id in self?.started(id, order) }
        background.run("update") {
            child.run(arguments, url, limit) { id in loop.perform { started(id) } }
        } then: { [weak self] in
            self?.ended($0, update.exchange, order)
        }
    }

    private func started(_ id: pid_t, _ order: Int) {
        if order == self.order { running = id } else { child.end(id) }
    }

    /// The child has been waited for.
    private func ended(_ result: ChildProcess.Result, _ exchange: RequestID, _ order: Int) {
        isFetching = false
        if isDiscarded { clear() }
        if let next {
            self.next = nil
            fetch(next)
        }
        guard order == self.order else { return }
        running = nil
        let outcome = result.output.last.flatMap { Fetched(line: $0) }
        let words = ChildProcess.cut(result.lines.filter { Fetched(line: $0) == nil }.joined(separator: "; "))
        if !words.isEmpty { log.notice("update of \(exchange.server): \(words)") }
        if outcome == nil { log.error("fetching an update ended without a result: \(result.words)") }
        handle(.fetched(exchange, outcome ?? .noFile))
    }

    /// The child is killed; the partial download stays, in case the same order is given again.
    func giveUp() {
        order += 1
        next = nil
        if let running { child.end(running) }
        running = nil
    }

    /// The same, and the partial download is removed.
    func discard() {
        giveUp()
        if isFetching { isDiscarded = true } else { clear() }
    }

    private func clear() {
        isDiscarded = false
        folder.clear()
    }

    /// The sender of the order chooses the URL: only its printable ASCII characters are shown.
    private func shown(url: String) -> String {
        readable(withoutSecrets(address: url).utf8, atMost: 200, spaces: false)
    }
}
