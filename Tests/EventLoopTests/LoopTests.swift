import BootTime
import CLinux
import Glibc
import Synchronization
import TestVectors
import Testing

@testable import EventLoop

/// A loop on its own thread, for the duration of a test.
private final class RunningLoop: Sendable {
    let loop = Loop()

    init() { startThread("test loop") { [loop] in loop.run() } }

    deinit { loop.stop() }

    func here<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result { loop.performAndWait(body) }
}

/// A counter for any thread.
private final class Count: Sendable {
    private let value = Atomic<Int>(0)
    func up() { value.add(1, ordering: .relaxed) }
    var now: Int { value.load(ordering: .relaxed) }

    /// Whether it reaches this value within five seconds.
    func becomes(_ wanted: Int) -> Bool {
        for _ in 0..<2_500 where now < wanted { usleep(2_000) }
        return now == wanted
    }
}

@Suite("The loop", .blocking)
struct LoopTests {
    private func pipe() -> (out: Int32, in: Int32) {
        var ends: [Int32] = [0, 0]
        Glibc.pipe(&ends)
        return (ends[0], ends[1])
    }

    @Test("runs closures in order, on one thread, and returns their results")
    func order() {
        let running = RunningLoop()
        let thread = running.here { UInt(pthread_self()) }
        #expect(thread != UInt(pthread_self()))
        let seen = Mutex<[Int]>([])
        nonisolated(unsafe) let list = UnsafeMutablePointer<[Int]>.allocate(capacity: 1)
        list.initialize(to: [])
        for number in 0..<1_000 { running.loop.perform { list.pointee.append(number) } }
        running.here { seen.withLock { $0 = list.pointee } }
        list.deinitialize(count: 1)
        list.deallocate()
        #expect(seen.withLock { $0 } == Array(0..<1_000))
        #expect(running.here { UInt(pthread_self()) } == thread)
    }

    @Test("many threads can wait for it at once")
    func waiting() {
        let running = RunningLoop()
        let done = Count()
        for number in 0..<8 {
            startThread("waiter") {
                for round in 0..<200 where running.here({ number * round }) == number * round { done.up() }
            }
        }
        #expect(done.becomes(1_600))
    }

    @Test("an actor with this executor runs on its thread")
    func pinned() async {
        actor Pinned {
            let loop: Loop
            nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
            init(_ loop: Loop) { self.loop = loop }
            func thread() -> UInt { UInt(pthread_self()) }
        }
        let running = RunningLoop()
        let thread = running.here { UInt(pthread_self()) }
        #expect(await Pinned(running.loop).thread() == thread)
    }

    @Test("a watched descriptor calls back while it is ready, and never again after an unwatch")
    func watching() {
        let (running, count, (out, into)) = (RunningLoop(), Count(), pipe())
        defer { close(out); close(into) }
        let watch = running.here {
            running.loop.watch(out) { _ in
                var byte: UInt8 = 0
                if read(out, &byte, 1) == 1 { count.up() }
            }
        }
        write(into, "abc", 3)
        #expect(count.becomes(3))
        running.here { running.loop.unwatch(watch, out) }
        write(into, "d", 1)
        usleep(20_000)
        running.here {}
        #expect(count.now == 3)
    }

    @Test("an unwatch inside a callback also applies to events of the same round")
    func unwatchInside() {
        let (running, count) = (RunningLoop(), Count())
        let pipes = [pipe(), pipe()]
        defer { for pipe in pipes { close(pipe.out); close(pipe.in) } }
        let watches = Mutex<[Loop.Watch]>([])
        running.here {
            for pipe in pipes {
                let made = running.loop.watch(pipe.out) { _ in
                    count.up()
                    for (watch, pipe) in zip(watches.withLock { $0 }, pipes) { running.loop.unwatch(watch, pipe.out) }
                }
                watches.withLock { $0.append(made) }
            }
            for pipe in pipes { write(pipe.in, "x", 1) }  // both are ready before the next round
        }
        #expect(count.becomes(1))
        usleep(20_000)
        #expect(count.now == 1)
    }

    @Test("a descriptor that takes the number of a closed one has its own watch")
    func numberAgain() {
        let (running, first, second) = (RunningLoop(), Count(), Count())
        let old = pipe()
        let watch = running.here { running.loop.watch(old.out) { _ in first.up() } }
        running.here {
            running.loop.unwatch(watch, old.out)
            close(old.out)
        }
        close(old.in)
        let new = pipe()
        defer { close(new.out); close(new.in) }
        _ = running.here {
            running.loop.watch(new.out) { _ in
                var byte: UInt8 = 0
                if read(new.out, &byte, 1) == 1 { second.up() }
            }
        }
        write(new.in, "x", 1)
        #expect(second.becomes(1))
        #expect(first.now == 0)
    }

    @Test("after stop() it runs what it was given before, and then ends")
    func stopping() {
        let (loop, count) = (Loop(), Count())
        loop.perform { count.up() }
        loop.stop()
        loop.perform { count.up() }
        loop.run()
        #expect(count.now == 2)
    }
}

@Suite("An alarm", .blocking)
struct AlarmTests {
    @Test("fires once, and not before its time")
    func once() {
        let (running, count) = (RunningLoop(), Count())
        let firedAt = Atomic<Int64>(0)
        let alarm = running.here {
            Alarm(running.loop) {
                firedAt.store(Instant.now.nanoseconds, ordering: .relaxed)
                count.up()
            }
        }
        let moment = Instant.now + .milliseconds(30)
        running.here { alarm.set(at: moment) }
        #expect(count.becomes(1))
        #expect(firedAt.load(ordering: .relaxed) >= moment.nanoseconds)
        usleep(50_000)
        #expect(count.now == 1)
    }

    @Test("fires at once for a moment in the past", arguments: [0, 1, -1, Int64.min, -5_000_000_000])
    func past(moment: Int64) {
        let (running, count) = (RunningLoop(), Count())
        let alarm = running.here { Alarm(running.loop) { count.up() } }
        running.here { alarm.set(at: Instant(nanoseconds: moment)) }
        #expect(count.becomes(1))
        running.here { alarm.set(after: .seconds(-1)) }
        #expect(count.becomes(2))
        running.here { alarm.set(after: .zero) }
        #expect(count.becomes(3))
    }

    @Test("that is set again fires only at the new moment; set to nil, it does not fire")
    func setAgain() {
        let (running, count) = (RunningLoop(), Count())
        let alarm = running.here { Alarm(running.loop) { count.up() } }
        running.here {
            alarm.set(after: .milliseconds(5))
            alarm.set(after: .milliseconds(40))
        }
        usleep(20_000)
        #expect(count.now == 0)
        #expect(count.becomes(1))
        running.here {
            alarm.set(after: .milliseconds(5))
            alarm.set(at: nil)
        }
        usleep(30_000)
        #expect(count.now == 1)
    }

    @Test("does not fire after it was released")
    func gone() {
        let (running, count) = (RunningLoop(), Count())
        running.here {
            let alarm = Alarm(running.loop) { count.up() }
            alarm.set(after: .milliseconds(5))
        }
        usleep(30_000)
        #expect(count.now == 0)
    }
}
