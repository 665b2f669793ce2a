import Files
import Keys
import OperatorText

/// Files that decide which keys a server or a device trusts: only root and this user may be able to change or replace them.
/// The rule is `FileTrust.fault`, as in the beacon.
public enum TrustedFiles {
    /// Checks that a file is a regular one that no other user can change. If it does not exist, opening it reports that.
    /// - Parameter name: what it is, for the fault.
    /// - Throws: `OperatorFault`.
    public static func examine(_ path: String, as name: String) throws(OperatorFault) {
        if let fault = FileTrust.fault(of: path, as: name) { throw fault }
    }

    /// Checks that no other user can change or replace a file or folder.
    static func examinePlace(of path: String, as name: String) throws(OperatorFault) {
        if let fault = FileTrust.fault(ofPlace: path, as: name) { throw fault }
    }
}
