import BootTime
import EventLoop
import Files
import OperatorText

/// The operator's program that has the broker read a new revocation list (`registry run --on-list`). It is called with two
/// arguments, the path of the list and the registry's folder, without a shell.
public struct ListProgram: Sendable {
    private let path: String
    private let folder: String

    /// Seconds that a call may take; then it is killed, with what it has started.
    static let limit = Duration.seconds(60)

    /// - Throws: `OperatorFault` if it is not a program, or if others can change it.
    public init(_ path: String, folder: RegistryFolder) throws(OperatorFault) {
        (self.path, self.folder) = (path, folder.path)
        try check()
    }

    private func check() throws(OperatorFault) {
        guard path.hasPrefix("/") else {
            throw OperatorFault(
                "the program \(path) is not named by an absolute path",
                hint: "give its path: --on-list /etc/srup-on-list")
        }
        try FileTrust.checkProgram(path, as: "the program", otherwise: "correct the path: --on-list FILE")
    }

    /// Calls it, and blocks until it has ended.
    /// - Returns: why it has failed, and what to do; nil if it has ended with status 0.
    public func take(_ list: RegistryList) -> OperatorFault? {
        // Checked at each call: it may have been changed since the start.
        do throws(OperatorFault) { try check() } catch { return error }
        let result = ChildProcess.run(path, [list.file, folder], limit: ListProgram.limit)
        guard !result.succeeded else { return nil }
        return OperatorFault(
            "\(path) has not taken revocation list \(list.number): \(result.words)",
            hint: "run it by hand, and fix what it reports: \(path) \(list.file) \(folder)")
    }
}

/// When the program is called: once for each list, and again after a failure, with growing pauses.
public struct ListSchedule: Sendable {
    /// The number of the last list that the program has taken; nil after a start, since a restarted broker may have an older one.
    private var taken: Int64?
    /// The number of the last list that it was called for: a new one does not wait for the pause of an older one.
    private var tried: Int64?
    private var failures = 0
    private var next: Instant?

    /// The pause after the first failure, doubled after each one, and the longest.
    static let (initialPause, maximumPause) = (Duration.seconds(60), Duration.seconds(3_600))

    /// Before the first call.
    public init() {}

    /// Whether the program must be called for this list now.
    public func isDue(_ list: RegistryList, at now: Instant) -> Bool {
        list.number != taken && (list.number != tried || next.map { now >= $0 } ?? true)
    }

    /// Whether the program has taken this list.
    public func hasTaken(_ list: RegistryList) -> Bool { list.number == taken }

    /// A call has ended.
    /// - Returns: the pause before the next call, if it has failed.
    public mutating func ended(_ list: RegistryList, succeeded: Bool, at now: Instant) -> Duration? {
        tried = list.number
        guard !succeeded else {
            (taken, failures, next) = (list.number, 0, nil)
            return nil
        }
        let pause = min(ListSchedule.initialPause * (1 << min(failures, 10)), ListSchedule.maximumPause)
        (failures, next) = (failures + 1, now + pause)
        return pause
    }
}
