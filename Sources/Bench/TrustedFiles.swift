import Keys

/// Files that decide whom a server or a device believes: nobody but root and we may change them, or put others in their place.
/// The rule is `OpenPlace.first`, the beacon's own.
public enum TrustedFiles {
    /// Looks whether a file is a regular one that nobody else can change. A file that does not exist is left to whoever opens it.
    /// - Parameter name: what it is: stands before its path.
    /// - Throws: `OperatorFault`.
    public static func examine(_ path: String, as name: String) throws(OperatorFault) {
        guard !isIrregular(path, isFollowing: true) else {
            throw OperatorFault(
                "\(name) \(path) is not a regular file", hint: "put the file itself there: ls -l \(path)")
        }
        try examinePlace(of: path, as: name)
    }

    /// Looks whether nobody else can change a file or folder, or put another one in its place.
    static func examinePlace(of path: String, as name: String) throws(OperatorFault) {
        guard let open = OpenPlace.first(onTheWayTo: path) else { return }
        throw OperatorFault(
            "\(name) \(path) can be changed by others: \(open.path == path ? "it" : open.path) \(open.fault)",
            hint: open.remedy)
    }
}
