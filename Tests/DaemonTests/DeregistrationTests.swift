import Files
import Glibc
import Testing
import TestVectors

@testable import Daemon

@Suite("Deregistration")
struct DeregistrationTests {
    private final class Fixture {
        let clock = ManualClock()
        let log = LogRecorder()
        var outbox: Int? = 1
        var done: [String] = []
        /// Why the note cannot be written, and how often that was tried.
        var (noteFault, notes) = (FileError?.none, 0)
        private(set) lazy var deregistration = Deregistration(
            clock: clock, log: log.logger,
            outlets: .init(
                outboxCount: { [unowned self] in outbox },
                note: { [unowned self] _ in
                    notes += 1
                    return noteFault
                },
                destroy: { [unowned self] in
                    done.append("destroy \($0)")
                    return true
                },
                stop: { [unowned self] in done.append("stop") }, wallSeconds: { 0 }))
    }

    private let fixture = Fixture()
    private var end: [String] { ["destroy by \(server) at 1970-01-01T00:00:00Z", "stop"] }

    @Test("destroys the keys as soon as the broker has everything, and then stops, once")
    func allHasLeft() {
        fixture.deregistration.begin(by: server)
        fixture.deregistration.finishIfAllHasLeft()
        #expect(fixture.done == [])
        fixture.outbox = 0
        fixture.deregistration.finishIfAllHasLeft()
        #expect(fixture.done == end)
        fixture.deregistration.finishIfAllHasLeft()
        fixture.clock.advance(by: .seconds(60))
        #expect(fixture.done == end)
        #expect(
            fixture.log.texts == [
                "server \(server) has taken this beacon out of the system: its keys are destroyed now",
                "deregistered: the keys are destroyed",
            ])
    }

    @Test("waits half a minute for the broker, and no longer", arguments: [1, nil])
    func timeIsUp(outbox: Int?) {
        fixture.outbox = outbox
        fixture.deregistration.begin(by: server)
        fixture.clock.advance(by: .seconds(20))
        fixture.deregistration.begin(by: otherServer)
        fixture.clock.advance(by: .milliseconds(9_999))
        #expect(fixture.done == [])
        fixture.clock.advance(by: .milliseconds(1))
        #expect(fixture.done == end, "the second order changes nothing")
    }

    @Test(
        "that cannot be noted destroys nothing and is tried again, and after a minute ends the identity without the note"
    )
    func notNoted() {
        (fixture.outbox, fixture.noteFault) = (0, .system(EROFS))
        fixture.deregistration.begin(by: server)
        fixture.clock.advance(by: .seconds(59))
        #expect(fixture.done == [] && fixture.notes == 60)
        #expect(fixture.log.texts.count { $0.contains("cannot be noted: Read-only file system; hint: ") } == 1)
        fixture.clock.advance(by: .seconds(1))
        #expect(fixture.done == end)
        fixture.clock.advance(by: .seconds(60))
        #expect(fixture.notes == 61)
    }

    @Test("that can be noted after a while destroys the keys then")
    func notedLater() {
        (fixture.outbox, fixture.noteFault) = (0, .system(ENOSPC))
        fixture.deregistration.begin(by: server)
        fixture.noteFault = nil
        fixture.clock.advance(by: .seconds(1))
        #expect(fixture.done == end && fixture.notes == 2)
    }

    @Test("does not wait if the outbox is empty, and does nothing without a server's order")
    func nothingToLeave() {
        fixture.outbox = 0
        fixture.deregistration.finishIfAllHasLeft()
        #expect(fixture.done == [])
        fixture.deregistration.begin(by: server)
        #expect(fixture.done == end)
    }
}
