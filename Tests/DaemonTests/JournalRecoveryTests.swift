import OperatorText
import SQLite
import TestVectors
import Testing

@testable import Daemon

@Suite("A journal that cannot be written")
struct JournalRecoveryTests {
    private final class World {
        let clock = ManualClock()
        let log = LogRecorder()
        /// What an attempt to open it comes to.
        var open: () throws -> Bool = { true }
        var (attempts, changes, recoveries) = (0, 0, 0)
        private(set) lazy var recovery: JournalRecovery = JournalRecovery(
            "/state", clock: clock, log: log.logger,
            outlets: JournalRecovery.Outlets(
                open: { [unowned self] in
                    attempts += 1
                    let isOpen = try open()
                    if isOpen { recovery.health.recovered() }
                    return isOpen
                },
                changed: { [unowned self] in changes += 1 }, recovered: { [unowned self] in recoveries += 1 },
                wallSeconds: { 1_000 }))
    }

    private let world = World()
    private let fault = Journal.Failure.database(DatabaseError(code: 10, words: "disk I/O error"))
    private let full = Journal.Failure.database(DatabaseError(code: 13, words: "full"))

    @Test("is tried again each second until it can be, and then no more")
    func again() {
        world.open = { [fault] in throw fault }
        world.recovery.begin(after: fault)
        world.clock.advance(by: .milliseconds(999))
        #expect(world.attempts == 0 && world.changes == 1)
        world.clock.advance(by: .milliseconds(4_001))
        #expect(world.attempts == 5 && world.recoveries == 0 && world.recovery.health.failure?.since == 1_000)
        world.open = { true }
        world.clock.advance(by: .seconds(100))
        #expect(world.attempts == 6 && world.recoveries == 1 && world.recovery.health.failure == nil)
        #expect(world.changes == 7, "the service manager hears of each")
        #expect(world.log.texts.last == "the journal can be written again")
    }

    @Test("is told to the operator at once, and then once a minute, with what to do")
    func lines() {
        world.open = { [full] in throw full }
        world.recovery.begin(after: full)
        world.clock.advance(by: .seconds(150))
        let hint = "; nothing is acted on until it can; hint: free space in /state"
        #expect(world.log.take() == Array(repeating: full.message + hint, count: 3))
        world.recovery.health.recovered()
        world.recovery.begin(after: fault)
        #expect(world.log.texts.last?.hasSuffix("hint: check that /state is on a disk that can be written") == true)
    }

    @Test("and fails again at the first write is not told to be recovered")
    func firstWrite() {
        world.open = { [world, full] in
            world.recovery.health.recovered()
            world.recovery.begin(after: full)
            return false
        }
        world.recovery.begin(after: full)
        world.clock.advance(by: .seconds(3))
        #expect(world.attempts == 3 && world.recoveries == 0)
    }

    @Test("and needs a person is tried again once a minute")
    func person() {
        world.open = { throw OperatorFault("no sequence ids are known", hint: "set sequence-floor") }
        world.recovery.begin(after: fault)
        world.clock.advance(by: .seconds(1))
        #expect(world.log.texts.last == "no sequence ids are known; hint: set sequence-floor")
        world.clock.advance(by: .milliseconds(59_999))
        #expect(world.attempts == 1)
        world.clock.advance(by: .milliseconds(1))
        #expect(world.attempts == 2)
    }
}
