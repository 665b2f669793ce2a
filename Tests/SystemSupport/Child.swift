import Foundation

/// A child process, started without Foundation's Process: its pipes would be inherited by other processes that are started
/// at the same time, and would then never end. Output goes to a file.
package final class Child: @unchecked Sendable {
    package let process: pid_t
    private var status: Int32?

    package init(
        _ program: String, _ arguments: [String], input: String = "/dev/null", output: String = "/dev/null",
        environment: [String: String] = [:]
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // The threads of a Swift test block signals, and a child would inherit that: SIGTERM must end it.
        var (attributes, none) = (posix_spawnattr_t(), sigset_t())
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in argv + envp { free(string) } }
        var made: pid_t = 0
        let result = posix_spawn(&made, program, &actions, &attributes, &argv, &envp)
        guard result == 0 else { throw NotInTime(what: "\(program) did not start: \(result)") }
        process = made
    }

    /// Whether it is still running.
    package var isRunning: Bool {
        guard status == nil else { return false }
        var raw: Int32 = 0
        if waitpid(process, &raw, WNOHANG) == process { status = raw }
        return status == nil
    }

    /// Waits for its end, and returns the exit status or minus the signal. A process that hangs is killed.
    @discardableResult
    package func wait(within seconds: Double = 180) -> Int32 {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while isRunning {
            if Date() > deadline { kill(process, SIGKILL) }
            usleep(2_000)
        }
        let raw = status ?? 0
        return raw & 0x7F == 0 ? raw >> 8 & 0xFF : -(raw & 0x7F)
    }

    /// Sends a signal and waits for the end.
    @discardableResult
    package func end(with signal: Int32 = SIGTERM) -> Int32 {
        if isRunning { kill(process, signal) }
        return wait()
    }
}
