import BootTime
import CLinux
import Glibc

/// A program that a service starts and waits for, on a thread of its own: one of our subcommands, so that its libraries are
/// never loaded into the daemon, the operator's updater, or the program that tells the broker of a new revocation list.
package struct ChildProcess {
    /// How it ended.
    package struct Result: Sendable {
        /// The status from waitpid(2); 0: success. nil: it could not be started.
        package var status: Int32?
        /// What it wrote to both outputs, the last 16 KiB: lines of printable ASCII.
        package var lines: [String]

        package init(status: Int32?, lines: [String]) { (self.status, self.lines) = (status, lines) }

        package var succeeded: Bool { status == 0 }

        /// What it wrote, in one line of at most 500 characters.
        package var words: String {
            let said = lines.map { $0.hasPrefix("srup-beacon: ") ? String($0.dropFirst("srup-beacon: ".count)) : $0 }
            guard said.isEmpty else { return ChildProcess.cut(said.joined(separator: "; ")) }
            guard let status else { return "it cannot be started" }
            return status & 0x7F == 0
                ? "it ended with status \(status >> 8)" : "it was ended by signal \(status & 0x7F)"
        }
    }

    /// The running program, even if a package has replaced its file meanwhile.
    package static let ourselves = "/proc/self/exe"

    private static let maximumOutput = 16_384

    package static func cut(_ words: String) -> String { words.count <= 500 ? words : words.prefix(497) + "..." }

    /// Starts a program and waits for its end.
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - limit: the time after which it is killed, with its whole group.
    ///   - held: a descriptor that it gets as its third, and hands on to what it starts: a lock held until all have ended.
    ///   - group: whether it gets its own process group; otherwise a signal to our group ends it, too.
    ///   - started: is told its process id, which is also its group's, before it is waited for.
    package static func run(
        _ program: String, _ arguments: [String], limit: Duration, holding held: Int32? = nil, group: Bool = true,
        started: (pid_t) -> Void = { _ in }
    ) -> Result {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            return Result(status: nil, lines: [String(cString: strerror(errno))])
        }
        let (reading, writing) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(reading) }
        let name = program == ourselves ? "srup-beacon" : program
        let child = start(program, [name] + arguments, writing, held, group)
        close(writing)
        guard let child else { return Result(status: nil, lines: []) }
        started(child)
        return wait(for: child, group, reading, until: .now + limit)
    }

    private static func start(
        _ program: String, _ arguments: [String], _ output: Int32, _ held: Int32?, _ group: Bool
    ) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        if let held { posix_spawn_file_actions_adddup2(&actions, held, 3) }
        // Libraries open sockets that they do not close on exec.
        clinux_close_from(&actions, held == nil ? 3 : 4)
        // A service blocks and ignores signals, and a child would inherit that.
        var (attributes, none, usual) = (posix_spawnattr_t(), sigset_t(), sigset_t())
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        sigemptyset(&none)
        sigemptyset(&usual)
        sigaddset(&usual, SIGPIPE)
        sigaddset(&usual, SIGCHLD)
        sigaddset(&usual, SIGXFSZ)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (group ? POSIX_SPAWN_SETPGROUP : 0)
        posix_spawnattr_setflags(&attributes, Int16(flags))
        let argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for text in argv { free(text) } }
        var child: pid_t = 0
        for _ in 0..<50 {
            let fault = posix_spawn(&child, program, &actions, &attributes, argv, environ)
            guard fault == ETXTBSY else {
                if fault == 0 { Descriptors.restore(to: child) }
                return fault == 0 ? child : nil
            }
            usleep(10_000)  // it has just been written, and another process still has it open for that
        }
        return nil
    }

    /// Waits for its end, not for the end of its output: a process that it left behind can hold that open indefinitely.
    private static func wait(for child: pid_t, _ group: Bool, _ reading: Int32, until deadline: Instant) -> Result {
        _ = fcntl(reading, F_SETFL, O_NONBLOCK)
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1_024)
        func take() -> Bool {
            let count = read(reading, &buffer, buffer.count)
            if count > 0 { said += buffer[..<count] }
            if said.count > maximumOutput { said.removeFirst(said.count - maximumOutput) }
            return count > 0
        }
        var status: Int32 = 0
        var isLate = false
        var hasMore = true
        var ended: pid_t = 0
        while true {
            ended = waitpid(child, &status, WNOHANG)
            guard ended == 0 || (ended < 0 && errno == EINTR) else { break }
            if .now >= deadline, !isLate {
                isLate = true
                kill(group ? -child : child, SIGKILL)
            }
            var one = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
            // A closed output is readable at once: then only the end is waited for.
            if !hasMore { usleep(20_000) } else if poll(&one, 1, 50) > 0 { hasMore = take() }
        }
        for _ in 0..<maximumOutput where take() { continue }
        if isLate { said += Array("\nit did not end in time".utf8) }
        let text = String(decoding: said.map { $0 == 0x0A || (0x20...0x7E).contains($0) ? $0 : 0x2E }, as: UTF8.self)
        // A process that could not be waited for has not succeeded.
        return Result(status: ended == child ? status : nil, lines: text.split(separator: "\n").map(String.init))
    }
}
