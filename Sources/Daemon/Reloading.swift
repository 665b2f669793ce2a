import EventLoop
import OperatorText

/// Reads the configuration and its keys again, on a thread of its own: a key may be in a TPM or a token, which takes seconds, and the loop
/// has devices and servers to serve meanwhile.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class Reloading<Loaded: Sendable>: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// Reads and checks the files. On the other thread.
        /// - Throws: `OperatorError`.
        let load: @Sendable () throws -> Loaded
        /// A reload begins.
        let begins: () -> Void
        /// Takes what has been read, or logs why nothing is taken.
        /// - Returns: what was wrong.
        let take: (Result<Loaded, any Error>) -> (any OperatorError)?
        /// It has ended.
        let ends: () -> Void
    }

    private let background: BackgroundWork
    private let outlets: Outlets
    /// Those who wait for the next one: the one that is under way may have read the files before they were changed.
    private var waiting: [((any OperatorError)?) -> Void] = []
    /// Those who have asked for the one that is under way; nil: none is.
    private var asked: [((any OperatorError)?) -> Void]?

    /// Whether files are being read.
    var isUnderWay: Bool { asked != nil }

    init(background: BackgroundWork, outlets: Outlets) { (self.background, self.outlets) = (background, outlets) }

    /// Begins, or begins again once the one that is under way has ended.
    /// - Parameter then: is told what was wrong.
    func begin(then: @escaping ((any OperatorError)?) -> Void) {
        waiting.append(then)
        if asked == nil { start() }
    }

    private func start() {
        (asked, waiting) = (waiting, [])
        outlets.begins()
        let load = outlets.load
        background.run("reload", { Result { try load() } }) { [weak self] in self?.end($0) }
    }

    private func end(_ result: Result<Loaded, any Error>) {
        let fault = outlets.take(result)
        outlets.ends()
        let told = asked ?? []
        asked = nil
        for one in told { one(fault) }
        if asked == nil, !waiting.isEmpty { start() }
    }
}
