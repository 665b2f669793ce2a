import Bluetooth
import Foundation
import Nearby
import ProofLink
import Synchronization
import SystemSupport
import Testing

/// Everything that needs a radio, one test at a time: there is only one radio.
@Suite("Over the radio", .serialized, .enabled(if: Radio.isLinked, "needs linked controllers: Scripts/lab"))
enum RadioTests {}

/// The linked controllers. The beacon is on hci0, with hci1 near by, and on hci2, with hci3 near by: the emulated
/// controllers lose data if one has two peers.
enum Radio {
    static var isLinked: Bool { ProcessInfo.processInfo.environment["SRUP_LAB"] != nil }

    /// The transports of the radio.
    static let transports = Transport.allCases.filter { $0 != .local }

    /// The address of hciN, from the kernel.
    static func address(of adapter: Int) throws -> BluetoothAddress {
        let file = "/sys/kernel/debug/bluetooth/hci\(adapter)/identity"
        let text = try? String(contentsOfFile: file, encoding: .utf8)
        guard let text, let address = BluetoothAddress(text.prefix(17)) else {
            throw NotInTime(what: "hci\(adapter), powered on (Scripts/lab --adapters 4)")
        }
        return address
    }

    /// Where the beacon of these tests listens on an adapter.
    static func address(_ transport: Transport, on adapter: Int) throws -> NearbyAddress {
        let bluetooth = try address(of: adapter)
        switch transport {
        case .rfcomm: return .rfcomm(bluetooth, channel: NearbyAddress.defaultChannel)
        case .l2cap: return .l2cap(bluetooth, psm: NearbyAddress.defaultPSM)
        case .le: return .le(bluetooth, psm: NearbyAddress.defaultLEPSM, random: false)
        case .local: throw NotInTime(what: "a radio for the local transport")
        }
    }

    /// The expected device's route to the beacon.
    static func deviceWay(_ transport: Transport) throws -> Route {
        try settle(for: transport)
        return Route(try address(transport, on: 0), from: try address(of: 1))
    }

    /// Another device's route to it.
    static func strangerWay(_ transport: Transport) throws -> Route {
        try settle(for: transport)
        return Route(try address(transport, on: 2), from: try address(of: 3))
    }

    private static let lastWasLE = Mutex<Bool?>(nil)

    /// Waits, between BR/EDR and LE, until the kernel has let every connection go, some seconds after its last use: the
    /// emulated controllers mix up two connections of one pair.
    static func settle(for transport: Transport) throws {
        let isLE = transport == .le
        let last = lastWasLE.withLock { last in
            defer { last = isLE }
            return last
        }
        guard last != isLE else { return }
        try eventually("the radio is quiet", within: 30) {
            try FileManager.default.contentsOfDirectory(atPath: "/sys/class/bluetooth").allSatisfy { !$0.contains(":") }
        }
    }

    /// A command of `lab-radio`.
    static func adapter(_ words: String...) throws { try Network.run("/usr/bin/env", ["lab-radio"] + words) }
}

/// The median and the maximum, in milliseconds, as text.
func medianAndWorst(_ nanoseconds: [Int64]) -> String {
    let sorted = nanoseconds.sorted()
    guard let worst = sorted.last else { return "nothing" }
    func milliseconds(_ value: Int64) -> String { String(format: "%.1f ms", Double(value) / 1e6) }
    return "median \(milliseconds(sorted[sorted.count / 2])), worst \(milliseconds(worst))"
}
