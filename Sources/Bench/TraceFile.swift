import BootTime
import EventLoop
import Glibc
import OperatorText

/// A trace file. Each line is appended with one write, so that readers always see whole lines.
public final class TraceFile: Sendable {
    private let descriptor: Int32

    /// Opens a file; creates it if it does not exist.
    /// - Throws: `OperatorFault`.
    public init(_ path: String) throws(OperatorFault) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw OperatorFault(
                "the trace file \(path) cannot be written: \(String(cString: strerror(errno)))",
                hint: "give --trace a place that is writable")
        }
    }

    deinit { close(descriptor) }

    /// Appends a line. If the disk is full, the line is lost and the run continues.
    public func append(_ line: TraceLine) {
        let bytes = Array((line.json + "\n").utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }

    /// The current time of trace lines: microseconds of CLOCK_BOOTTIME.
    public static var now: Int64 { (Instant.now - .boot).wholeMicroseconds }
}
