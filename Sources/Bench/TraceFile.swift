import EventLoop
import Glibc

/// A trace file that lines are appended to, each with one write: whoever reads it meanwhile sees whole lines.
public final class TraceFile: Sendable {
    private let descriptor: Int32

    /// Opens a file, or makes it.
    /// - Throws: `OperatorFault`.
    public init(_ path: String) throws(OperatorFault) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw OperatorFault(
                "the trace file \(path) cannot be written: \(String(cString: strerror(errno)))",
                hint: "give --trace a place where we may write")
        }
    }

    deinit { close(descriptor) }

    /// Appends a line. A full disk costs the trace, not the run.
    public func append(_ line: TraceLine) {
        let bytes = Array((line.json + "\n").utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }

    /// Now, as trace lines count it: microseconds of CLOCK_BOOTTIME.
    public static var now: Int64 { bootNanoseconds() / 1_000 }
}
