import BootTime
import Glibc
import ProofLink
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import EventLoop
@testable import Nearby

@Suite("A device's link to a beacon that does not behave")
struct DeviceLinkTests {
    private struct Told {
        var lines = 0
        var frames = 0
        var ended: LinkPlan.Ended?
    }

    /// A device on a loop that the test turns, with a clock that the test sets, and the beacon's end of its link.
    private final class Device {
        let loop = Loop()
        let clock = ManualClock()
        let beacon: Int32
        private let link: DeviceLink
        private let shared = Shared()

        private final class Shared: Sendable { let told = Mutex(Told()) }

        /// A device that has begun to connect.
        init(_ folder: TemporaryFolder) throws {
            let address = NearbyAddress.local(path: folder.path("link"))
            let listener = try LinkSocket.listen(on: address)
            defer { close(listener) }
            let parties = DeviceSession.Parties(
                device: Identifier(1), server: Identifier(3), beacon: nil, transport: .local, modes: [.challenge])
            let value = try #require(Secret([UInt8](repeating: 9, count: Secret.length)[...]))
            let session = DeviceSession(parties, deviceNonce: [UInt8](repeating: 7, count: 32), value: value) { _, _ in
                [UInt8](repeating: 0, count: 32)
            }
            link = DeviceLink(loop, clock: clock, to: address, session: session, sign: { _ in [] }) { [shared] report in
                shared.told.withLock {
                    switch report {
                    case .say: $0.lines += 1
                    case .frame: $0.frames += 1
                    case .linked, .presented: break
                    case .ended(let how): $0.ended = how
                    }
                }
            }
            link.open(from: .any)
            beacon = try #require(try LinkSocket.accept(listener, .local)).socket
        }

        deinit {
            link.drop()
            close(beacon)
        }

        var told: Told { shared.told.withLock { $0 } }

        var hasLeft: Bool { if case .left = told.ended { true } else { false } }

        /// The beacon sends these, and the device takes them.
        func take(_ frames: LinkFrame...) {
            for frame in frames { #expect(LinkSocket.send(frame, over: beacon)) }
            loop.turn()
        }

        func turn() { loop.turn() }
    }

    private static let hello = LinkFrame.hello(
        version: 1, modes: .challenge, beacon: Identifier(2), nonce: [UInt8](repeating: 1, count: 16))

    private func withDevice(_ body: (Device) throws -> Void) throws {
        try TemporaryFolder.with { try body(try Device($0)) }
    }

    /// The device stays until just before a moment, and has left at it.
    private func expectLeft(_ device: Device, after limit: Duration) {
        device.clock.advance(by: limit - .milliseconds(1))
        #expect(device.told.ended == nil, "it left too early")
        device.clock.advance(by: .milliseconds(1))
        #expect(device.hasLeft, "it stays: \(device.told)")
        #expect(LinkSocket.receive(from: device.beacon) != .nothing)
    }

    @Test("a link that is not there after 20 s is left")
    func connect() throws {
        try withDevice { expectLeft($0, after: .seconds(20)) }  // the loop has not told it yet that it is connected
    }

    @Test("one that does not say HELLO within 5 s is left")
    func noHello() throws {
        try withDevice { device in
            device.clock.advance(by: .seconds(19))
            device.turn()
            expectLeft(device, after: .seconds(5))
        }
    }

    @Test("one that says nothing for 5 s after READY is left")
    func silent() throws {
        try withDevice { device in
            device.turn()
            device.clock.advance(by: .seconds(4))
            device.take(Self.hello)
            #expect(device.told.frames == 2)
            expectLeft(device, after: .seconds(5))
        }
    }

    @Test("one that holds the device by WAIT is left 30 s after READY, however often it says so")
    func held() throws {
        try withDevice { device in
            device.turn()
            device.take(Self.hello)
            for _ in 0..<25 {
                device.clock.advance(by: .seconds(1))
                device.take(.wait(seconds: 65_535))
            }
            expectLeft(device, after: .seconds(5))
        }
    }

    @Test("one that does not answer the proof within 15 s is left")
    func noOutcome() throws {
        try withDevice { device in
            device.turn()
            device.take(Self.hello)
            device.clock.advance(by: .seconds(4))
            device.take(.challenge([UInt8](repeating: 3, count: 32)))
            #expect(device.told.frames == 4, "PROOF has been sent")
            expectLeft(device, after: .seconds(15))
        }
    }

    @Test("one that sends WAIT endlessly is left at once, with a few log lines, and the loop continues")
    func waits() throws {
        try withDevice { device in
            device.turn()
            device.take(Self.hello)
            let piece = (0..<1_000).flatMap { _ in LinkFrame.wait(seconds: 1).encoded }
            for _ in 0..<4 { _ = send(device.beacon, piece, piece.count, Int32(MSG_NOSIGNAL)) }
            device.turn()
            #expect(device.hasLeft && device.told.lines <= 4 && device.told.frames <= 6, "\(device.told)")
        }
    }

    @Test(
        "one that sends the first byte of a frame that only devices send is left at once", arguments: [2, 5, 6, 8, 9])
    func ownFrame(type: UInt8) throws {
        try withDevice { device in
            device.turn()
            device.take(Self.hello)
            #expect(device.told.ended == nil)
            #expect(send(device.beacon, [type], 1, Int32(MSG_NOSIGNAL)) == 1)
            device.turn()
            #expect(device.hasLeft, "\(device.told)")
        }
    }

    @Test("a WAIT each second is accepted, and two at once")
    func seldom() throws {
        try withDevice { device in
            device.turn()
            device.take(Self.hello)
            for _ in 0..<3 {
                device.take(.wait(seconds: 5))
                device.clock.advance(by: .seconds(1))
            }
            device.clock.advance(by: .seconds(1))
            device.take(.wait(seconds: 5), .wait(seconds: 5))
            #expect(device.told.ended == nil && device.told.frames == 7, "\(device.told)")
            device.take(.wait(seconds: 5))
            #expect(device.hasLeft)
        }
    }
}
