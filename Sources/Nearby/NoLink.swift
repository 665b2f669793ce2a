import Bluetooth
import Glibc
import OperatorText
import ProofLink

/// Why there is no Bluetooth link to a beacon: what the kernel's number for a failed connect means over Bluetooth.
///
/// The kernel makes it from the controller's status (net/bluetooth/lib.c, `bt_to_errno`) or from the answer of the other L2CAP or RFCOMM.
/// Some numbers have more than one cause, and then the sentence names them. Numbers of the local transport are not in the table.
public struct NoLink: OperatorError, Hashable {
    /// A cause, however many numbers it has.
    public enum Cause: CaseIterable, Hashable, Sendable {
        /// The adapter there answers, and refuses the channel or PSM.
        case refused
        /// Nobody answers at the address.
        case nobody
        /// Nothing was decided in time. Over LE that is also what an address without an advertiser looks like.
        case late
        /// No adapter of this machine can connect: the one that was asked for is off or missing, or all are.
        case ownAdapter
        /// One of the two adapters lacks this kind of Bluetooth.
        case unsupported
        /// The link is not secured as the beacon requires.
        case notPaired
        /// This side has a key of a pairing, and the other side does not.
        case keyMissing
        /// The connection was made, and ended before the beacon had said anything.
        case broken
        /// The channel, or the controller, is in use.
        case busy
        /// The connection could not be established.
        case failed
    }

    /// What each number means; any other is not a cause of Bluetooth's.
    static let causes: [Int32: Cause] = [
        ECONNREFUSED: .refused,
        EHOSTDOWN: .nobody, ETIMEDOUT: .late,
        EHOSTUNREACH: .ownAdapter, ENODEV: .ownAdapter, ENETDOWN: .ownAdapter,
        EOPNOTSUPP: .unsupported, EPROTONOSUPPORT: .unsupported,
        EACCES: .notPaired, EBADE: .keyMissing,
        ECONNRESET: .broken, ECONNABORTED: .broken, ENOTCONN: .broken, EPIPE: .broken,
        EAGAIN: .busy, EALREADY: .busy, EBUSY: .busy, EINTR: .busy, EMLINK: .busy, ENOMEM: .busy, ELOOP: .busy,
        // ENOSYS is every status of a controller that the kernel has no number for, "connection failed to be established" among them.
        EBADRQC: .failed, EIO: .failed, ENOSYS: .failed, EPROTO: .failed,
    ]

    /// The cause.
    public let cause: Cause
    /// Of the beacon.
    public let address: NearbyAddress
    /// This machine's end; `.any`: whichever the kernel takes.
    public let adapter: BluetoothAddress

    /// A cause at a radio address.
    /// - Precondition: the address is a radio's.
    public init(_ cause: Cause, _ address: NearbyAddress, from adapter: BluetoothAddress) {
        precondition(address.transport.isRadio, "\(address) is not over Bluetooth")
        (self.cause, self.address, self.adapter) = (cause, address, adapter)
    }

    /// The meaning of a number; nil on the local transport, and for a number that Bluetooth does not give.
    init?(errno number: Int32, _ address: NearbyAddress, from adapter: BluetoothAddress) {
        guard address.transport.isRadio, let cause = NoLink.causes[number] else { return nil }
        self.init(cause, address, from: adapter)
    }

    /// Whether another attempt soon is useless: only people can change it. It may still be a stranger's doing, so that it does not end a
    /// join.
    var needsPeople: Bool {
        switch cause {
        case .unsupported, .notPaired, .keyMissing: true
        case .refused, .nobody, .late, .ownAdapter, .broken, .busy, .failed: false
        }
    }

    private var isLE: Bool { address.transport == .le }

    /// What is wrong: one line, lower case. The address is said beside it.
    public var message: String {
        switch cause {
        case .refused:
            isLE
                ? "the adapter there answers and refuses this PSM: nothing listens on it"
                : "the adapter there answers and refuses: nothing listens on this \(address.portName), or the beacon takes paired devices only"
        case .nobody: "nobody answers at this address over \(isLE ? "LE" : "BR/EDR")"
        case .late:
            isLE
                ? "no link in time: nobody advertises under this address as a \(address.isRandom ? "random" : "public") one, or the beacon takes paired devices only"
                : "no link in time: the beacon takes paired devices only, or it does not answer"
        case .ownAdapter:
            adapter == .any
                ? "no Bluetooth adapter of this machine is powered on"
                : "this machine's adapter \(adapter) is missing or powered off"
        case .unsupported: "this machine's adapter, or the one there, does not have \(isLE ? "LE" : "BR/EDR")"
        case .notPaired:
            "the link was refused for its security: the two adapters have not paired, or without comparing numbers, or one side has removed the pairing"
        case .keyMissing:
            "the adapter there does not know the pairing that this machine has with it: it was removed there"
        case .broken:
            "the connection broke off before the beacon said anything: the radio is disturbed, or the beacon takes paired devices only"
        case .busy: "this \(address.portName) is in use by another link"
        case .failed: "the connection could not be established"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch cause {
        case .refused:
            isLE
                ? "check that the beacon runs, and its PSM: srup-bench scan"
                : "check that the beacon runs, and its [link] \(address.transport.rawValue); to pair: \(pairingAgain)"
        case .nobody: "check the address, and that the beacon is near and its adapter is powered on and connectable"
        case .late:
            isLE
                ? "check the address and its kind, le: or le-random:, with srup-bench scan; to pair: \(pairingAgain)"
                : "check that the beacon is near; to pair: \(pairingAgain)"
        case .ownAdapter:
            "plug it in, or power it on: btmgmt --index N power on, for hciN; rfkill list shows whether it is blocked"
        case .unsupported: "use another transport, or another adapter"
        case .notPaired: "pair: \(pairingAgain)"
        case .keyMissing: "remove the pairing here: \(removal); then pair again: \(pairing)"
        case .broken: "move closer; to pair, which also helps some adapters: \(pairingAgain)"
        case .busy: "wait, or end what else uses it on this machine"
        case .failed: "move closer; the kernel's log may say more: journalctl -k"
        }
    }

    /// The commands that pair with this beacon.
    private var pairing: String {
        "srup-beacon pair at the beacon, then srup-bench pair \(address.radio.address) --kind \(address.pairingKind)\(from)"
    }

    /// The same, for what may be an old pairing as well.
    private var pairingAgain: String { "\(pairing) (if this machine was paired with it before, first \(removal))" }

    /// The command that removes this machine's side of a pairing.
    private var removal: String { "srup-bench pair --remove \(address.radio.address)\(from)" }

    private var from: String { adapter == .any ? "" : " --adapter \(adapter)" }
}

extension NearbyAddress {
    /// The other end, as the kernel's management names it.
    /// - Precondition: a radio address.
    var radio: RadioAddress {
        switch self {
        case .rfcomm(let address, _), .l2cap(let address, _): RadioAddress(address, .classic)
        case .le(let address, _, let random): RadioAddress(address, random ? .leRandom : .lePublic)
        case .local: preconditionFailure("\(self) is not over Bluetooth")
        }
    }

    fileprivate var portName: String { transport == .rfcomm ? "channel" : "PSM" }

    fileprivate var isRandom: Bool { if case .le(_, _, random: true) = self { true } else { false } }

    /// `srup-bench pair --kind`.
    fileprivate var pairingKind: String {
        switch radio.kind {
        case .classic: "br/edr"
        case .lePublic: "le-public"
        case .leRandom: "le-random"
        }
    }
}
