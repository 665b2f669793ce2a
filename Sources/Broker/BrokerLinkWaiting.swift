import BootTime
import EventLoop
import Glibc
import Synchronization

// The pauses between attempts: on the link's thread.
extension BrokerLink {
    /// Full jitter: any time up to the bound, which doubles with each failed round.
    func wait(_ round: Int) {
        let bound = min(settings.initialRetry * (1 << min(round, 16)), settings.maximumRetry)
        let deadline = Instant.now + .milliseconds(Int64.random(in: 0...max(1, bound.wholeMilliseconds)))
        // Checked before the waiting too: the wakeup may have been consumed already.
        while .now < deadline, !isHurriedOrStopping() {
            var one = pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0)
            let left = max(1, (deadline - .now).wholeMilliseconds)
            if poll(&one, 1, Int32(left)) > 0 { clearWakeup() }
        }
    }

    private func isHurriedOrStopping() -> Bool {
        shared.withLock { shared in
            defer { shared.hurry = false }
            return shared.hurry || shared.stopping
        }
    }
}
