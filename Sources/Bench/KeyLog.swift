import Files
import Glibc
import OperatorText

/// A TLS key log: a file with which Wireshark decrypts what a node of the bench has exchanged with its broker (docs/wireshark.md).
/// It is a secret: with it, a capture can be read by anyone, signed or not, sealed or not.
public final class KeyLog: Sendable {
    /// The file, opened for appending.
    let descriptor: Int32

    /// Opens a file, or creates it with mode 0600.
    /// - Throws: `OperatorFault` if it cannot be opened, or would disclose the keys: if it is not a regular file, belongs to another user,
    ///   or can be opened by others.
    public init(_ path: String) throws(OperatorFault) {
        let file: Int32
        do throws(FileError) { file = try File.open(path, O_WRONLY | O_APPEND | O_CREAT) } catch {
            throw OperatorFault(
                "the TLS key log \(path) cannot be written: \(error)",
                hint: "give --tls-key-log a new file in a folder that is writable")
        }
        var status = stat()
        precondition(fstat(file, &status) == 0, "an open file without a status: errno \(errno)")
        if let fault = KeyLog.fault(status) {
            close(file)
            throw OperatorFault(
                "the TLS key log \(path) \(fault)", hint: "give --tls-key-log a new file, or: rm \(path)")
        }
        descriptor = file
    }

    deinit { close(descriptor) }

    /// Why another user could read or write the file.
    private static func fault(_ status: stat) -> String? {
        guard status.st_uid == geteuid() else { return "belongs to user \(status.st_uid), who can read it" }
        guard status.st_mode & 0o077 == 0 else {
            return "can be opened by others (mode 0\(String(status.st_mode & 0o7777, radix: 8)))"
        }
        return nil
    }

    /// What a person must know each time that keys are written, in two lines.
    public static func warning(about path: String) -> String {
        """
        srup-bench: warning: the TLS keys of this run go to \(path): with it, anyone can read the captured messages to and from the broker
        hint: use it for your own bench only, and delete it with the capture: rm \(path)
        """
    }
}
