import Files
import Glibc
import OperatorText

/// Files of records: written and read line by line, since a record can be larger than the memory.
package enum AuditFile {
    /// In bytes: the longest line is a row with four frames of RSA-16384 and the longest evidence, in base64.
    package static let maximumLine = 1 << 20

    /// Passes each line of a file to a closure, without its end.
    /// - Parameter path: `-`: standard input.
    /// - Throws: `OperatorFault` if it cannot be read, or a line is longer than `maximumLine`.
    package static func read(_ path: String, _ body: ([UInt8]) -> Void) throws(OperatorFault) {
        var file = STDIN_FILENO
        if path != "-" {
            do throws(FileError) { file = try File.open(path, O_RDONLY, isFollowing: true) } catch {
                throw OperatorFault(
                    "\(path) cannot be read: \(error)", hint: "name a file that audit export --json has written")
            }
        }
        defer { if path != "-" { close(file) } }
        var line: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for part in piece[..<count].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                .enumerated()
            {
                if part.offset > 0 {
                    body(line)
                    line.removeAll(keepingCapacity: true)
                }
                line += part.element
            }
            guard line.count <= maximumLine else {
                throw OperatorFault(
                    "\(path) has a line of more than \(maximumLine) bytes",
                    hint: "name a file that audit export --json has written")
            }
        }
        if !line.isEmpty { body(line) }
    }
}

/// Where an export is written to: standard output, or a file for its owner only that has its name once it is whole.
package final class AuditWriter {
    private let path: String?
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isFinished = false

    private static let bufferLength = 65_536
    private var unfinished: String { (path ?? "") + ".new" }

    /// - Parameter path: nil: standard output.
    /// - Throws: `OperatorFault` if the file cannot be created.
    package init(_ path: String?) throws(OperatorFault) {
        self.path = path
        guard let path else {
            descriptor = STDOUT_FILENO
            return
        }
        do throws(FileError) {
            descriptor = try File.open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        } catch {
            throw OperatorFault("\(path) cannot be created: \(error)", hint: "give --output a place that is writable")
        }
    }

    deinit {
        guard path != nil else { return }
        close(descriptor)
        if !isFinished { unlink(unfinished) }
    }

    /// Writes a line.
    /// - Throws: `OperatorFault` if it cannot be written.
    package func write(_ line: String) throws(OperatorFault) {
        buffer += Array(line.utf8) + [UInt8(ascii: "\n")]
        if buffer.count >= AuditWriter.bufferLength { try flush() }
    }

    /// Writes what is left, and gives the file its name.
    /// - Throws: `OperatorFault` if that fails; there is no file then.
    package func finish() throws(OperatorFault) {
        try flush()
        guard let path else { return }
        guard fsync(descriptor) == 0, rename(unfinished, path) == 0 else { throw fault }
        isFinished = true
    }

    private func flush() throws(OperatorFault) {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { throw fault }
            rest = rest.dropFirst(max(0, count))
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private var fault: OperatorFault {
        OperatorFault(
            "\(path ?? "standard output") cannot be written: \(String(cString: strerror(errno)))",
            hint: "free space there, or give --output another place")
    }
}
