import BootTime
import CSystemBus
import EventLoop
import Glibc

/// One connection to a message bus, driven by the thread that owns it. Only `next` and `call` wait.
///
/// No handlers are registered with sd-bus: every message is handed to the caller of `next`, method calls included, which
/// must then answer them.
final class SystemBus {
    /// Where the system's bus listens.
    static let systemSocket = "/run/dbus/system_bus_socket"

    /// What `next` gives.
    enum Arrival {
        case message(BusMessage)
        /// The time has come, or `wakeup` is readable.
        case nothing
        case closed
    }

    private let handle: OpaquePointer
    /// What came while an answer was waited for.
    private var kept: [BusMessage] = []

    /// nil if there is no bus, or no library to use it with. The connection is made later, in `next`.
    init?(socket: String = SystemBus.systemSocket) {
        var made: OpaquePointer?
        guard access(socket, F_OK) == 0, csystembus_load(), csystembus_new(&made) >= 0, let made else { return nil }
        handle = made
        guard csystembus_set_address(handle, "unix:path=\(socket)") >= 0, csystembus_set_bus_client(handle, 1) >= 0,
            csystembus_start(handle) >= 0
        else { return nil }
    }

    deinit { _ = csystembus_close_unref(handle) }

    /// A method call that is not sent yet; nil once the connection is closed. It does not start the service: a bluetoothd that
    /// is not running is not wanted.
    func makeCall(
        _ destination: String, _ path: String, _ interface: String, _ member: String, _ body: [BusValue] = []
    ) -> BusMessage? {
        var made: OpaquePointer?
        guard csystembus_message_new_method_call(handle, &made, destination, path, interface, member) >= 0, let made
        else { return nil }
        csystembus_message_set_auto_start(made, 0)
        let message = BusMessage(taking: made)
        for value in body { message.append(value) }
        return message
    }

    /// The cookie by which the answer can be told; nil once the connection is closed.
    func send(_ message: BusMessage?) -> UInt64? {
        var cookie: UInt64 = 0
        guard let message else { return nil }
        // Swift may let go of an object after its last use, and would free the handle before it is sent.
        let result = withExtendedLifetime(message) { csystembus_send(handle, message.handle, &cookie) }
        return result >= 0 ? cookie : nil
    }

    /// Answers a call, with nothing or with an error.
    func answer(_ call: BusMessage, error: String? = nil) {
        var made: OpaquePointer?
        let result =
            if let error {
                error.withCString { name in
                    var error = sd_bus_error(name: name, message: nil, _need_free: 0)
                    return csystembus_message_new_method_error(call.handle, &made, &error)
                }
            } else { csystembus_message_new_method_return(call.handle, &made) }
        guard result >= 0, let made else { return }
        csystembus_send(handle, made, nil)  // not sent where no answer is wanted
        csystembus_message_unref(made)
    }

    /// The next message. Waits until the given time (permanently without one), or until `wakeup` is readable.
    func next(until moment: Instant?, wakeup: Int32 = -1) -> Arrival {
        if !kept.isEmpty { return .message(kept.removeFirst()) }
        while true {
            var received: OpaquePointer?
            let progress = csystembus_process(handle, &received)
            if let received { return .message(BusMessage(taking: received)) }
            if progress < 0 { return .closed }
            if progress == 0, !wait(until: moment, wakeup: wakeup) { return .nothing }
        }
    }

    /// Sends a call and waits for its answer, which may be an error; nil: none came. What comes meanwhile is kept.
    func call(_ message: BusMessage?, within limit: Duration = .seconds(5)) -> BusMessage? {
        guard let cookie = send(message) else { return nil }
        let moment = Instant.now + limit
        var others: [BusMessage] = []
        defer { kept = others + kept }
        while case .message(let message) = next(until: moment) {
            if message.answers(cookie) { return message }
            others.append(message)
        }
        return nil
    }

    /// False if the time has come or `wakeup` is readable.
    private func wait(until moment: Instant?, wakeup: Int32) -> Bool {
        let left = moment.map { $0 - .now } ?? .seconds(3_600)
        guard left > .zero else { return false }
        var wanted: UInt64 = .max  // sd-bus's own timeout, in microseconds of CLOCK_MONOTONIC
        csystembus_get_timeout(handle, &wanted)
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let passed = UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1_000
        let alarm = wanted == .max ? Int64.max : Int64(clamping: wanted > passed ? (wanted - passed) / 1_000 : 0)
        let milliseconds = min(left.wholeMilliseconds + 1, alarm, 3_600_000)
        var polled = [
            pollfd(fd: csystembus_get_fd(handle), events: Int16(csystembus_get_events(handle)), revents: 0),
            pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
        ]
        poll(&polled, 2, Int32(milliseconds))
        return polled[1].revents == 0
    }
}
