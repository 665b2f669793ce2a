import BootTime
import CLinux
import Glibc
import Synchronization

/// One thread that waits for descriptors and runs what is due: the executor of every actor that is pinned to it.
///
/// `@unchecked Sendable`: `watches` is touched on the loop's thread only, which is checked; the rest is locked or constant.
public final class Loop: SerialExecutor, @unchecked Sendable {
    /// A watched descriptor.
    public struct Watch: Hashable, Sendable { fileprivate let number: UInt64 }

    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    /// The kernel tells what it watches: proc(5), /proc/PID/fdinfo.
    let epoll: Int32
    private let wakeup: Int32
    private let work = Mutex<[Work]>([])
    private let thread = Mutex<pthread_t?>(nil)
    private let stopped = Atomic<Bool>(false)
    private var watches: [UInt64: @Sendable (UInt32) -> Void] = [:]
    private var lastWatch: UInt64 = 0
    private let alarms = AlarmClock()

    /// What epoll tells for the alarms' timer; watches count from 1.
    private static let alarmNumber = UInt64.max

    /// A loop that has not been run yet. It needs three descriptors, and no more for its alarms.
    public init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        precondition(epoll >= 0 && wakeup >= 0, "no descriptors for an event loop: errno \(errno)")
        clinux_epoll_control(epoll, EPOLL_CTL_ADD, wakeup, EPOLLIN.rawValue, 0)
        clinux_epoll_control(epoll, EPOLL_CTL_ADD, alarms.descriptor, EPOLLIN.rawValue, Loop.alarmNumber)
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    /// Runs on the calling thread until `stop()`. It can be run again afterwards.
    public func run() {
        thread.withLock { $0 = pthread_self() }
        defer {
            thread.withLock { $0 = nil }
            stopped.store(false, ordering: .releasing)
        }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while !stopped.load(ordering: .acquiring) {
            let count = epoll_wait(epoll, &events, Int32(events.count), -1)
            precondition(count >= 0 || errno == EINTR, "epoll_wait: errno \(errno)")
            for index in 0..<max(0, Int(count)) {
                let (number, readiness) = (clinux_epoll_data(&events[index]), clinux_epoll_events(&events[index]))
                if number == 0 {
                    clearWakeup()
                } else if number == Loop.alarmNumber {
                    alarms.fire()
                } else {
                    watches[number]?(readiness)
                }
            }
            runWork()
        }
        runWork()
    }

    /// Ends `run()` after the current round. From any thread.
    public func stop() {
        stopped.store(true, ordering: .releasing)
        wake()
    }

    /// Runs a closure on the loop's thread, later. From any thread.
    public func perform(_ closure: @escaping @Sendable () -> Void) { enqueue(.closure(closure)) }

    /// Runs a closure on the loop's thread and waits for its result. From any other thread.
    public func performAndWait<Result: Sendable>(_ closure: @escaping @Sendable () -> Result) -> Result {
        let slot = WaitedFor<Result>()
        perform { slot.set(closure()) }
        return slot.wait()
    }

    /// Calls `action` on the loop's thread whenever the descriptor is ready. On the loop's thread.
    /// - Parameter events: `EPOLLIN`, `EPOLLOUT`; errors and hang-ups always count.
    public func watch(
        _ descriptor: Int32, for events: UInt32 = EPOLLIN.rawValue, _ action: @escaping @Sendable (UInt32) -> Void
    ) -> Watch {
        lastWatch += 1
        let result = clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, events, lastWatch)
        precondition(result == 0, "cannot watch descriptor \(descriptor): errno \(errno)")
        watches[lastWatch] = action
        return Watch(number: lastWatch)
    }

    /// Stops the calls for this descriptor, including those that are due in the current round. Call it before closing the
    /// descriptor.
    public func unwatch(_ watch: Watch, _ descriptor: Int32) {
        watches[watch.number] = nil
        clinux_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    // MARK: - Alarms

    /// A place among the loop's alarms.
    func addAlarm(_ action: @escaping @Sendable () -> Void) -> UInt64 { alarms.add(action) }

    func setAlarm(_ number: UInt64, at moment: Instant?) { alarms.set(number, at: moment) }

    func removeAlarm(_ number: UInt64) { alarms.remove(number) }

    // MARK: - Executor

    /// Takes a job of an actor that is pinned to this loop.
    public func enqueue(_ job: consuming ExecutorJob) { enqueue(.job(UnownedJob(job))) }

    /// Lets actors assert that they run here.
    public func checkIsolated() {
        let here = pthread_self()
        precondition(thread.withLock { $0 == here }, "called off the loop's thread")
    }

    private func enqueue(_ item: Work) {
        work.withLock { $0.append(item) }
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        write(wakeup, &one, 8)
    }

    private func clearWakeup() {
        var count: UInt64 = 0
        read(wakeup, &count, 8)
    }

    private func runWork() {
        let items = work.withLock { items in
            defer { items = [] }
            return items
        }
        for item in items {
            switch item {
            case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
            case .closure(let closure): closure()
            }
        }
    }
}

extension Instant {
    /// This moment.
    public static var now: Instant {
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        return Instant(nanoseconds: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec))
    }
}

/// Starts a thread; it ends when `body` returns.
public func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(
        Box {
            clinux_name_thread(name)
            body()
        })
    let result = pthread_create(
        &thread, nil,
        { raw in
            raw.map { Unmanaged<Box>.fromOpaque($0).takeRetainedValue() }?.body()
            return nil
        }, box.toOpaque())
    precondition(result == 0, "no thread: errno \(result)")
    pthread_detach(thread)
}
