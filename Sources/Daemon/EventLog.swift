import EventLoop
import Logging

/// The daemon's log: lines that it writes for its own reasons, and lines that others can cause, which are limited.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class EventLog: @unchecked Sendable {
    /// For what no other party can cause again and again.
    let logger: Logger

    private let clock: any LoopClock
    private var limiter = LogRateLimiter()
    private var summary: (any LoopTimer)?

    init(_ logger: Logger, clock: any LoopClock) { (self.logger, self.clock) = (logger, clock) }

    /// A line that another party can cause, a server as well as a stranger: only so many of one kind a second are written.
    func say(_ level: Logger.Level, about kind: String, _ message: String, _ fields: Logger.Metadata = [:]) {
        guard let left = limiter.take(kind, at: clock.now) else { return scheduleSummary() }
        let more = left > 0 ? " (\(left) more like it were not written)" : ""
        logger.log(level: level, "\(message)\(more)", metadata: fields)
    }

    private func scheduleSummary() {
        guard limiter.wantsToSumUp() else { return }
        let timer = summary ?? clock.timer { [unowned self] in sumUp() }
        summary = timer
        timer.set(after: .seconds(1))
    }

    /// How many lines were not written, of kinds of which none has been written since.
    private func sumUp() {
        let (sums, isUnderWay) = limiter.sumUp(at: clock.now)
        for (kind, count) in sums {
            logger.notice(
                "\(count) more lines of the kind \(kind) were not written",
                metadata: .of("left-out", nil, ["kind": kind]))
        }
        if isUnderWay { scheduleSummary() }
    }
}
