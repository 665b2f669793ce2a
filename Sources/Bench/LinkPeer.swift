import Bluetooth
import BootTime
import EventLoop
import Glibc
import Nearby
import ProofLink

/// A device's end of a link without a session: frames are sent as they are, and received with a time limit. It blocks its thread.
final class LinkPeer {
    /// What comes from the beacon.
    enum Event: Equatable {
        case frame(LinkFrame)
        case closed
        case invalid(LinkFrameError)
    }

    private let socket: Int32
    private let isStream: Bool
    private var assembler = FrameAssembler()
    private var hasEnded = false

    /// A connection that has been made.
    /// - Throws: `LinkSocketError`.
    init(to address: NearbyAddress, from adapter: BluetoothAddress, within limit: Duration) throws(LinkSocketError) {
        socket = try LinkSocket.connect(to: address, from: adapter)
        isStream = address.transport.isStream
        let error =
            LinkPeer.waits(socket, for: Int16(POLLOUT), until: .now + limit)
            ? LinkSocket.outcomeOfConnect(socket) : .failed(call: "connect", errno: ETIMEDOUT)
        if let error {
            close(socket)
            throw error
        }
    }

    deinit { close(socket) }

    /// Sends a frame; false if the beacon has closed the link.
    func send(_ frame: LinkFrame) -> Bool {
        var offered = LinkSocket.offer(frame, to: socket)
        // An LE channel may take only some frames before the beacon has read.
        while offered == .later, LinkPeer.waits(socket, for: Int16(POLLOUT), until: .now + .seconds(5)) {
            offered = LinkSocket.offer(frame, to: socket)
        }
        return offered == .taken
    }

    /// The next frame; nil if none comes until then.
    func next(until deadline: Instant) -> Event? {
        while true {
            do throws(LinkFrameError) {
                if let frame = try assembler.next() { return .frame(frame) }
            } catch { return .invalid(error) }
            guard !hasEnded else { return .closed }
            guard LinkPeer.waits(socket, for: Int16(POLLIN), until: deadline) else { return nil }
            switch LinkSocket.receive(from: socket) {
            case .nothing: break
            case .closed: hasEnded = true
            case .bytes(let bytes) where isStream: assembler.append(bytes)
            case .bytes(let bytes):
                do throws(LinkFrameError) { return .frame(try LinkFrame(packet: bytes)) } catch {
                    return .invalid(error)
                }
            }
        }
    }

    private static func waits(_ socket: Int32, for events: Int16, until deadline: Instant) -> Bool {
        var one = pollfd(fd: socket, events: events, revents: 0)
        while true {
            let left = deadline - .now
            // Rounded up: it must not turn without end during the last millisecond.
            let result = poll(&one, 1, left <= .zero ? 0 : Int32(clamping: left.wholeMilliseconds + 1))
            if result > 0 { return true }
            if result == 0 || errno != EINTR { return false }
        }
    }
}

/// Waits, whatever signals come.
func waitForNothing(_ pause: Duration) {
    var time = timespec(
        tv_sec: Int(pause.wholeSeconds), tv_nsec: Int((pause - .seconds(pause.wholeSeconds)).wholeNanoseconds))
    var left = timespec()
    while nanosleep(&time, &left) != 0, errno == EINTR { time = left }
}
