import Bluetooth
import EventLoop
import ProofLink

/// Removes this machine's side of a pairing; bluetoothd, if it runs, forgets it too. The other side keeps its own.
///
/// `@unchecked Sendable`: used on its loop's thread only.
public final class PairingRemoval: @unchecked Sendable {
    private let loop = Loop()
    private let peer: BluetoothAddress
    private var steps: [(adapter: RadioSurvey.Adapter, kind: AddressKind)]
    private var management: Management?
    private var removed: [BluetoothAddress] = []
    private var fault: PairingFault?
    /// An adapter that is off may have keys, and the kernel does not remove them.
    private var isOff = false

    private init(_ peer: BluetoothAddress, _ adapters: [RadioSurvey.Adapter]) {
        self.peer = peer
        steps = adapters.flatMap { adapter in AddressKind.allCases.map { (adapter, $0) } }
    }

    /// Removes the keys of every kind that these adapters have for an address: a pairing over LE may have given one for BR/EDR.
    /// - Parameter given: the management socket, for tests.
    /// - Returns: the adapters that had any.
    /// - Throws: `PairingFault`.
    public static func run(
        _ peer: BluetoothAddress, from adapters: [RadioSurvey.Adapter], given: Int32? = nil
    ) throws(PairingFault) -> [BluetoothAddress] {
        let removal = PairingRemoval(peer, adapters)
        removal.loop.perform { removal.start(given) }
        removal.loop.run()
        if let fault = removal.fault { throw fault }
        guard !removal.removed.isEmpty else { throw removal.isOff ? .adapterOff : .notPaired(peer) }
        return removal.removed
    }

    private func start(_ given: Int32?) {
        do throws(LinkSocketError) { management = try Management(loop, given: given) { _, _ in } } catch {
            fault = .noManagement(error)
            return loop.stop()
        }
        next()
    }

    private func next() {
        guard !steps.isEmpty, fault == nil else {
            management?.close()
            return loop.stop()
        }
        let (adapter, kind) = steps.removeFirst()
        management?.send(.unpair(RadioAddress(peer, kind)), to: adapter.index) { [unowned self] status, _ in
            let address = adapter.information.address
            if status == .success, removed.last != address { removed.append(address) }
            if status == .denied { fault = .notPermitted }
            if [.notPowered, .blocked].contains(status) { isOff = true }
            next()
        }
    }
}
