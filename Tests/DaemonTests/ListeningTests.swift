import Foundation
import Glibc
import Observing
import ProofLink
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

@Suite("Whether anything is listened on", .blocking)
struct ListeningTests {
    /// Listening sockets of which those with a fault cannot be made.
    private final class Fixture {
        let loop = Loop()
        let clock = ManualClock()
        var faults: [NearbyAddress: LinkSocketError] = [:]
        var changes = 0
        private(set) var listeners: LinkListeners! = nil

        init(_ wanted: [NearbyAddress]) {
            listeners = LinkListeners(
                wanted.map { .init(address: $0, security: .none) }, loop: loop, clock: clock, log: LogRecorder().logger,
                listen: { [unowned self] wanted throws(LinkSocketError) in
                    if let fault = faults[wanted.address] { throw fault }
                    return socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
                }, changed: { [unowned self] in changes += 1 }, accepted: { accepted, _ in close(accepted.socket) })
        }
    }

    private let one = BluetoothAddress("00:AA:01:00:00:00") ?? .any
    private let two = BluetoothAddress("00:AA:01:00:00:02") ?? .any
    private let inUse = LinkSocketError.failed(call: "bind", errno: EADDRINUSE)

    @Test("LE is listened on at the adapters whose socket is open, and each change is told")
    func perAdapter() {
        let (first, second) = (
            NearbyAddress.le(one, psm: 0xD5, random: false), NearbyAddress.le(two, psm: 0xD5, random: false)
        )
        let fixture = Fixture([first, second, .rfcomm(one, channel: 21)])
        fixture.faults[first] = inUse
        #expect(!fixture.listeners.listensOnLE(at: two))
        fixture.listeners.open()
        #expect(fixture.changes == 1)
        #expect(!fixture.listeners.listensOnLE(at: one) && fixture.listeners.listensOnLE(at: two))
        fixture.clock.advance(by: .seconds(10))
        #expect(fixture.changes == 1)
        fixture.faults = [:]
        fixture.clock.advance(by: .seconds(2))
        #expect(fixture.changes == 2 && fixture.listeners.listensOnLE(at: one))
        fixture.faults[second] = inUse
        fixture.listeners.reopenRadio()
        #expect(fixture.listeners.listensOnLE(at: one) && !fixture.listeners.listensOnLE(at: two))
    }

    @Test("a socket of any adapter is every adapter's, and RFCOMM and L2CAP are not LE")
    func anyAdapter() {
        let fixture = Fixture([.le(.any, psm: 0xD5, random: false)])
        fixture.listeners.open()
        #expect(fixture.listeners.listensOnLE(at: one))
        let others = Fixture([.rfcomm(.any, channel: 21), .l2cap(one, psm: 0x1035), .local(path: "/run/x")])
        others.listeners.open()
        #expect(!others.listeners.listensOnLE(at: one) && others.listeners.listened.count == 3)
    }

    @Test("a listener that fails while it accepts is a change")
    func failsLater() throws {
        let fixture = Fixture([.le(.any, psm: 0xD5, random: false)])
        fixture.listeners.open()
        // A datagram socket cannot accept: it fails as soon as it is readable.
        let socket = try #require(fixture.listeners.listeners[0].socket)
        shutdown(socket, Int32(SHUT_RDWR))
        fixture.loop.turn()
        #expect(fixture.changes == 2 && !fixture.listeners.listensOnLE(at: one))
    }

    private func report(_ states: [StatusReport.ListenerState]) -> ListeningReport {
        ListeningReport(
            of: zip(Transport.allCases, states).map {
                .init(transport: $0, address: "a", state: $1, hint: $1 == .listening ? nil : "try")
            }, [])
    }

    @Test("a beacon that listens on nothing says so, with what to do; one that listens on a part names the rest")
    func reported() {
        #expect(report([.listening, .listening]) == report([.listening]) && report([.listening]).lines.isEmpty)
        let partly = report([.listening, .failed("x"), .closed])
        #expect(partly.state == .partly && partly.lines == ["links: not listening on l2cap, le", "  hint: try"])
        let none = report([.failed("x"), .closed])
        #expect(none.state == .nothing && none.hint == "try")
        #expect(none.lines == ["links: no transport is listened on: no device can prove itself", "  hint: try"])
        #expect(ListeningReport.State.allCases.map(\.rawValue) == ["ok", "partly", "none"])
    }

    @Test("each fault of a socket has a hint for the transport that it is about")
    func hints() {
        for transport in Transport.allCases {
            let faults: [LinkSocketError] = [
                .noBluetooth, .pathTooLong("/p"), .notASocket("/p"), inUse, .failed(call: "bind", errno: EACCES),
                .failed(call: "bind", errno: ENOENT), .failed(call: "socket", errno: EMFILE),
                .failed(call: "listen", errno: EIO),
            ]
            for fault in faults { #expect(!fault.hint(forListeningOn: transport).isEmpty) }
            #expect(inUse.hint(forListeningOn: transport).contains("[link] \(transport.rawValue)"))
        }
        #expect(inUse.hint(forListeningOn: .le).contains("a second beacon"))
    }
}

@Suite("The service record that bluetoothd has", .blocking)
struct ServiceRecordOfferTests {
    /// Used on one thread, except for what is withdrawn.
    private final class Fixture: @unchecked Sendable {
        let loop = Loop()
        var registered: [ServiceRecord] = []
        var withdrawn: [ServiceRecord] = []
        var held: [@Sendable () -> Void] = []
        private(set) lazy var offer = ServiceRecordOffer(
            background: BackgroundWork(loop: loop) { [unowned self] _, work in held.append(work) }
        ) { [unowned self] record in
            registered.append(record)
            return { [unowned self] in withdrawn.append(record) }
        }

        /// The background does what it was given.
        func work() {
            for one in held { one() }
            held = []
            loop.turn()
        }
    }

    private let rfcomm = ServiceRecord(rfcommChannel: 21, l2capPSM: nil)
    private let both = ServiceRecord(rfcommChannel: 21, l2capPSM: 0x1035)

    @Test("is that of the transports that are listened on, and is withdrawn before another one is registered")
    func follows() throws {
        let fixture = Fixture()
        fixture.offer.offer(nil)
        fixture.offer.offer(rfcomm)
        fixture.offer.offer(rfcomm)
        #expect(fixture.registered == [rfcomm] && fixture.held.isEmpty)
        fixture.offer.offer(both)
        fixture.offer.offer(rfcomm)
        fixture.offer.offer(both)
        #expect(fixture.registered == [rfcomm] && fixture.held.count == 1 && fixture.offer.withdraw == nil)
        fixture.work()
        #expect(fixture.withdrawn == [rfcomm] && fixture.registered == [rfcomm, both])
        fixture.offer.offer(nil)
        fixture.work()
        #expect(fixture.withdrawn == [rfcomm, both] && fixture.registered.count == 2 && fixture.offer.withdraw == nil)
    }
}
