import BootTime
import EventLoop
import Glibc
import Synchronization

/// The device's command, in a process group of its own, which ends with it.
final class DeviceProcess: Sendable {
    private struct State {
        var process: pid_t?
        var result: ChildProcess.Result?
    }

    private static let maximumTime = Duration.seconds(900)
    private static let grace = Duration.milliseconds(1_500)

    private let state = Mutex(State())

    /// Starts it.
    /// - Parameters:
    ///   - command: for the shell.
    ///   - variables: its environment, beside ours. Everyone on this machine can read them.
    init(_ command: String, _ variables: [String: String]) {
        let arguments =
            variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + ["/bin/sh", "-c", command]
        startThread("device") { [self] in
            let result = ChildProcess.run("/usr/bin/env", arguments, limit: DeviceProcess.maximumTime) { process in
                state.withLock { $0.process = process }
            }
            state.withLock { $0.result = result }
        }
    }

    /// How it has ended; nil: it runs.
    var result: ChildProcess.Result? { state.withLock { $0.result } }

    /// The exit status; nil: it runs, or a signal has ended it.
    var exitStatus: Int32? {
        guard let status = result?.status, status & 0x7F == 0 else { return nil }
        return status >> 8
    }

    /// How it has ended, for people.
    var ending: String {
        guard let status = result?.status else { return "the device's command could not be started" }
        return status & 0x7F == 0
            ? "the device has ended with exit status \(status >> 8)" : "the device was ended by signal \(status & 0x7F)"
    }

    /// Ends it: asks first, and returns when it has ended.
    func stop() {
        let begun = Instant.now
        var signal = SIGTERM
        while result == nil, .now < begun + DeviceProcess.grace * 2 {
            // Only while its process has not been waited for.
            state.withLock { state in
                if let process = state.process, state.result == nil { kill(-process, signal) }
            }
            let deadline = Instant.now + DeviceProcess.grace
            while result == nil, .now < deadline { usleep(5_000) }
            signal = SIGKILL
        }
        // What it has started and left behind.
        state.withLock { state in if let process = state.process { kill(-process, SIGKILL) } }
    }
}
