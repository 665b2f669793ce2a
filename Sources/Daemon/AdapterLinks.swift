import Bluetooth
import BootTime
import Nearby
import ProofLink

/// The kernel answers from memory, or after one question to the controller.
private let signalTimeout = Duration.milliseconds(500)

// What links need of the adapters that carry them.
extension Adapters {
    /// Bytes were received or sent over an adapter: it works.
    func carried(_ address: BluetoothAddress) {
        guard let adapter = index(of: address) else { return }
        adapters[adapter]?.lastByte = clock.now
        adapters[adapter]?.supervisor.heard(at: now)
    }

    private func index(of address: BluetoothAddress) -> AdapterIndex? {
        adapters.first { $0.value.supervisor.information?.address == address }?.key
    }

    /// Asks for the signal strength of a connection.
    /// - Returns: false where nothing can tell; otherwise `then` is called later, exactly once, with it in dBm or nil.
    func measureSignal(
        of peer: RadioAddress, over address: BluetoothAddress, then: @escaping @Sendable (Int8?) -> Void
    ) -> Bool {
        guard let management, peer.kind != .classic, let adapter = index(of: address),
            adapters[adapter]?.supervisor.state != .notPermitted
        else { return false }
        management.send(.readConnection(peer), to: adapter, timeout: signalTimeout) { status, reply in
            then(status == .success ? AdapterInformation.signal(reply) : nil)
        }
        return true
    }
}
