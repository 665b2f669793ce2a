import Bluetooth
import EventLoop
import Foundation
import Keys
import Nearby
import ProofLink
import SRUP

/// How a device reaches the beacon: the beacon's address, and the device's adapter.
package struct Route: Sendable, CustomStringConvertible {
    package let address: NearbyAddress
    package let adapter: BluetoothAddress

    package init(_ address: NearbyAddress, from adapter: BluetoothAddress = .any) {
        (self.address, self.adapter) = (address, adapter)
    }

    package var description: String { address.transport.rawValue }
}

/// A device that the test controls step by step, over any transport.
package final class TestDevice {
    private let socket: Int32
    private let isStream: Bool
    private var assembler = FrameAssembler()
    /// When the last frame that `receive` returned arrived, on CLOCK_BOOTTIME.
    package private(set) var lastReceived: Int64 = 0

    package convenience init(_ route: Route, within seconds: Double = 10) throws {
        self.init(try TestDevice.connect(route, within: seconds), route)
    }

    /// A device on an existing connection, which is closed with the device.
    package init(_ socket: Int32, _ route: Route) {
        (self.socket, isStream) = (socket, route.address.transport.isStream)
    }

    /// A bare connection; the caller closes it. A refused one is tried again: on RFCOMM a connection right after
    /// another one is "busy".
    package static func connect(_ route: Route, within seconds: Double = 10) throws -> Int32 {
        var made: Int32?
        var fault: (any Error)?
        try eventually("the link over \(route) is open: \(fault.map { "\($0)" } ?? "")", within: seconds) {
            do { made = try connectOnce(route, within: seconds) } catch { fault = error }
            return made != nil
        }
        guard let made else { throw NotInTime(what: "a link over \(route)") }
        return made
    }

    /// A bare connection by one attempt.
    package static func connectOnce(_ route: Route, within seconds: Double = 10) throws -> Int32 {
        let socket = try LinkSocket.connect(to: route.address, from: route.adapter)
        let fault =
            wait(for: POLLOUT, on: socket, within: seconds)
            ? LinkSocket.outcomeOfConnect(socket) : .failed(call: "connect", errno: ETIMEDOUT)
        guard let fault else { return socket }
        close(socket)
        throw fault
    }

    /// Whether the descriptor became ready in time.
    package static func wait(for events: Int32, on socket: Int32, within seconds: Double) -> Bool {
        var one = pollfd(fd: socket, events: Int16(events), revents: 0)
        return poll(&one, 1, Int32(max(0, seconds) * 1_000)) > 0
    }

    deinit { close(socket) }

    /// The next frame, or nil if the beacon has closed the link.
    package func receive(within seconds: Double = 10) throws -> LinkFrame? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while Date() < deadline {
            if let frame = try assembler.next() { return frame }
            switch LinkSocket.receive(from: socket) {
            case .bytes(let bytes):
                lastReceived = bootNanoseconds()
                guard isStream else { return try LinkFrame(packet: bytes) }
                assembler.append(bytes)
            case .closed: return nil
            case .nothing: _ = TestDevice.wait(for: POLLIN, on: socket, within: deadline.timeIntervalSinceNow)
            }
        }
        throw NotInTime(what: "a link frame")
    }

    package func send(_ frame: LinkFrame) { _ = LinkSocket.send(frame, over: socket) }

    /// Sends bytes as they are; on a packet transport as one packet.
    /// - Returns: 0 or errno; EAGAIN if only a part was sent.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Int32 {
        let count = Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        return count < 0 ? errno : count == bytes.count ? 0 : EAGAIN
    }

    /// How a link that a device has completed has ended.
    package struct End: Sendable {
        package let outcome: Outcome
        package let beaconProved: Bool
        /// Of the link's frames, both ways, with their headers.
        package let bytes: Int
        /// When CHALLENGE arrived, on CLOCK_BOOTTIME.
        package let challenged: Int64?
    }

    /// Goes through the whole link as a device that holds this value.
    /// - Parameters:
    ///   - seconds: for the connection, and for each frame.
    ///   - sign: signs the proof in keyed mode.
    ///   - sending: how a frame is sent.
    ///   - waiting: called when the beacon sends WAIT.
    /// - Returns: nil if the link ended without an outcome.
    package static func prove(
        _ route: Route, _ value: Secret, as device: Identifier = Node.device, mode: Mode = .challenge,
        within seconds: Double = 10,
        sending: (TestDevice, LinkFrame) -> Void = { $0.send($1) }, waiting: () throws -> Void = {},
        signedBy sign: ([UInt8]) -> [UInt8] = { _ in [] }
    ) throws -> End? {
        let link = try TestDevice(route, within: seconds)
        var session = DeviceSession(
            DeviceSession.Parties(
                device: device, server: Node.c2, beacon: Node.beacon, transport: route.address.transport, modes: [mode]),
            deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value, authenticate: hmacSHA256)
        var challenged: Int64?
        var bytes = 0
        func send(_ frame: LinkFrame) {
            bytes += frame.encoded.count
            sending(link, frame)
        }
        while let frame = try link.receive(within: seconds) {
            bytes += frame.encoded.count
            if case .challenge = frame { challenged = link.lastReceived }
            switch try session.receive(frame) {
            case .send(let reply): send(reply)
            case .prove(let proof, let message):
                send(proof)
                KeyedProof.frames(of: sign(message)).forEach(send)
            case .wait: try waiting()
            case .awaitValue: continue
            case .end(let outcome, let proved):
                return End(outcome: outcome, beaconProved: proved, bytes: bytes, challenged: challenged)
            }
        }
        return nil
    }

    /// Proves repeatedly until the outcome is *valid*, like a device whose beacon is killed meanwhile.
    package static func proveUntilValid(
        _ route: Route, _ value: Secret, within seconds: Double = 20, until done: () -> Bool = { false }
    ) throws {
        try eventually("the proof is accepted", within: seconds) {
            if done() { return true }
            return (try? prove(route, value))??.outcome == .valid
        }
    }
}
