import BootTime
import EventLoop
import Observing

/// The time, and timers that fire later: the boot clock on a loop, or in a test a clock that the test sets.
///
/// A component of the shell reads no other clock for what it decides. Used on the loop's thread only.
protocol LoopClock: Sendable {
    var now: Instant { get }

    /// A timer that is not set.
    /// - Parameter action: called on the loop's thread.
    func timer(_ action: @escaping @Sendable () -> Void) -> any LoopTimer
}

/// Fires once at the moment to which it was last set, and not after it has been released.
protocol LoopTimer: AnyObject, Sendable {
    /// nil: it does not fire. A moment that has passed: it fires at once.
    func set(at moment: Instant?)
    func set(after delay: Duration)
}

/// CLOCK_BOOTTIME, with timers on a loop.
struct BootClock: LoopClock {
    let loop: Loop

    var now: Instant { .now }

    func timer(_ action: @escaping @Sendable () -> Void) -> any LoopTimer { Alarm(loop, action) }
}

extension Alarm: LoopTimer {}
