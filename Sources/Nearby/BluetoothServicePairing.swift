import Bluetooth
import BootTime
import EventLoop
import Glibc

/// What happens while the pairing window is open.
public enum PairingEvent: Equatable, Sendable, CustomStringConvertible {
    /// An adapter can be found and paired with.
    case open(adapter: String)
    /// An adapter could not be opened: bluetoothd's error text.
    case notOpened(adapter: String, why: String)
    /// The person has said yes or no to a device's digits.
    case answered(BluetoothAddress, yes: Bool)
    /// A device was refused: it wanted to pair without digits to compare.
    case turnedAway(BluetoothAddress)
    /// The device, or bluetoothd, has given up this attempt.
    case cancelled

    /// One line, lower case.
    public var description: String {
        switch self {
        case .open(let adapter): "\(adapter) is open for pairing"
        case .notOpened(let adapter, let why): "\(adapter) cannot be opened for pairing: \(why)"
        case .answered(let device, let yes): "\(device) was \(yes ? "confirmed" : "denied")"
        case .turnedAway(let device): "\(device) was turned away: it cannot compare digits"
        case .cancelled: "the attempt was cancelled"
        }
    }
}

/// How pairing has ended.
public enum PairingOutcome: Equatable, Sendable {
    /// A device has paired, and a person has seen its digits.
    case paired(BluetoothAddress)
    /// The time limit has passed, and nobody has paired.
    case nobody
    /// It could not be opened, or bluetoothd has ended: the reason.
    case unavailable(String)
}

extension BluetoothService {
    /// Lets one device pair through bluetoothd, by comparing digits only, and blocks until that is done or the time is
    /// over. The adapters can be found meanwhile; afterwards they are again as they were. Where this process is killed,
    /// bluetoothd closes them by itself a little later. bluetoothd's own rule remains: an adapter is not pairable while
    /// no agent is registered, whatever it was before.
    /// - Parameters:
    ///   - adapters: their addresses; empty: all.
    ///   - confirm: whether a person sees these six digits on the device. It may block; bluetoothd waits for a minute.
    public static func openPairing(
        seconds: Int, adapters: [BluetoothAddress] = [], confirm: @escaping (BluetoothAddress, String) -> Bool,
        report: @escaping (PairingEvent) -> Void
    ) -> PairingOutcome {
        openPairing(SystemBus(), seconds, adapters, confirm, report)
    }

    static func openPairing(
        _ bus: SystemBus?, _ seconds: Int, _ adapters: [BluetoothAddress],
        _ confirm: @escaping (BluetoothAddress, String) -> Bool, _ report: @escaping (PairingEvent) -> Void
    ) -> PairingOutcome {
        guard let bus, let owner = owner(on: bus) else { return .unavailable("bluetoothd does not run") }
        let pairing = PairingWindow(bus, owner: owner, confirm: confirm, report: report)
        return pairing.run(seconds: seconds, wanted: adapters)
    }
}

/// One pairing window: the agent that bluetoothd asks, and the adapters that it opens.
private final class PairingWindow {
    private static let interface = "org.bluez.Agent1."
    /// How long a device may take to finish after the person has confirmed.
    private static let finishing = Duration.seconds(20)
    /// Seconds after our end at which bluetoothd ends it by itself: the person's minute, and the time to finish.
    private static let afterwards = 90

    private let bus: SystemBus
    private let owner: String
    private let confirm: (BluetoothAddress, String) -> Bool
    private let report: (PairingEvent) -> Void
    /// The objects of devices whose digits a person has confirmed.
    private var confirmed: Set<String> = []
    private var end = Instant.boot

    init(
        _ bus: SystemBus, owner: String, confirm: @escaping (BluetoothAddress, String) -> Bool,
        report: @escaping (PairingEvent) -> Void
    ) {
        (self.bus, self.owner, self.confirm, self.report) = (bus, owner, confirm, report)
    }

    func run(seconds: Int, wanted: [BluetoothAddress]) -> PairingOutcome {
        end = .now + .seconds(seconds)
        if let why = listen() { return .unavailable(why) }
        let adapters = ServiceAdapter.all(on: bus, wanted: wanted)
        guard !adapters.isEmpty else { return .unavailable("bluetoothd has no such adapter") }
        defer { for adapter in adapters { adapter.restore(on: bus) } }
        var isOpen = false
        for adapter in adapters {
            let why = adapter.open(seconds: seconds + PairingWindow.afterwards, on: bus)
            report(why.map { .notOpened(adapter: adapter.name, why: $0) } ?? .open(adapter: adapter.name))
            isOpen = isOpen || why == nil
        }
        return isOpen ? wait() : .unavailable("no adapter can be opened")
    }

