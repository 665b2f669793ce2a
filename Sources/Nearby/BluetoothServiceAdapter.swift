import Bluetooth

/// An adapter of bluetoothd's, and how it was before it was opened for pairing.
struct ServiceAdapter {
    private static let interface = "org.bluez.Adapter1"
    /// Each has a time limit, which is always set first: bluetoothd applies it when it switches on.
    private static let switches = ["Pairable", "Discoverable"]

    private let path: String
    private let before: BusValue

    /// hciN.
    var name: String { path.split(separator: "/").last.map { String($0) } ?? path }

    /// bluetoothd's adapters, those with these addresses; empty: all.
    static func all(on bus: SystemBus, wanted: [BluetoothAddress]) -> [ServiceAdapter] {
        let call = bus.makeCall(BusName.bluez, "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        guard let answer = bus.call(call), case .dictionary(let objects)? = answer.body.first else { return [] }
        return objects.sorted { $0.key < $1.key }.compactMap { path, interfaces in
            guard let before = interfaces[interface] else { return nil }
            let address: BluetoothAddress? =
                if case .variant(let value)? = before["Address"] { BluetoothAddress(value.text ?? "") } else { nil }
            let isWanted = wanted.isEmpty || address.map(wanted.contains) ?? false
            return isWanted ? ServiceAdapter(path: path, before: before) : nil
        }
    }

    /// Makes it discoverable and pairable, until `restore`. The error, or nil.
    /// - Parameter seconds: after which bluetoothd closes it by itself; that must not happen earlier, or what it closes at
    ///   that moment stays closed.
    func open(seconds: Int, on bus: SystemBus) -> String? {
        for name in ServiceAdapter.switches {
            let why =
                set(name + "Timeout", .number(UInt32(clamping: seconds)), on: bus) ?? set(name, .flag(true), on: bus)
            if let why { return why }
        }
        return nil
    }

    /// Restores it, as far as bluetoothd still accepts that.
    func restore(on bus: SystemBus) {
        for name in ServiceAdapter.switches {
            for name in [name + "Timeout", name] {
                guard case .variant(let value)? = before[name] else { continue }
                _ = set(name, value, on: bus)
            }
        }
    }

    private func set(_ name: String, _ value: BusValue, on bus: SystemBus) -> String? {
        bus.failure(
            of: bus.makeCall(
                BusName.bluez, path, "org.freedesktop.DBus.Properties", "Set",
                [.text(ServiceAdapter.interface), .text(name), .variant(value)]))
    }
}
