import Glibc
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

@Suite("The end of a link in the log", .blocking)
struct LinkEndTests {
    private static let adapter = BluetoothAddress("00:AA:01:00:00:00") ?? .any

    /// Links whose events go to an observer, whose reports are logged.
    private final class Fixture {
        let loop = Loop()
        let clock = ManualClock()
        let log = LogRecorder()
        var canRecord = true
        private(set) lazy var events = EventLog(log.logger, clock: clock)
        private lazy var reports = Reports(events, clock: clock) { _ in true }
        private var observer = Observer(
            identity: us, policy: Policy(), unseal: { _ in .failure(.seal) }, authenticate: { _, _ in [] })
        private(set) lazy var links = DeviceLinks(
            loop: loop, clock: clock, events: events,
            outlets: DeviceLinks.Outlets(
                deliver: { [unowned self] events, _ in events.forEach(handle) },
                canRecord: { [unowned self] in canRecord }, carried: { _ in }, measureSignal: { _, _, _ in false },
                refuse: { _, _ in }))
        private var ends: [Int32] = []

        deinit { for end in ends { close(end) } }

        func handle(_ event: Event) {
            for effect in observer.handle(event, at: clock.now) {
                switch effect {
                case .tell(let link, let frame): if let event = links.tell(link, frame) { handle(event) }
                case .close(let link): links.close(link)
                case .report(let report): reports.report(report)
                default: Issue.record("\(effect)")
                }
            }
        }

        func connect(over adapter: BluetoothAddress? = nil) throws -> Int32 {
            var pair: [Int32] = [0, 0]
            try #require(
                socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &pair) == 0)
            ends.append(pair[1])
            let radio = adapter.map { _ in RadioAddress(BluetoothAddress("66:55:44:33:22:11") ?? .any, .classic) }
            links.take(
                LinkSocket.Accepted(
                    socket: pair[0], peer: "a device", radioPeer: radio, adapter: adapter, security: nil),
                adapter == nil ? .local : .rfcomm)
            return pair[1]
        }

        func hangUp(_ end: Int32) {
            ends.removeAll { $0 == end }
            close(end)
        }

        /// The lines about ends, and that each has its link.
        var ended: [String] {
            let lines = log.lines.filter { $0.fields["event"] == "ended" }
            #expect(lines.allSatisfy { $0.fields["link"] == "1" && $0.fields["peer"] == "a device" })
            return lines.map(\.text)
        }
    }

    private let fixture = Fixture()

    @Test("a device that closes its link, named or not")
    func byDevice() throws {
        let end = try fixture.connect()
        let ready = LinkFrame.ready(mode: .challenge, device: device).encoded
        #expect(send(end, ready, ready.count, 0) == ready.count)
        fixture.loop.turn()
        fixture.hangUp(end)
        fixture.loop.turn()
        #expect(
            fixture.ended == [
                "link 1: ended without an outcome with local a device as \(device): the device has closed it, or is out of reach"
            ])
    }

    @Test("an adapter that is off or gone")
    func adapterLost() throws {
        _ = try fixture.connect(over: LinkEndTests.adapter)
        fixture.links.closeAll(over: LinkEndTests.adapter)
        #expect(
            fixture.ended == ["link 1: ended without an outcome with rfcomm a device: the adapter is off or gone"])
    }

    @Test("a frame that the device does not take")
    func notTaken() throws {
        let end = try fixture.connect()
        fixture.hangUp(end)
        if let event = fixture.links.tell(LinkID(1), .wait(seconds: 1)) { fixture.handle(event) }
        #expect(
            fixture.ended == ["link 1: ended without an outcome with local a device: the device did not take a frame"])
    }

    @Test("an outcome of the beacon's: once")
    func outcome() throws {
        _ = try fixture.connect()
        fixture.clock.advance(by: .seconds(6))
        fixture.handle(.tick)
        fixture.loop.turn()
        #expect(fixture.ended == ["link 1: ended unknown with local a device"])
    }

    @Test("a journal that cannot be written, before and after the connection")
    func notRecorded() throws {
        _ = try fixture.connect()
        fixture.links.closeUnrecorded()
        #expect(
            fixture.ended == ["link 1: ended without an outcome with local a device: nothing can be recorded now"])
        let other = Fixture()
        other.canRecord = false
        _ = try other.connect()
        #expect(other.ended == ["link 1: ended busy with local a device"])
    }

    @Test("a beacon that stops")
    func stopping() throws {
        _ = try fixture.connect()
        fixture.links.sendAway()
        #expect(fixture.ended == ["link 1: ended busy with local a device"])
    }
}
