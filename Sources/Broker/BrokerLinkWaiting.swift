import BootTime
import EventLoop
import Glibc
import Synchronization

// The pauses between attempts: on the link's thread.
extension BrokerLink {
    /// Waits, unless somebody is in a hurry.
    func wait(_ pause: Duration) {
        let deadline = Instant.now + pause
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
