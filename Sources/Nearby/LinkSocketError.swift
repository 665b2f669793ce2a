import Bluetooth
import Glibc
import OperatorText
import ProofLink

/// Why a socket could not be created; the system's number for it.
public enum LinkSocketError: OperatorError, Hashable, CustomStringConvertible {
    /// This kernel has no Bluetooth: every radio transport is missing.
    case noBluetooth
    /// A path too long for a Unix socket.
    case pathTooLong(String)
    /// Something that is not a socket is at the path already.
    case notASocket(String)
    /// A call failed: which, and its errno.
    case failed(call: String, errno: Int32)
    /// A connect over Bluetooth failed for a reason that is known.
    case noLink(NoLink)
    /// The link is there, and its packets are too short for the proof link.
    case shortPackets(ShortPackets)

    /// The message.
    public var description: String { message }

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .noBluetooth: "this machine's kernel has no Bluetooth"
        case .pathTooLong(let path): "\(path) is longer than \(NearbyAddress.maximumPath) bytes"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .failed(let call, let number): "\(call): \(String(cString: strerror(number)))"
        case .noLink(let cause): cause.message
        case .shortPackets(let fault): fault.message
        }
    }

    /// Whether this process, or the machine, has no descriptor or no memory left for another socket: a socket that is there still works.
    public var isShortage: Bool {
        if case .failed(_, let number) = self { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(number) } else { false }
    }

    /// For the end that connects; a program that cannot listen names the setting of the place itself.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .noBluetooth: "use a machine with a Bluetooth adapter, or \(names.localLink)"
        case .notASocket: "give the path of the beacon's socket"
        case .pathTooLong: "give the beacon's socket a shorter path"
        case .failed: "check that the beacon listens there, and that you may connect to it"
        case .noLink(let cause): cause.hint(for: names)
        case .shortPackets(let fault): fault.hint(for: names)
        }
    }

    /// This error of a connect, with what its number means at that address.
    package func ofConnect(to address: NearbyAddress, from adapter: BluetoothAddress) -> LinkSocketError {
        guard case .failed(_, let number) = self, let cause = NoLink(errno: number, address, from: adapter) else {
            return self
        }
        return .noLink(cause)
    }
}
