import Files
import Glibc
import Nearby
import OperatorText

extension Configuration {
    /// Why the local socket could not be made now; nil: it could, or there is none. It is a warning: systemd makes the folders of a unit
    /// (RuntimeDirectory=) when it starts it.
    var localLinkFinding: OperatorFault? {
        guard let path = localPath else { return nil }
        guard path.utf8.count <= NearbyAddress.maximumPath else {
            return OperatorFault(
                "[link] local \(path) is longer than the \(NearbyAddress.maximumPath) bytes that a socket's path may have",
                hint: "give it a shorter path, or turn it off")
        }
        let folder = Folder.of(path)
        guard access(folder, W_OK | X_OK) != 0 else { return nil }
        return OperatorFault(
            "the local socket \(path) cannot be created in \(folder) now: \(FileError.last)",
            hint: "create the folder for the beacon's user, or have the unit do it: RuntimeDirectory=")
    }
}
