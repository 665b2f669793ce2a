import Bluetooth
import BootTime
import EventLoop
import Synchronization

/// Keeps the record registered over one connection to the bus; when the connection is closed, bluetoothd drops it.
///
///     absent ──bluetoothd comes──▶ asked ──taken──▶ registered ──▶ absent
///        ▲                         │   ▲                             (bluetoothd goes, or lets us go)
///        └──bluetoothd goes────────┤   └──half a minute later──┐
///                                  └──refused──▶ refused ──────┘
final class RecordKeeper {
    private enum State {
        /// bluetoothd does not run, or it is not known yet.
        case absent
        /// The call has this cookie.
        case asked(UInt64?)
        case registered
        /// Asked again at that moment.
        case refused(again: Instant)
    }

    private let bus: SystemBus
    private let record: ServiceRecord
    private let report: @Sendable (BluetoothService.Event) -> Void
    private var state = State.absent
    private var owner = ""
    private var ownerCookie: UInt64?
    private var lastRefusal: String?

    init(_ bus: SystemBus, _ record: ServiceRecord, _ report: @escaping @Sendable (BluetoothService.Event) -> Void) {
        (self.bus, self.record, self.report) = (bus, record, report)
    }

    /// Runs until the bus has closed, or `isStopped` after a wakeup.
    func run(until isStopped: borrowing Atomic<Bool>, wakeup: Int32) {
        // The match rule comes first: a bluetoothd that starts between the two is then seen twice rather than never.
        guard bus.send(BluetoothService.watch(BluetoothService.ownerRule, on: bus)) != nil else { return }
        ownerCookie = bus.send(BluetoothService.askForOwner(on: bus))
        while !isStopped.load(ordering: .acquiring) {
            var moment: Instant?
            if case .refused(let again) = state { moment = again }
            switch bus.next(until: moment, wakeup: wakeup) {
            case .message(let message): handle(message)
            case .nothing where moment.map { .now >= $0 } ?? false: register()
            case .nothing: break
            case .closed: return leave()
            }
        }
    }

    private func handle(_ message: BusMessage) {
        switch message.kind {
        case .signal: handleSignal(message)
        case .call: handleCall(message)
        case .answer:
            if let ownerCookie, message.answers(ownerCookie) {
                setOwner(message.body.first?.text ?? "")
            } else if case .asked(let cookie?) = state, message.answers(cookie) {
                state = .registered
                lastRefusal = nil
                report(.registered)
            }
        case .failure(let why):
            guard case .asked(let cookie?) = state, message.answers(cookie) else { return }  // bluetoothd does not run
            state = .refused(again: .now + BluetoothService.retryPause)
            if lastRefusal != why { report(.refused(why)) }
            lastRefusal = why
        case .unknown: break
        }
    }

    private func handleSignal(_ message: BusMessage) {
        guard message.sender == BusName.bus, message.member == BusName.bus + ".NameOwnerChanged",
            message.body.count == 3, message.body[0].text == BusName.bluez
        else { return }
        setOwner(message.body[2].text ?? "")
    }

    /// bluetoothd has this name on the bus now, or with an empty one none.
    private func setOwner(_ new: String) {
        guard new != owner else { return }
        owner = new
        leave()
        if !new.isEmpty { register() }
    }

    private func leave() {
        if case .registered = state { report(.gone) }
        state = .absent
    }

    /// Neither Channel nor PSM: bluetoothd then registers the record and does not listen. We do.
    private func register() {
        let options: [String: BusValue] = [
            "Role": .text("server"), "ServiceRecord": .text(record.xml),
            "RequireAuthentication": .flag(false), "RequireAuthorization": .flag(false),
        ]
        let call = bus.makeCall(
            BusName.bluez, BusName.bluezPath, "org.bluez.ProfileManager1", "RegisterProfile",
            [.path(BusName.profilePath), .text(ServiceRecord.serviceUUID), .dictionary(options)])
        state = .asked(bus.send(call))
    }

    /// The Profile1 object that bluetoothd expects. No connection comes through it, since bluetoothd does not listen for us.
    private func handleCall(_ call: BusMessage) {
        guard call.path == BusName.profilePath, call.sender == owner else {
            return bus.answer(call, error: BusName.unknownMethod)
        }
        switch call.member {
        case "org.bluez.Profile1.Release":
            bus.answer(call)
            leave()
        case "org.bluez.Profile1.RequestDisconnection", "org.bluez.Profile1.Cancel": bus.answer(call)
        case "org.bluez.Profile1.NewConnection": bus.answer(call, error: BusName.rejected)
        default: bus.answer(call, error: BusName.unknownMethod)
        }
    }
}
