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
        /// What it wrote to standard output only: for what is read by us.
        package var output: [String]

        package init(status: Int32?, lines: [String], output: [String]? = nil) {
            (self.status, self.lines, self.output) = (status, lines, output ?? lines)
        }

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
    ///   - arguments: without the program's name. Everyone on this machine can read them.
    ///   - input: its standard input, at most 4,096 bytes.
    ///   - limit: the time after which it is killed, with its whole group.
    ///   - held: a descriptor that it gets as its third, and hands on to what it starts: a lock held until all have ended.
    ///   - group: whether it gets its own process group; otherwise a signal to our group ends it, too.
    ///   - started: is told its process id, which is also its group's, before it is waited for.
    package static func run(
        _ program: String, _ arguments: [String], input: [UInt8] = [], limit: Duration, holding held: Int32? = nil,
        group: Bool = true, started: (pid_t) -> Void = { _ in }
    ) -> Result {
        precondition(input.count <= 4_096, "\(input.count) bytes might not fit into a pipe")
        guard let pipes = Pipe.make(input.isEmpty ? 2 : 3) else {
            return Result(status: nil, lines: [String(cString: strerror(errno))])
        }
        let (output, errors, feed) = (pipes[0], pipes[1], input.isEmpty ? nil : pipes[2])
        defer { for end in [output.reading, errors.reading] { close(end) } }
        // It fits into the pipe.
        let isFed = feed.map { pipe in
            input.withUnsafeBytes { write(pipe.writing, $0.baseAddress, $0.count) } == input.count
        }
        let name = program == ourselves ? "srup-beacon" : program
        let ends = (feed?.reading, output.writing, errors.writing)
        let child = isFed != false ? start(program, [name] + arguments, ends, held, group) : nil
        for end in [feed?.reading, feed?.writing, output.writing, errors.writing].compactMap({ $0 }) { close(end) }
        guard let child else { return Result(status: nil, lines: []) }
        started(child)
        return wait(for: child, group, (output.reading, errors.reading), until: .now + limit)
    }

    /// - Parameter ends: what it gets as its standard input, output and error; no input: /dev/null.
    private static func start(
        _ program: String, _ arguments: [String], _ ends: (input: Int32?, output: Int32, errors: Int32), _ held: Int32?,
        _ group: Bool
    ) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input = ends.input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, ends.output, 1)
        posix_spawn_file_actions_adddup2(&actions, ends.errors, 2)
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
    private static func wait(
        for child: pid_t, _ group: Bool, _ ends: (output: Int32, errors: Int32), until deadline: Instant
    ) -> Result {
        var said = Said(ends.output, ends.errors)
        var status: Int32 = 0
        var isLate = false
        var ended: pid_t = 0
        while true {
            ended = waitpid(child, &status, WNOHANG)
            guard ended == 0 || (ended < 0 && errno == EINTR) else { break }
            if .now >= deadline, !isLate {
                isLate = true
                kill(group ? -child : child, SIGKILL)
            }
            said.wait()
        }
        said.takeRest()
        if isLate { said.add(Array("\nit did not end in time".utf8)) }
        // A process that could not be waited for has not succeeded.
        return Result(
            status: ended == child ? status : nil, lines: Said.lines(said.whole), output: Said.lines(said.output))
    }

    /// What a program has written so far.
    private struct Said {
        private(set) var (whole, output): ([UInt8], [UInt8]) = ([], [])
        private let standardOutput: Int32
        /// Those whose end has not been read.
        private var open: [Int32]

        init(_ output: Int32, _ errors: Int32) {
            (standardOutput, open) = (output, [output, errors])
            for end in open { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        }

        /// Reads what there is, or waits a moment for it. A closed output is readable at once: then only the end is waited for.
        mutating func wait() {
            var polled = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard !polled.isEmpty else { return _ = usleep(20_000) }
            guard poll(&polled, nfds_t(polled.count), 50) > 0 else { return }
            for one in polled where one.revents != 0 && !take(one.fd) { open.removeAll { $0 == one.fd } }
        }

        mutating func takeRest() {
            for end in open { for _ in 0..<maximumOutput where take(end) { continue } }
        }

        private mutating func take(_ end: Int32) -> Bool {
            var buffer = [UInt8](repeating: 0, count: 1_024)
            let count = read(end, &buffer, buffer.count)
            guard count > 0 else { return false }
            add(Array(buffer[..<count]))
            if end == standardOutput { output = Array((output + buffer[..<count]).suffix(maximumOutput)) }
            return true
        }

        mutating func add(_ bytes: [UInt8]) { whole = Array((whole + bytes).suffix(maximumOutput)) }

        static func lines(_ bytes: [UInt8]) -> [String] {
            let text = bytes.map { $0 == 0x0A || (0x20...0x7E).contains($0) ? $0 : 0x2E }
            return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    /// Two descriptors, closed on exec.
    private struct Pipe {
        let reading: Int32
        let writing: Int32

        /// - Returns: nil, with the reason in `errno`, if one could not be made; then none is left open.
        static func make(_ count: Int) -> [Pipe]? {
            var made: [Pipe] = []
            for _ in 0..<count {
                var ends: [Int32] = [-1, -1]
                guard clinux_pipe(&ends) == 0 else {
                    let reason = errno
                    for one in made { close(one.reading); close(one.writing) }
                    errno = reason
                    return nil
                }
                made.append(Pipe(reading: ends[0], writing: ends[1]))
            }
            return made
        }
    }
}
