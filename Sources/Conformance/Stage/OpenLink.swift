import Glibc
import Nearby
import ProofLink
import SRUP

/// One link of the device, seen from the beacon's end, as bytes: what comes need not be a frame.
final class OpenLink {
    /// What has come.
    enum Arrival: Equatable {
        /// A frame: its type and payload.
        case frame(UInt8, [UInt8])
        /// Bytes that are not a frame.
        case bytes([UInt8])
        /// The device has closed the link.
        case closed
    }

    private let socket: Int32
    private let isStream: Bool
    private var received: [UInt8] = []
    private var packets: [[UInt8]] = []
    private var hasEnded = false

    init(_ socket: Int32, _ transport: Transport) { (self.socket, isStream) = (socket, transport.isStream) }

    deinit { close(socket) }

    /// What has come of a frame that is not whole.
    var rest: [UInt8] { received }

    /// Sends bytes at once; false if the device has closed the link.
    func send(_ bytes: [UInt8]) -> Bool { Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count }

    /// The next of what has come; nil: nothing more yet.
    func next() -> Arrival? {
        read()
        if !isStream, !packets.isEmpty { return OpenLink.whole(packets.removeFirst()) }
        if received.count >= LinkFrame.headerLength {
            let length = Int(received[1]) << 8 | Int(received[2])
            // Longer than any frame: what comes is not one, and waiting for the rest would hide it.
            guard length <= LinkFrame.maximumPayloadLength else { return takeAll() }
            let end = LinkFrame.headerLength + length
            if received.count >= end {
                defer { received.removeFirst(end) }
                return .frame(received[0], Array(received[LinkFrame.headerLength..<end]))
            }
        }
        guard hasEnded else { return nil }
        return received.isEmpty ? .closed : takeAll()
    }

    private func takeAll() -> Arrival {
        defer { received = [] }
        return .bytes(received)
    }

    private static func whole(_ packet: [UInt8]) -> Arrival {
        guard packet.count >= LinkFrame.headerLength,
            packet.count == LinkFrame.headerLength + Int(packet[1]) << 8 + Int(packet[2])
        else { return .bytes(packet) }
        return .frame(packet[0], Array(packet[LinkFrame.headerLength...]))
    }

    private func read() {
        while !hasEnded {
            switch LinkSocket.receive(from: socket) {
            case .nothing: return
            case .closed: hasEnded = true
            case .bytes(let bytes):
                if isStream { received += bytes } else { packets.append(bytes) }
            }
        }
    }
}

extension OpenLink.Arrival {
    /// The bytes as they came.
    var bytes: [UInt8] {
        switch self {
        case .frame(let type, let payload): [type, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] + payload
        case .bytes(let bytes): bytes
        case .closed: []
        }
    }

    /// For people.
    var description: String {
        switch self {
        case .closed: return "the device has closed the link"
        case .bytes(let bytes): return "\(bytes.count) bytes that are not a frame"
        case .frame(let type, let payload):
            guard let frame = try? LinkFrame(packet: bytes) else {
                return "type 0x\(hexadecimal([type])) with a payload of \(payload.count) bytes, which is not a frame"
            }
            return frame.description
        }
    }
}

extension LinkFrame {
    /// The frame's name, and what can be read in it.
    var description: String {
        switch self {
        case .hello(_, _, let beacon, _): "HELLO of \(beacon)"
        case .ready(let mode, let device): "READY in \(mode) mode of the device \(device)"
        case .wait(let seconds): "WAIT of \(seconds) s"
        case .challenge: "CHALLENGE"
        case .proof: "PROOF"
        case .value: "VALUE"
        case .outcome(let outcome, _): "OUTCOME \(outcome)"
        case .claim(let claim): claim == KeyedContext.noClaim ? "CLAIM with zeros" : "CLAIM"
        case .sign(let last, let piece): "SIGN with \(piece.count) bytes\(last ? ", the last" : "")"
        }
    }
}
