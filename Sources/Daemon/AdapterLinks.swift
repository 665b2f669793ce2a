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

    /// The adapters that can search for advertisements now.
    var canSearch: [(index: AdapterIndex, address: BluetoothAddress)] {
        adapters.sorted { $0.key < $1.key }.compactMap { index, adapter in
            guard let information = adapter.supervisor.information, adapter.supervisor.state == .ready,
                information.current.isSuperset(of: [.powered, .le])
            else { return nil }
            return (index, information.address)
        }
    }

    /// Begins a search for advertisements, or ends it. What is found is told to `found`.
    /// - Parameter done: is called once, later, unless adapters cannot be managed.
    func search(_ begins: Bool, with adapter: AdapterIndex, then done: @escaping @Sendable (ManagementStatus) -> Void) {
        management?.send(begins ? .startDiscovery : .stopDiscovery, to: adapter) { status, _ in done(status) }
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
