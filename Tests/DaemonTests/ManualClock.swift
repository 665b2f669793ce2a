import BootTime
import EventLoop
import Observing
import Synchronization

@testable import Daemon

/// A clock that stands still until a test advances it.
final class ManualClock: LoopClock {
    private struct State {
        var now = Instant(nanoseconds: 1_000_000_000_000)
        var timers: [Weakly<ManualTimer>] = []
    }
    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }

    func timer(_ action: @escaping @Sendable () -> Void) -> any LoopTimer {
        let timer = ManualTimer(self, action)
        state.withLock { $0.timers.append(Weakly(timer)) }
        return timer
    }

    /// Advances it; each timer fires when it is due, in order.
    func advance(by delay: Duration) {
        let end = now + delay
        while let (timer, moment) = nextTimer(until: end) {
            state.withLock { $0.now = max($0.now, moment) }
            timer.fire()
        }
        state.withLock { $0.now = end }
    }

    /// Advances it while the loop is busy: timers that become due fire only at the next advance.
    func jump(by delay: Duration) { state.withLock { $0.now = $0.now + delay } }

    private func nextTimer(until end: Instant) -> (ManualTimer, Instant)? {
        let timers = state.withLock { state in
            state.timers.removeAll { $0.value == nil }
            return state.timers.compactMap(\.value)
        }
        return timers.compactMap { timer in timer.moment.map { (timer, $0) } }.filter { $0.1 <= end }
            .min { $0.1 < $1.1 }
    }
}

private struct Weakly<Value: AnyObject & Sendable>: Sendable {
    weak var value: Value?
    init(_ value: Value) { self.value = value }
}

private final class ManualTimer: LoopTimer {
    private let clock: ManualClock
    private let action: @Sendable () -> Void
    private let due = Mutex<Instant?>(nil)

    init(_ clock: ManualClock, _ action: @escaping @Sendable () -> Void) { (self.clock, self.action) = (clock, action) }

    var moment: Instant? { due.withLock { $0 } }

    func set(at moment: Instant?) { due.withLock { $0 = moment } }
    func set(after delay: Duration) { set(at: clock.now + delay) }

    func fire() {
        due.withLock { $0 = nil }
        action()
    }
}

extension Loop {
    /// Handles whatever is ready and due now, on the calling thread, and returns.
    func turn() {
        perform { self.stop() }
        run()
    }
}
