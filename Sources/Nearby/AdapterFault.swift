import Bluetooth
import OperatorText
import ProofLink

/// Why an adapter of this machine cannot be used: for the operator to fix.
public enum AdapterFault: OperatorError, Equatable {
    /// There is none.
    case none
    /// The kernel did not answer in time, so it is not known.
    case unknown
    /// The chosen one is not there; those that are.
    case missing(BluetoothAddress, present: [BluetoothAddress])
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case off(AdapterIndex, BluetoothAddress)
    /// By rfkill: a switch, or a program.
    case blocked(AdapterIndex, BluetoothAddress)
    /// It has no LE, or no BR/EDR: whether it could be turned on.
    case lacks(AdapterIndex, BluetoothAddress, isLE: Bool, canHave: Bool)

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .none: "this machine has no Bluetooth adapter"
        case .unknown: "the kernel did not tell in time which Bluetooth adapters there are"
        case .missing(let address, _): "this machine has no adapter \(address)"
        case .off(let index, let address): "the adapter \(address) (\(index)) is powered off"
        case .blocked(let index, let address): "the adapter \(address) (\(index)) is blocked by rfkill"
        case .lacks(let index, let address, let isLE, let canHave):
            "the adapter \(address) (\(index)) \(canHave ? "has \(isLE ? "LE" : "BR/EDR") turned off" : "has no \(isLE ? "LE" : "BR/EDR")")"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .none: "plug one in: lsusb and dmesg show whether the kernel knows it"
        case .unknown: "run the same command again; if it happens again, see dmesg"
        case .missing(_, let present):
            "plug it in, or give one that is there: \(present.map(\.description).joined(separator: ", "))"
        case .off(let index, _): "power it on: btmgmt --index \(index.number) power on"
        case .blocked(let index, _):
            "unblock it: rfkill unblock bluetooth; then power it on: btmgmt --index \(index.number) power on"
        case .lacks(let index, _, let isLE, canHave: true):
            "turn it on: btmgmt --index \(index.number) \(isLE ? "le" : "bredr") on"
        case .lacks(_, _, _, canHave: false): "use another adapter, or another transport"
        }
    }
}

extension RadioSurvey {
    /// The adapters that can be used now, in the order of their numbers.
    /// - Parameters:
    ///   - wanted: one address; `.any`: all.
    ///   - isLE: over LE, otherwise over BR/EDR.
    public func usable(_ wanted: BluetoothAddress, isLE: Bool) -> [Adapter] {
        adapters.filter { (wanted == .any || $0.information.address == wanted) && $0.fault(isLE: isLE) == nil }
    }

    /// Why none can be used, nil if one can; if there are several, about the first.
    public func fault(_ wanted: BluetoothAddress, isLE: Bool) -> AdapterFault? {
        guard usable(wanted, isLE: isLE).isEmpty else { return nil }
        let present = adapters.map(\.information.address)
        guard let first = adapters.first(where: { wanted == .any || $0.information.address == wanted }) else {
            guard isComplete else { return .unknown }
            return present.isEmpty ? AdapterFault.none : .missing(wanted, present: present)
        }
        return first.fault(isLE: isLE)
    }
}

extension RadioSurvey.Adapter {
    fileprivate func fault(isLE: Bool) -> AdapterFault? {
        let (address, setting) = (information.address, isLE ? AdapterSettings.le : .classic)
        if isBlocked { return .blocked(index, address) }
        guard information.current.contains(.powered) else { return .off(index, address) }
        guard !information.current.contains(setting) else { return nil }
        return .lacks(index, address, isLE: isLE, canHave: information.supported.contains(setting))
    }
}