    /// Registers as the agent. The error, or nil.
    private func listen() -> String? {
        let manager = (BusName.bluez, BusName.bluezPath, "org.bluez.AgentManager1")
        let agent = BusValue.path(BusName.agentPath)
        let paired = "sender='\(BusName.bluez)',interface='org.freedesktop.DBus.Properties',arg0='org.bluez.Device1'"
        let calls = [
            BluetoothService.watch(BluetoothService.ownerRule, on: bus), BluetoothService.watch(paired, on: bus),
            bus.makeCall(
                manager.0, manager.1, manager.2, "RegisterAgent", [agent, .text("DisplayYesNo")]),
            bus.makeCall(manager.0, manager.1, manager.2, "RequestDefaultAgent", [agent]),
        ]
        for call in calls {
            if let why = bus.failure(of: call) { return why }
        }
        return nil
    }

    private func wait() -> PairingOutcome {
        while true {
            switch bus.next(until: end) {
            case .nothing: return .nobody
            case .closed: return .unavailable("the bus has closed")
            case .message(let message):
                switch message.kind {
                case .call: answer(message)
                case .signal: if let outcome = outcome(of: message) { return outcome }
                case .answer, .failure, .unknown: break
                }
            }
        }
    }

    private func outcome(of signal: BusMessage) -> PairingOutcome? {
        switch signal.member {
        case BusName.bus + ".NameOwnerChanged" where signal.sender == BusName.bus:
            return .unavailable("bluetoothd has ended")
        case "org.freedesktop.DBus.Properties.PropertiesChanged" where signal.sender == owner:
            // Bonded, where bluetoothd has it, comes first: it sets Paired once it has read the device's services.
            guard confirmed.contains(signal.path), let device = address(signal.path), signal.body.count > 1,
                ["Paired", "Bonded"].contains(where: { signal.body[1][$0]?.flag == true })
            else { return nil }
            return .paired(device)
        default: return nil
        }
    }

    /// The agent's methods. A person compares digits or the pairing is refused: without digits, or with digits that only one
    /// side shows, an attacker between the two would not be noticed.
    private func answer(_ call: BusMessage) {
        guard call.path == BusName.agentPath, call.sender == owner, call.member.hasPrefix(PairingWindow.interface)
        else {
            return bus.answer(call, error: BusName.unknownMethod)
        }
        switch call.member.dropFirst(PairingWindow.interface.count) {
        case "RequestConfirmation": answerConfirmation(call)
        case "RequestAuthorization", "RequestPinCode", "RequestPasskey", "DisplayPinCode", "DisplayPasskey":
            bus.answer(call, error: BusName.rejected)
            if let device = device(of: call) { report(.turnedAway(device)) }
        case "AuthorizeService":
            let isOurs = call.body.last?.text?.lowercased() == ServiceRecord.serviceUUID
            bus.answer(call, error: isOurs ? nil : BusName.rejected)
        case "Cancel":
            bus.answer(call)
            report(.cancelled)
        case "Release": bus.answer(call)  // bluetoothd ends: its name will be told to be free
        default: bus.answer(call, error: BusName.unknownMethod)
        }
    }

    private func answerConfirmation(_ call: BusMessage) {
        guard call.body.count == 2, let device = device(of: call), let path = call.body[0].text,
            case .number(let number) = call.body[1]
        else { return bus.answer(call, error: BusName.rejected) }
        let digits = String(number)
        let yes = confirm(device, String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
        if yes {
            confirmed.insert(path)
            end = max(end, .now + PairingWindow.finishing)
        }
        bus.answer(call, error: yes ? nil : BusName.rejected)
        report(.answered(device, yes: yes))
    }

    private func device(of call: BusMessage) -> BluetoothAddress? { call.body.first?.text.flatMap(address) }

    /// From `/org/bluez/hci0/dev_00_11_22_33_44_55`.
    private func address(_ path: String) -> BluetoothAddress? {
        guard let name = path.split(separator: "/").last, name.hasPrefix("dev_") else { return nil }
        return BluetoothAddress(String(name.dropFirst(4).map { $0 == "_" ? ":" : $0 }))
    }
}

extension SystemBus {
    /// Why a call has failed; nil if it has not.
    func failure(of message: BusMessage?) -> String? {
        switch call(message)?.kind {
        case .failure(let why): why
        case nil: "no answer"
        case .answer, .call, .signal, .unknown: nil
        }
    }
}
