import CLinux
import EventLoop
import Glibc
import Synchronization
import TestVectors
import Testing

@testable import Daemon

@Suite("The end of the daemon")
struct StoppingTests {
    private final class Counter: Sendable { let count = Mutex(0) }

    private final class World {
        let work = HeldWork()
        let log = LogRecorder()
        let disconnects = Counter()
        var disconnected: Int { disconnects.count.withLock { $0 } }
        var done: [String] = []
        private(set) lazy var stopping = Stopping(
            log: log.logger, background: work.background,
            outlets: Stopping.Outlets(
                reload: { [unowned self] in done.append("reload") },
                leave: { [unowned self] isRestart in done.append(isRestart ? "leave to restart" : "leave") },
                disconnect: { [disconnects] in { disconnects.count.withLock { $0 += 1 } } }))
        private let ends: (reading: Int32, writing: Int32)

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
            self.ends = (ends[0], ends[1])
        }

        deinit {
            close(ends.reading)
            close(ends.writing)
        }

        func follow() { stopping.follow(signals: ends.reading) }

        /// As signalfd(2) tells them, all at once.
        func send(_ signals: Int32...) {
            for signal in signals {
                var info = signalfd_siginfo()
                info.ssi_signo = UInt32(signal)
                #expect(write(ends.writing, &info, MemoryLayout<signalfd_siginfo>.size) > 0)
            }
            work.loop.turn()
        }
    }

    @Test("SIGHUP reloads, each time; SIGTERM and SIGINT stop, once", arguments: [SIGTERM, SIGINT])
    func signals(stop: Int32) throws {
        let world = try World()
        world.follow()
        world.send(SIGHUP)
        world.send(SIGHUP, SIGHUP)
        #expect(world.done == ["reload", "reload", "reload"] && !world.stopping.isStopping)
        world.send(stop)
        world.send(stop)
        #expect(world.done.suffix(2) == ["reload", "leave"] && world.stopping.isStopping)
        #expect(world.log.texts == ["stopping"] && world.work.count == 1)
    }

    @Test("devices go first; the broker is left on another thread, and only then the loop ends")
    func order() throws {
        let world = try World()
        world.stopping.stop()
        #expect(world.done == ["leave"] && world.disconnected == 0, "the loop may still be needed")
        world.work.work()
        #expect(world.disconnected == 1)
        world.work.loop.run()  // returns, since it has been stopped
        #expect(!world.stopping.startsAgain)
    }

    @Test("another version starts in this process, unless a stop is or gets requested")
    func restart() throws {
        let world = try World()
        world.stopping.stop(startingAgain: true)
        #expect(world.stopping.startsAgain && world.done == ["leave to restart"])
        world.stopping.stop()
        #expect(!world.stopping.startsAgain && world.done.count == 1, "somebody wants it to end")
        world.stopping.stop(startingAgain: true)
        #expect(!world.stopping.startsAgain && world.work.count == 1)
    }
}
