import BootTime
import EventLoop
import Files
import Glibc
import OperatorText
import Synchronization

/// A trace file. Each line is appended with one write, so that readers always see whole lines.
public final class TraceFile: Sendable {
    private let descriptor: Int32
    private let path: String
    /// Whether it has been said that lines are lost.
    private let isTold = Atomic<Bool>(false)

    /// Opens a file; creates it if it does not exist.
    /// - Throws: `OperatorFault`.
    public init(_ path: String) throws(OperatorFault) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw OperatorFault(
                "the trace file \(path) cannot be written: \(String(cString: strerror(errno)))",
                hint: "give --trace a place that is writable")
        }
    }

    deinit { close(descriptor) }

    /// Appends a line, with the wall clock's time and this machine's boot. If the disk is full, the line is lost and the run continues;
    /// the first one that is lost is reported.
    public func append(_ line: TraceLine) {
        var line = line
        line.wallMicroseconds = line.wallMicroseconds ?? wallMicroseconds() - (TraceFile.now - line.atMicroseconds)
        line.boot = line.boot ?? TraceFile.boot
        let bytes = Array((line.json + "\n").utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) != bytes.count else { return }
        let why = errno == 0 ? "" : ": \(String(cString: strerror(errno)))"
        guard !isTold.exchange(true, ordering: .relaxed) else { return }
        Terminal.printError("the trace file \(path) cannot be written\(why); it lacks messages from here on")
    }

    /// This boot of this machine: the first eight digits of the kernel's boot id; empty where the kernel does not tell it.
    static let boot: String = {
        let id = (try? File.readInput("/proc/sys/kernel/random/boot_id", atMost: 64)) ?? []
        return String(decoding: id.prefix(8), as: UTF8.self)
    }()

    /// The current time of trace lines: microseconds of CLOCK_BOOTTIME.
    public static var now: Int64 { (Instant.now - .boot).wholeMicroseconds }
}
