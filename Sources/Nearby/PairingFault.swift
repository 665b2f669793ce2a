import Bluetooth
import OperatorText

/// Why nothing was paired: for the operator to fix.
public enum PairingFault: OperatorError, Equatable {
    /// There is no management interface.
    case noManagement(LinkSocketError)
    /// None of the chosen adapters is powered on.
    case noAdapter
    /// CAP_NET_ADMIN is missing.
    case notPermitted
    /// The adapter was removed.
    case adapterGone
    /// This machine has a key for the peer.
    case alreadyPaired(RadioAddress)
    /// This machine has no key to remove.
    case notPaired(BluetoothAddress)
    /// Nobody answers at the address, or not under this kind of it.
    case nobody(RadioAddress)
    /// The peer answers, and does not take a pairing.
    case notOpen(RadioAddress)
    /// The person here has not said yes.
    case declinedHere(RadioAddress)
    /// The person there has not said yes, or not in time.
    case declinedThere(RadioAddress)
    /// Another pairing, or a scan, is under way.
    case busy(RadioAddress)
    /// The adapter is powered off, or blocked.
    case adapterOff

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .noManagement(let error): "there is nothing to pair with: \(error)"
        case .noAdapter: "none of the chosen Bluetooth adapters is powered on"
        case .notPermitted: "no permission to change pairings"
        case .adapterGone: "the Bluetooth adapter is gone"
        case .alreadyPaired(let peer): "this machine is already paired with \(peer)"
        case .notPaired(let peer): "this machine has no pairing with \(peer)"
        case .nobody(let peer): "nobody answers at \(peer)"
        case .notOpen(let peer): "\(peer) answers and does not pair: it is not open for pairing"
        case .declinedHere(let peer): "not paired with \(peer): the digits were not confirmed here"
        case .declinedThere(let peer): "not paired with \(peer): the digits were not confirmed there"
        case .busy(let peer): "not paired with \(peer): the adapter is still busy with another connection or pairing"
        case .adapterOff: "the Bluetooth adapter was powered off"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .noManagement: "plug in a Bluetooth adapter"
        case .noAdapter: "power it on: start the beacon, or run: bluetoothctl power on"
        case .notPermitted: "run it as root, or with the capability CAP_NET_ADMIN"
        case .adapterGone: "plug it in again"
        case .alreadyPaired(let peer):
            "use it; if \(peer.address) has lost or removed the pairing, remove it here, too, and pair again: srup-bench pair --remove \(peer.address)"
        case .notPaired: "check the address, and with --adapter from which adapter it was paired"
        case .nobody:
            "check the address and its --kind with srup-bench scan, move closer, and check that the beacon runs"
        case .notOpen: "open it first, at the beacon: srup-beacon pair"
        case .declinedHere, .declinedThere: "pair again, and answer yes on both sides if both show the same six digits"
        case .busy: "wait some seconds, and pair again"
        case .adapterOff: "power it on: btmgmt --index N power on, for hciN"
        }
    }
}

/// A pairing that this side has begun, as far as it has come: it says what a failure means. The kernel's status alone does not: a beacon
/// that is not open for pairing and a person who says no have the same.
struct PairingAttempt: Equatable {
    let peer: RadioAddress
    /// The two adapters have met.
    var hasConnected = false
    /// A person here was shown digits.
    var wasAsked = false
    /// The person here has said no.
    var hasDeclined = false

    /// Why it has failed.
    func fault(_ status: ManagementStatus) -> PairingFault {
        switch status {
        case .alreadyPaired: .alreadyPaired(peer)
        case .denied: .notPermitted
        case .noAdapter: .adapterGone
        case .notPowered, .blocked: .adapterOff
        case .busy, .noResources: .busy(peer)
        case .connectFailed: .nobody(peer)
        case .success, .notConnected, .authenticationFailed, .notPaired, .timeout, .alreadyConnected, .rejected,
            .invalid,
            .disconnected, .notSupported, .cancelled, .failed:
            hasDeclined
                ? .declinedHere(peer)
                : wasAsked ? .declinedThere(peer) : hasConnected || status != .timeout ? .notOpen(peer) : .nobody(peer)
        }
    }
}
