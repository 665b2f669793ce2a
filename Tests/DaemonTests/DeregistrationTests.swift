import Testing
import TestVectors

@testable import Daemon

@Suite("The end of an identity")
struct DeregistrationTests {
    private final class World {
        let clock = ManualClock()
        let log = LogRecorder()
        var outbox: Int? = 1
        var done: [String] = []
        private(set) lazy var deregistration = Deregistration(
            clock: clock, log: log.logger,
            outlets: .init(
                outboxCount: { [unowned self] in outbox }, destroy: { [unowned self] in done.append("destroy \($0)") },
                stop: { [unowned self] in done.append("stop") }, wallSeconds: { 0 }))
    }

    private let world = World()
    private var end: [String] { ["destroy by \(server) at 1970-01-01T00:00:00Z", "stop"] }

    @Test("destroys the keys as soon as the broker has everything, and then stops, once")
    func allHasLeft() {
        world.deregistration.begin(by: server)
        world.deregistration.finishIfAllHasLeft()
        #expect(world.done == [])
        world.outbox = 0
        world.deregistration.finishIfAllHasLeft()
        #expect(world.done == end)
        world.deregistration.finishIfAllHasLeft()
        world.clock.advance(by: .seconds(60))
        #expect(world.done == end)
        #expect(
            world.log.texts == [
                "server \(server) has taken this beacon out of the system: its keys are destroyed now",
                "deregistered: the keys are destroyed",
            ])
    }

    @Test("waits half a minute for the broker, and no longer", arguments: [1, nil])
    func timeIsUp(outbox: Int?) {
        world.outbox = outbox
        world.deregistration.begin(by: server)
        world.clock.advance(by: .seconds(20))
        world.deregistration.begin(by: otherServer)
        world.clock.advance(by: .milliseconds(9_999))
        #expect(world.done == [])
        world.clock.advance(by: .milliseconds(1))
        #expect(world.done == end, "the second order changes nothing")
    }

    @Test("does not wait where nothing is to leave, and does nothing that no server has ordered")
    func nothingToLeave() {
        world.outbox = 0
        world.deregistration.finishIfAllHasLeft()
        #expect(world.done == [])
        world.deregistration.begin(by: server)
        #expect(world.done == end)
    }
}
