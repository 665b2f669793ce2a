import Glibc
import OperatorText

/// What is wrong with the path of a beacon's local socket, as the operator of a device can fix it.
package enum LocalLink {
    /// Looks at the path before anything is asked of a server: a join whose proof can never arrive fails, and costs the server an
    /// observation. A socket at which nobody listens is not a fault here: the beacon may be starting.
    /// - Throws: `OperatorFault` if there is no socket, or this user may not connect to it.
    package static func check(_ address: NearbyAddress) throws(OperatorFault) {
        guard case .local(let path) = address else { return }
        guard path.utf8.count <= NearbyAddress.maximumPath else { throw fault(.pathTooLong(path), at: path) }
        var status = stat()
        guard stat(path, &status) == 0 else { throw fault(.failed(call: "connect", errno: errno), at: path) }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw fault(.notASocket(path), at: path) }
        guard access(path, W_OK) == 0 else { throw fault(.failed(call: "connect", errno: errno), at: path) }
    }

    /// Why there is no link, over whatever transport.
    package static func fault(_ error: LinkSocketError, to address: NearbyAddress) -> OperatorFault {
        if case .local(let path) = address { return fault(error, at: path) }
        return OperatorFault("cannot connect to \(address): \(error.message)", hintOf: error)
    }

    /// Why there is no link over a local socket.
    package static func fault(_ error: LinkSocketError, at path: String) -> OperatorFault {
        let give = "give the path that [link] local has in that beacon's configuration: local:PATH"
        return switch error {
        case .notASocket: OperatorFault("\(path) is not a socket", hint: give)
        case .failed(_, ENOENT), .failed(_, ENOTDIR):
            OperatorFault(
                "there is no socket at \(path)",
                hint: give + "; if it has none, it is reached over Bluetooth only: rfcomm:ADDRESS")
        case .failed(_, ECONNREFUSED):
            OperatorFault("no beacon listens at \(path)", hint: "start the beacon: systemctl start srup-beacon")
        case .failed(_, EACCES), .failed(_, EPERM):
            OperatorFault(
                "this user may not connect to \(path)",
                hint: "run this as the beacon's user, or as a member of its group: ls -ld \(path)")
        case .failed(_, EAGAIN):
            OperatorFault(
                "the beacon at \(path) takes no further connection now", hint: "wait; then see the beacon's log")
        case .pathTooLong, .noBluetooth, .failed, .noLink, .shortPackets: OperatorFault(error.message, hintOf: error)
        }
    }
}
