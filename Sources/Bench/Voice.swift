import Glibc

/// The command's two voices. Lines go out whole and at once, because scripts wait for them.
public enum Voice {
    /// One line for standard output.
    public static func say(_ line: String) { write(line, to: STDOUT_FILENO) }

    /// One line for standard error.
    public static func complain(_ line: String) { write(line, to: STDERR_FILENO) }

    /// The operator's fault, in the form that all verbs use.
    public static func complain(_ fault: OperatorFault) {
        complain("srup-bench: \(fault.sentence)")
        complain("hint: \(fault.hint)")
    }

    /// A reader that has gone is no reason to stop: what cannot be written is left.
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
