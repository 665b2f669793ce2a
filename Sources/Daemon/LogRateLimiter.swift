import BootTime
import Observing

/// Limits the log lines of one kind that others can cause: a flood of links or requests must not flood the log.
struct LogRateLimiter {
    static let linesPerSecond = 20
    private var kinds: [String: (second: Int64, written: Int, left: Int)] = [:]
    private var isSummaryDue = false

    /// nil: this line must not be written; otherwise how many were not written since the last one that was.
    mutating func take(_ kind: String, at moment: Instant) -> Int? {
        let second = (moment - .boot).wholeSeconds
        var entry = kinds[kind] ?? (second, 0, 0)
        if entry.second != second { (entry.second, entry.written) = (second, 0) }
        defer { kinds[kind] = entry }
        guard entry.written < LogRateLimiter.linesPerSecond else {
            entry.left += 1
            return nil
        }
        entry.written += 1
        defer { entry.left = 0 }
        return entry.left
    }

    /// Whether the caller must call `sumUp` in a second; true once until that is done.
    mutating func wantsToSumUp() -> Bool {
        defer { isSummaryDue = true }
        return !isSummaryDue
    }

    /// The kinds of which lines were left out, and nothing has been written since, with their numbers: each is reported once.
    /// - Returns: also whether there are kinds that are still being left out.
    mutating func sumUp(at moment: Instant) -> (sums: [(kind: String, count: Int)], isUnderWay: Bool) {
        isSummaryDue = false
        let second = (moment - .boot).wholeSeconds
        let over = kinds.filter { $0.value.left > 0 && $0.value.second != second }
        for kind in over.keys { kinds[kind]?.left = 0 }
        let isUnderWay = kinds.values.contains { $0.left > 0 }
        return (over.map { ($0.key, $0.value.left) }.sorted { $0.kind < $1.kind }, isUnderWay)
    }
}
