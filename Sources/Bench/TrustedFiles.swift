import Keys

/// Files that decide whom a server or a device believes: nobody but root and we may change them, or put others in their place.
/// The rule is `FileTrust.fault`, the beacon's own.
public enum TrustedFiles {
    /// Looks whether a file is a regular one that nobody else can change. A file that does not exist is left to the caller that opens it.
    /// - Parameter name: what it is: stands before its path.
    /// - Throws: `OperatorFault`.
    public static func examine(_ path: String, as name: String) throws(OperatorFault) {
        if let fault = FileTrust.fault(of: path, as: name) { throw OperatorFault(fault.sentence, hint: fault.hint) }
    }

    /// Looks whether nobody else can change a file or folder, or put another one in its place.
    static func examinePlace(of path: String, as name: String) throws(OperatorFault) {
        if let fault = FileTrust.fault(ofPlace: path, as: name) {
            throw OperatorFault(fault.sentence, hint: fault.hint)
        }
    }
}
