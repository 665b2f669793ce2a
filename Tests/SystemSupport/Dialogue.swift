import Foundation

/// A command that asks a person. The test acts as that person: it reads the command's output and answers on its standard
/// input.
package final class Dialogue {
    private let child: Child
    private let folder: String
    private let input: Int32

    package init(_ program: String, _ arguments: [String]) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "srup-talk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let pipe = folder + "/input"
        guard mkfifo(pipe, 0o600) == 0 else { throw NotInTime(what: "a pipe: errno \(errno)") }
        // Open in both directions, since otherwise the command would wait for a writer before it starts.
        input = open(pipe, O_RDWR | O_CLOEXEC)
        child = try Child(program, arguments, input: pipe, output: folder + "/output")
    }

    deinit {
        child.end(with: SIGKILL)
        close(input)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Its output so far.
    package var said: String { (try? String(contentsOfFile: folder + "/output", encoding: .utf8)) ?? "" }

    /// Waits until its output contains this.
    package func hear(_ words: String, within seconds: Double = 30) throws {
        try eventually("\"\(words)\"; it said: \(said)", within: seconds) {
            if said.contains(words) { return true }
            guard child.isRunning || said.contains(words) else { throw NotInTime(what: "\"\(words)\", but: \(said)") }
            return false
        }
    }

    package func answer(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(input, bytes, bytes.count)
    }

    package var isRunning: Bool { child.isRunning }

    /// Waits for its end: the exit status.
    package func wait(within seconds: Double = 180) -> Int32 { child.wait(within: seconds) }

    /// Sends a signal and waits for the end.
    @discardableResult
    package func end(with signal: Int32) -> Int32 { child.end(with: signal) }
}
