import Daemon
import Glibc
import Nearby
import OperatorText

/// Opens the kernel's Bluetooth management for a beacon that lacks permission: the kernel checks only who opens the socket.
/// The beacon itself then runs without any capability.
public enum ManagementGrant {
    /// Opens the socket and leaves it with systemd, for the service that this process belongs to (its unit says
    /// FileDescriptorStoreMax and NotifyAccess).
    /// - Returns: nil, or why there is nothing to give: a machine without Bluetooth is not an operator's error.
    /// - Throws: `OperatorFault`.
    public static func give() throws -> String? {
        let socket: Int32
        do throws(LinkSocketError) {
            socket = try Management.open()
        } catch {
            guard error == .noBluetooth else {
                throw OperatorFault(
                    "the adapters cannot be managed: \(error)", hint: "see journalctl -k for Bluetooth")
            }
            return "\(error)"
        }
        defer { close(socket) }
        guard ServiceManager().keep(management: socket) else {
            throw OperatorFault(
                "nobody takes the management socket",
                hint: "this verb is for ExecStartPre in the unit of systemd; see docs/operations.md, \"Permissions\"")
        }
        return nil
    }
}
