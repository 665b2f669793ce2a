import EventLoop
import Files
import Glibc
import Observing
import OperatorText

/// The [update] section of the configuration. Without an updater there are no updates.
public struct UpdateSettings: Equatable, Sendable {
    /// The operator's program that knows what a file is and puts it in place (docs/operations.md, "Updates"); nil: INITIATE
    /// and ACTIVATE are refused.
    public var updater: String?
    /// PEM, the CAs to which the web server's certificate must lead; nil: the system's.
    public var authority: String?
    /// Bytes of a file, at most.
    public var maximumFile: Int64 = 64 << 20
    /// From INITIATE until the download is complete, including all attempts.
    public var timeLimit = Duration.seconds(3_600)
    /// Whether a version that is older than the running one is accepted.
    public var allowsOlder = false

    /// No updates.
    public init() {}
}

/// The operator's program. It is asked with one word, and the file where there is one:
///
///     check FILE CONFIGURATION   which version does it hold, and does it take our configuration? The version is the first line of
///                                standard output; a status other than 0: it is not for here
///     install FILE               put it in place, whole or not at all, and keep what was there
///     restore                    undo an install that is not final; if there is none, change nothing
///     done                       the install is final and will not be undone; if there was none, change nothing
package struct Updater {
    package let path: String
    package let folder: UpdateFolder

    package init(path: String, folder: UpdateFolder) { (self.path, self.folder) = (path, folder) }

    package static let (checkLimit, installLimit) = (Duration.seconds(60), Duration.seconds(600))

    /// Checks that only root and we can have changed or replaced the program.
    /// - Throws: `OperatorFault`.
    package static func examine(_ path: String) throws {
        try FileTrust.checkProgram(path, as: "the updater", otherwise: "correct [update] updater, or set it to off")
    }

    /// The version in a file, if that version accepts the configuration.
    /// - Returns: nil if the updater rejects it, with the reason.
    package func version(of file: String, for configuration: String) -> (version: VersionNumber?, words: String) {
        let result = ChildProcess.run(
            path, ["check", file, configuration], limit: Updater.checkLimit, group: false)
        guard result.succeeded else { return (nil, "the updater does not take the file: \(result.words)") }
        guard let version = result.output.first.flatMap({ VersionNumber($0) }) else {
            return (nil, "the updater does not tell the version of the file: \(result.words)")
        }
        return (version, "it holds version \(version)")
    }

    package func install(_ file: String) -> ChildProcess.Result { change(["install", file]) }
    package func done() -> ChildProcess.Result { change(["done"]) }
    /// Continues without the lock if it cannot be taken: failing to restore the old version would be worse.
    package func restore() -> ChildProcess.Result { change(["restore"], needsLock: false) }

    /// Calls never overlap, even if the daemon that made the earlier call has exited: the lock lasts as long as that call and
    /// whatever it has started.
    private func change(_ words: [String], needsLock: Bool = true) -> ChildProcess.Result {
        do {
            try Updater.examine(path)
        } catch {
            return ChildProcess.Result(status: nil, lines: ["\((error as? any OperatorError)?.message ?? "\(error)")"])
        }
        let lock = folder.lock("updater", timeout: Updater.installLimit)
        guard lock != nil || !needsLock else {
            return ChildProcess.Result(status: nil, lines: ["an earlier call of the updater has not come to its end"])
        }
        defer { if let lock { close(lock) } }
        return ChildProcess.run(path, words, limit: Updater.installLimit, holding: lock)
    }
}
