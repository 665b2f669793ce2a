import BootTime
import ProofLink
import SRUP
import Testing

@testable import Bluetooth

let everySetting: AdapterSettings = [
    .powered, .connectable, .discoverable, .bondable, .simplePairing, .classic, .le, .secureConnections, .privacy,
]
let adapterAddress = BluetoothAddress("00:AA:01:00:00:00")

/// A model of a kernel with one adapter, and the adapter's supervisor. Time is a variable.
struct Kernel {
    var supervisor: AdapterSupervisor
    var now = Instant(.seconds(1000))
    var settings: AdapterSettings = [.classic]
    var supported = everySetting
    var name = ""
    var instances: Set<UInt8> = []
    /// The status of the commands that do not succeed.
    var faults: [UInt16: ManagementStatus] = [:]
    /// How each `addBroadcast` ends; nil: with success.
    var failsBroadcasts: ManagementStatus?
    var sent: [ManagementCommand] = []
    var others: [AdapterSupervisor.Action] = []

    init(_ change: (inout DesiredAdapterState) -> Void = { _ in }, isWanted: Bool = true) {
        var desired = DesiredAdapterState()
        desired.announcement = Announcement(lePSM: 0xD5, beacon: Identifier(0xBEAC))
        change(&desired)
        supervisor = AdapterSupervisor(desired: desired) { _ in isWanted }
    }

    mutating func start() { perform(supervisor.start(at: now)) }

    mutating func perform(_ actions: [AdapterSupervisor.Action]) {
        for action in actions {
            guard case .send(let command) = action else {
                others.append(action)
                continue
            }
            sent.append(command)
            var status = faults[command.code] ?? .success
            if case .addBroadcast = command, let failsBroadcasts { status = failsBroadcasts }
            perform(supervisor.completed(command, status, status == .success ? reply(to: command) : [], at: now))
        }
    }

    mutating func pass(_ duration: Duration) {
        let end = now + duration
        for _ in 0..<1_000 {
            guard let next = supervisor.nextDeadline, next <= end else { break }
            now = max(now, next)
            perform(supervisor.tick(at: now))
        }
        now = end
    }

    /// Another program changes the settings.
    mutating func change(_ new: AdapterSettings) {
        settings = new
        if !new.contains(.powered) { instances = [] }
        perform(supervisor.changed(new, at: now))
    }

    private mutating func set(_ setting: AdapterSettings, _ on: Bool) -> [UInt8] {
        if on { settings.insert(setting) } else { settings.remove(setting) }
        if !settings.contains(.powered) { instances = [] }
        return littleEndian(settings.rawValue)
    }

    private mutating func reply(to command: ManagementCommand) -> [UInt8] {
        switch command {
        case .readInformation:
            return (adapterAddress?.bytes.reversed() ?? []) + [9, 0, 0] + littleEndian(supported.rawValue)
                + littleEndian(settings.rawValue) + [0, 0, 0] + Array(name.utf8)
                + [UInt8](repeating: 0, count: 260 - name.utf8.count)
        case .setPowered(let on): return set(.powered, on)
        case .setConnectable(let on): return set(.connectable, on)
        case .setDiscoverable(let on, _): return set(.discoverable, on)
        case .setSimplePairing(let on): return set(.simplePairing, on)
        case .setLE(let on): return set(.le, on)
        case .setClassic(let on): return set(.classic, on)
        case .setSecureConnections(let on): return set(.secureConnections, on)
        case .setPrivacy(let on, _): return set(.privacy, on)
        case .setName(let new):
            name = new
            return []
        case .readAdvertisingFeatures: return advertisingFeatures(of: 3, used: instances)
        case .removeAdvertising(let instance):
            instances.remove(instance)
            return [instance]
        case .addAdvertising(let instance, _, _), .addBroadcast(let instance, _):
            instances.insert(instance)
            return [instance]
        default: return []
        }
    }

    var isServing: Bool {
        settings.isSuperset(of: [.powered, .connectable, .le, .simplePairing]) && instances == [3]
            && supervisor.state == .ready
    }
}

/// The kernel's reply: flags, longest data, how many instances there can be, and which are in use.
func advertisingFeatures(of count: UInt8, used: some Collection<UInt8>) -> [UInt8] {
    [0, 0, 0, 0, 31, 31, count, UInt8(used.count)] + used.sorted()
}
