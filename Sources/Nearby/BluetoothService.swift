import Bluetooth
import BootTime
import CLinux
import EventLoop
import Glibc
import Synchronization

/// What the beacon registers with bluetoothd if that is running (docs/decisions/0007): the service's SDP record, and pairing.
/// The beacon needs neither bluetoothd nor D-Bus.
///
/// A thread of its own keeps the record registered. It does nothing if there is no D-Bus or no bluetoothd, and tries
/// again every half minute, or when the bus tells it.
public final class BluetoothService: Sendable {
    /// A change of the record's state.
    public enum Event: Equatable, Sendable, CustomStringConvertible {
        /// Devices that browse this machine find it.
        case registered
        /// bluetoothd or the bus has ended, and the record with it.
        case gone
        /// bluetoothd did not accept it: its error text.
        case refused(String)

        /// One line, lower case.
        public var description: String {
            switch self {
            case .registered: "the SDP record is registered with bluetoothd"
            case .gone: "bluetoothd has ended, and the SDP record with it"
            case .refused(let why): "bluetoothd refused the SDP record: \(why)"
            }
        }
    }

    /// The interval between two attempts.
    static let retryPause = Duration.seconds(30)

    private let record: ServiceRecord
    private let report: @Sendable (Event) -> Void
    private let socket: String
    private let signal = StopSignal()

    /// A record that is not registered yet.
    /// - Parameter report: called on the service's own thread, from `start()` to `stop()`.
    public convenience init(record: ServiceRecord, report: @escaping @Sendable (Event) -> Void) {
        self.init(record: record, socket: SystemBus.systemSocket, report: report)
    }

    init(record: ServiceRecord, socket: String, report: @escaping @Sendable (Event) -> Void) {
        (self.record, self.socket, self.report) = (record, socket, report)
    }

    /// Starts to register the record wherever possible. Once in this object's life.
    public func start() {
        precondition(!signal.isStarted.exchange(true, ordering: .relaxed), "a Bluetooth service is started once")
        startThread("bluetooth") { [record, report, socket, signal] in
            while !signal.isStopped.load(ordering: .acquiring) {
                if let bus = SystemBus(socket: socket) {
                    RecordKeeper(bus, record, report).run(until: signal.isStopped, wakeup: signal.wakeup)
                }
                signal.pause(BluetoothService.retryPause)
            }
            StopSignal.wake(signal.end)
        }
    }

    /// Withdraws the record and ends the thread. After at most a second it returns whether or not that is done.
    public func stop() {
        signal.isStopped.store(true, ordering: .releasing)
        StopSignal.wake(signal.wakeup)
        guard signal.isStarted.load(ordering: .relaxed) else { return }
        var end = pollfd(fd: signal.end, events: Int16(POLLIN), revents: 0)
        poll(&end, 1, 1_000)
    }

    /// Whether bluetoothd runs and can be spoken to. Waits for at most two seconds.
    public static var isRunning: Bool { SystemBus().map { owner(on: $0) != nil } ?? false }

    /// The unique bus name of bluetoothd.
    static func owner(on bus: SystemBus) -> String? {
        let answer = bus.call(askForOwner(on: bus), within: .seconds(2))
        return answer?.kind == .answer ? answer?.body.first?.text : nil
    }

    static func askForOwner(on bus: SystemBus) -> BusMessage? {
        bus.makeCall(BusName.bus, BusName.busPath, BusName.bus, "GetNameOwner", [.text(BusName.bluez)])
    }

    static func watch(_ rule: String, on bus: SystemBus) -> BusMessage? {
        bus.makeCall(BusName.bus, BusName.busPath, BusName.bus, "AddMatch", [.text("type='signal'," + rule)])
    }

    /// The match rule for bluetoothd's start and end.
    static let ownerRule = "sender='\(BusName.bus)',member='NameOwnerChanged',arg0='\(BusName.bluez)'"
}

/// The names of others on the bus, and what we call ourselves there.
enum BusName {
    static let bus = "org.freedesktop.DBus"
    static let busPath = "/org/freedesktop/DBus"
    static let bluez = "org.bluez"
    static let bluezPath = "/org/bluez"
    static let profilePath = "/org/srup/beacon/profile"
    static let agentPath = "/org/srup/beacon/agent"
    static let rejected = "org.bluez.Error.Rejected"
    static let unknownMethod = "org.freedesktop.DBus.Error.UnknownMethod"
}

/// The signals between the service's thread and its owner. The last one to release it closes the descriptors.
private final class StopSignal: Sendable {
    let isStarted = Atomic<Bool>(false)
    let isStopped = Atomic<Bool>(false)
    /// Readable once the service must stop; nobody reads it.
    let wakeup = eventfd(0, Int32(EFD_CLOEXEC))
    /// Readable once the thread has ended.
    let end = eventfd(0, Int32(EFD_CLOEXEC))

    deinit {
        close(wakeup)
        close(end)
    }

    static func wake(_ descriptor: Int32) {
        var one: UInt64 = 1
        write(descriptor, &one, 8)
    }

    /// Waits for a time, or until the service is to stop.
    func pause(_ duration: Duration) {
        var wakeup = pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0)
        poll(&wakeup, 1, Int32(duration.wholeMilliseconds))
    }
}
