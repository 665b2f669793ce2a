import Daemon
import Glibc
import Nearby

/// Opens the kernel's Bluetooth management for a beacon that may not: the kernel trusts the socket, whoever uses it later.
/// The beacon itself then runs without any capability.
public enum ManagementGrant {
    /// Opens the socket and leaves it with systemd, for the service that this process belongs to (its unit says
    /// FileDescriptorStoreMax and NotifyAccess).
    /// - Returns: nil, or why there is nothing to give: a machine without Bluetooth is none of the operator's faults.
    /// - Throws: `OperatorFault`.
    public static func give() throws -> String? {
        let socket: Int32
        do throws(LinkSocketError) {
            socket = try Management.open()
        } catch {
            guard error == .noBluetooth else {
                throw OperatorFault(
                    "the adapters cannot be looked after: \(error)", hint: "see journalctl -k for Bluetooth")
            }
            return "\(error)"
        }
        defer { close(socket) }
        guard ServiceManager().keep(management: socket) else {
            throw OperatorFault(
                "nobody takes the management socket",
                hint: "this verb is for ExecStartPre in the unit of systemd; see docs/operations.md, «Permissions»")
        }
        return nil
    }
}
