import Glibc
import OperatorText

/// Standard output and standard error. Each line is written whole and at once, because scripts wait for them.
public enum Terminal {
    /// One line for standard output.
    public static func print(_ line: String) { write(line, to: STDOUT_FILENO) }

    /// One line for standard error.
    public static func printError(_ line: String) { write(line, to: STDERR_FILENO) }

    /// An operator's error on standard error, in the form that all verbs use.
    public static func printError(_ error: any OperatorError) { printError(error.report(by: "srup-bench", .bench)) }

    /// What cannot be written, because its reader has exited, is dropped: that must not end the command.
    private static func write(_ line: String, to descriptor: Int32) {
        let bytes = Array((line + "\n").utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            written += max(0, count)
        }
    }
}
