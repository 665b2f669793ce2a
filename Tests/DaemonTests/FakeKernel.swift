import Glibc
import Observing
import Testing
import TestVectors

@testable import Daemon
@testable import EventLoop
@testable import Bluetooth

/// The other end of the management socket: adapters, and answers to commands like the kernel's.
final class FakeKernel {
    struct Adapter {
        var address: BluetoothAddress
        var settings: AdapterSettings = [.classic]
        var supported: AdapterSettings = [
            .powered, .connectable, .discoverable, .bondable, .simplePairing, .classic, .le, .secureConnections,
            .privacy,
        ]
        var instances: Set<UInt8> = []
        /// The parameters of the last Add Advertising.
        var advertised: [UInt8] = []
    }

    var adapters: [UInt16: Adapter] = [:]
    /// The status of the commands that do not succeed, by their code.
    var faults: [UInt16: UInt8] = [:]
    /// Commands that are not answered.
    var ignored: Set<UInt16> = []
    /// The signal strength of every connection.
    var signal = UInt8(bitPattern: -55)
    var codes: [UInt16] = []

    /// For `Management(given:)`.
    let given: Int32
    private let socket: Int32

    init() throws {
        var pair: [Int32] = [0, 0]
        let flags = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, flags, 0, &pair) == 0)
        (given, socket) = (pair[0], pair[1])
    }

    deinit {
        close(given)
        close(socket)
    }

    /// Answers the commands that have arrived, and lets the loop handle the answers, until nothing is left to do.
    func settle(_ loop: Loop) {
        repeat { loop.turn() } while answer()
        loop.turn()
    }

    private func answer() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var hasAnswered = false
        while case let count = recv(socket, &buffer, buffer.count, 0), count >= 6 {
            let code = UInt16(buffer[0]) | UInt16(buffer[1]) << 8
            let index = UInt16(buffer[2]) | UInt16(buffer[3]) << 8
            codes.append(code)
            guard !ignored.contains(code) else { continue }
            let fault = faults[code]
            let reply = fault == nil ? reply(to: code, index, Array(buffer[6..<count])) : []
            tell(1, index, littleEndian(code) + [fault ?? 0] + reply)
            hasAnswered = true
        }
        return hasAnswered
    }

    /// An event.
    func tell(_ code: UInt16, _ index: UInt16, _ parameters: [UInt8] = []) {
        let packet = littleEndian(code) + littleEndian(index) + littleEndian(UInt16(parameters.count)) + parameters
        #expect(send(socket, packet, packet.count, Int32(MSG_NOSIGNAL)) == packet.count)
    }

    func plugIn(_ index: UInt16, _ adapter: Adapter) {
        adapters[index] = adapter
        tell(4, index)
    }

    func pullOut(_ index: UInt16) {
        adapters[index] = nil
        tell(5, index)
    }

    /// Another program changes the settings.
    func change(_ index: UInt16, to settings: AdapterSettings) {
        adapters[index]?.settings = settings
        tell(6, index, littleEndian(settings.rawValue))
    }

    private func set(_ setting: AdapterSettings, _ index: UInt16, _ on: Bool) -> [UInt8] {
        if on { adapters[index]?.settings.insert(setting) } else { adapters[index]?.settings.remove(setting) }
        return littleEndian(adapters[index]?.settings.rawValue ?? 0)
    }

    private func reply(to code: UInt16, _ index: UInt16, _ parameters: [UInt8]) -> [UInt8] {
        let isOn = parameters.first.map { $0 != 0 } ?? false
        switch code {
        case 0x0003:
            return littleEndian(UInt16(adapters.count)) + adapters.keys.sorted().flatMap { littleEndian($0) }
        case 0x0004:
            guard let adapter = adapters[index] else { return [] }
            return adapter.address.bytes.reversed() + [9, 0, 0] + littleEndian(adapter.supported.rawValue)
                + littleEndian(adapter.settings.rawValue) + [UInt8](repeating: 0, count: 263)
        case 0x0005: return set(.powered, index, isOn)
        case 0x0006: return set(.discoverable, index, isOn)
        case 0x0007: return set(.connectable, index, isOn)
        case 0x000B: return set(.simplePairing, index, isOn)
        case 0x000D: return set(.le, index, isOn)
        case 0x002A: return set(.classic, index, isOn)
        case 0x002D: return set(.secureConnections, index, isOn)
        case 0x0031: return parameters + [signal, 0, 0]
        case 0x003D:
            let used = adapters[index]?.instances.sorted() ?? []
            return [0, 0, 0, 0, 31, 31, 3, UInt8(used.count)] + used
        case 0x003E, 0x003F:
            if code == 0x003E {
                adapters[index]?.instances.insert(parameters[0])
                adapters[index]?.advertised = parameters
            }
            if code == 0x003F { adapters[index]?.instances.remove(parameters[0]) }
            return [parameters[0]]
        default: return []
        }
    }
}
