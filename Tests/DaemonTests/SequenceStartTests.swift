import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("Where sequence ids begin")
struct SequenceStartTests {
    private final class World {
        let clock = ManualClock()
        let log = LogRecorder()
        var wall = WallClock.newYear
        var certificateFrom: Int64?
        var looks = 0
        var findings: [String] = []
        private(set) lazy var starts = SequenceStarts(
            clock: clock, log: log.logger,
            outlets: SequenceStarts.Outlets(
                wall: { [unowned self] in wall }, certificateFrom: { [unowned self] in certificateFrom },
                again: { [unowned self] in looks += 1 },
                found: { [unowned self] in findings.append($0) },
                isOver: { [unowned self] text in findings.removeAll { $0 == text } }))
    }

    private let world = World()

    @Test("is the clock for each server without an id, and that is said")
    func begun() {
        let starts = world.starts.begin([server, otherServer])
        #expect(
            starts == [
                server: SequenceID(UInt64(WallClock.newYear)), otherServer: SequenceID(UInt64(WallClock.newYear)),
            ])
        #expect(world.starts.awaited.isEmpty && world.log.texts.count == 1)
        #expect(world.starts.begin([]).isEmpty && world.log.texts.count == 1, "nothing is said where all are known")
    }

    @Test("is waited for while the clock is wrong: said once, with what to do, and looked at again every ten seconds")
    func waits() {
        world.wall = 5_000_000
        for _ in 0..<3 { #expect(world.starts.begin([server]).isEmpty) }
        #expect(world.starts.awaited == [server] && world.findings == [SequenceStarts.finding])
        #expect(world.log.take().count == 1)
        world.clock.advance(by: .seconds(10))
        #expect(world.looks == 1)
        _ = world.starts.begin([server])
        world.clock.advance(by: .seconds(10))
        #expect(world.looks == 2)
        world.wall = WallClock.newYear
        #expect(world.starts.begin([server]).count == 1)
        #expect(world.starts.awaited.isEmpty && world.findings.isEmpty)
        world.clock.advance(by: .seconds(100))
        #expect(world.looks == 2)
    }

    @Test("is no longer waited for once the operator has given a floor")
    func floor() {
        world.certificateFrom = WallClock.newYear / 1_000_000 + 1
        _ = world.starts.begin([server])
        #expect(world.starts.begin([]).isEmpty)
        #expect(world.starts.awaited.isEmpty && world.findings.isEmpty)
        world.clock.advance(by: .seconds(100))
        #expect(world.looks == 0)
    }
}
