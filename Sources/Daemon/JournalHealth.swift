import BootTime
import Observing

/// Whether the journal can be written, and what was found when it was opened: for the log, for `status` and for systemd.
struct JournalHealth {
    /// The journal cannot be written.
    struct Failure: Equatable {
        var message: String
        var isFull: Bool
        /// Seconds since 1970.
        let since: Int64
        fileprivate var lastLogged: Instant
    }

    /// How often the log says that it still cannot be written.
    static let logPause = Duration.seconds(60)
    /// Findings that are kept, the newest.
    static let mostFindings = 10

    /// nil: it can be written.
    private(set) var failure: Failure?
    /// SQLite found the file damaged: it must be set aside at the next opening.
    private(set) var isDamaged = false
    /// Its files were removed or replaced: what is found at the next opening is not all that was.
    private(set) var isReplaced = false
    private(set) var findings: [String] = []

    /// Writing has failed, or still does.
    /// - Parameter wallSeconds: since 1970.
    /// - Returns: whether the caller should log this: the first time, and once a minute.
    mutating func failed(_ cause: Journal.Failure, at now: Instant, wallSeconds: Int64) -> Bool {
        if cause.isDamage { isDamaged = true }
        if cause.isReplacement { isReplaced = true }
        if let failure, now - failure.lastLogged < JournalHealth.logPause { return false }
        failure = Failure(
            message: cause.message, isFull: cause.isFull, since: failure?.since ?? wallSeconds, lastLogged: now)
        return true
    }

    /// The journal is open.
    mutating func recovered() { (failure, isDamaged, isReplaced) = (nil, false, false) }

    /// Adds a finding that the operator should know about, as the newest.
    mutating func found(_ message: String) {
        findings = (findings.filter { $0 != message } + [message]).suffix(JournalHealth.mostFindings)
    }

    /// The finding no longer applies.
    mutating func isOver(_ message: String) { findings.removeAll { $0 == message } }
}
