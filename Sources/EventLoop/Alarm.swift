import BootTime
import CLinux
import Glibc
import Synchronization

/// One alarm on CLOCK_BOOTTIME, which fires on a loop's thread. It needs no descriptor of its own: a process that has none left must
/// still be able to wait, and to try again.
///
/// `@unchecked Sendable`: used on the loop's thread only.
public final class Alarm: @unchecked Sendable {
    private let loop: Loop
    private let number: UInt64

    /// An alarm that is not set. On the loop's thread, or before it runs.
    public init(_ loop: Loop, _ action: @escaping @Sendable () -> Void) {
        self.loop = loop
        number = loop.addAlarm(action)
    }

    deinit { loop.removeAlarm(number) }

    /// Fires once at a moment; nil: not at all. A moment that is past fires at once.
    public func set(at moment: Instant?) { loop.setAlarm(number, at: moment) }

    /// Fires once after a delay.
    public func set(after delay: Duration) { set(at: .now + delay) }
}

/// All alarms of a loop, on one timer of the kernel's.
///
/// `@unchecked Sendable`: the lock is for alarms that are made or released on another thread.
final class AlarmClock: @unchecked Sendable {
    private struct State {
        var last: UInt64 = 0
        var actions: [UInt64: @Sendable () -> Void] = [:]
        var moments: [UInt64: Instant] = [:]
        /// What the kernel's timer is set to.
        var armed: Instant?
    }

    let descriptor: Int32
    private let state = Mutex(State())

    init() {
        descriptor = timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
        precondition(descriptor >= 0, "no descriptor for a loop's alarms: errno \(errno)")
    }

    deinit { close(descriptor) }

    func add(_ action: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLock { state in
            state.last += 1
            state.actions[state.last] = action
            return state.last
        }
    }

    func set(_ number: UInt64, at moment: Instant?) {
        state.withLock { state in
            state.moments[number] = moment
            arm(&state)
        }
    }

    func remove(_ number: UInt64) {
        // Released after the lock: what the action holds may be another alarm.
        let action = state.withLock { state in
            state.moments[number] = nil
            arm(&state)
            return state.actions.removeValue(forKey: number)
        }
        withExtendedLifetime(action) {}
    }

    /// Calls what is due, in the order of the moments. On the loop's thread. What an action sets to a moment that has passed has its turn
    /// in the next round, so that it does not keep the loop from the rest.
    func fire() {
        var count: UInt64 = 0
        read(descriptor, &count, 8)
        let now = Instant.now
        let due = state.withLock { state in
            state.armed = nil
            return state.moments.filter { $0.value <= now }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        }
        for (number, moment) in due {
            // An action before this one may have set it again, or released it.
            let action = state.withLock { state in
                guard state.moments[number] == moment else { return nil as (@Sendable () -> Void)? }
                state.moments[number] = nil
                return state.actions[number]
            }
            action?()
        }
        state.withLock { arm(&$0) }
    }

    /// Sets the kernel's timer to the first moment.
    private func arm(_ state: inout State) {
        let first = state.moments.values.min()
        guard first != state.armed else { return }
        state.armed = first
        var setting = itimerspec()
        if let first {
            let (seconds, nanoseconds) = max(first.nanoseconds, 1).quotientAndRemainder(dividingBy: 1_000_000_000)
            setting.it_value = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))  // zero would disarm it
        }
        timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }
}
