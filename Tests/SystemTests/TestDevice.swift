import Foundation
import Keys
import Links
import ProofLink
import SRUP
import Testing

/// A device at the local link, driven by the test step by step.
final class TestDevice {
    private let socket: Int32
    private var assembler = FrameAssembler()
    private var waiting: [LinkFrame] = []

    init(_ path: String) throws { socket = try TestDevice.connect(path) }

    /// A bare connection; the caller closes it.
    static func connect(_ path: String) throws -> Int32 {
        var made: Int32?
        try eventually("the local link is open", within: 10) {
            made = try? LinkSocket.connect(to: .local(path: path))
            return made != nil
        }
        return try #require(made)
    }

    deinit { close(socket) }

    /// The next frame, or nil where the beacon has closed.
    func receive(within seconds: Double = 10) throws -> LinkFrame? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while Date() < deadline {
            if let frame = try assembler.next() { return frame }
            switch LinkSocket.receive(from: socket) {
            case .bytes(let bytes): assembler.append(bytes)
            case .closed: return nil
            case .nothing: Thread.sleep(forTimeInterval: 0.002)
            }
        }
        throw NotInTime(what: "a link frame")
    }

    func send(_ frame: LinkFrame) { _ = LinkSocket.send(frame, over: socket) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Goes through the whole link as a device that holds this value.
    /// - Returns: the outcome and whether the beacon proved itself; nil where the link ended without one.
    static func prove(
        _ path: String, _ value: Secret, as device: Identifier = Node.device, mode: Mode = .challenge
    ) throws -> (outcome: Outcome, beaconProved: Bool)? {
        let link = try TestDevice(path)
        var session = DeviceSession(
            device: device, mode: mode, expected: Node.beacon,
            deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value, authenticate: hmacSHA256)
        while let frame = try link.receive() {
            switch try session.receive(frame) {
            case .send(let reply): link.send(reply)
            case .wait, .awaitValue: continue
            case .end(let outcome, let proved): return (outcome, proved)
            }
        }
        return nil
    }

    /// Proves again and again until the link says *valid*: as a device does whose beacon is killed under it.
    static func proveUntilValid(_ path: String, _ value: Secret, within seconds: Double = 20, until done: () -> Bool)
        throws
    {
        try eventually("the proof is accepted", within: seconds) {
            if done() { return true }
            return (try? prove(path, value))??.outcome == .valid
        }
    }
}
