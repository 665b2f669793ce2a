import Glibc
import Logging
import Synchronization

/// Writes log lines to standard error, one line each: the wall clock for people, the boot clock for order (rules: §9).
struct LineLog: LogHandler {
    /// The level in force, shared by all handlers so that SIGHUP can change it.
    static let level = Mutex(Logger.Level.info)

    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level {
        get { LineLog.level.withLock { $0 } }
        set { LineLog.level.withLock { $0 = newValue } }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let boot = wallAndBoot()
        let text = event.message.description.split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = "\(wallTime(boot.wall, milliseconds: boot.milliseconds)) [\(boot.boot)] \(event.level) \(text)\n"
        LineLog.write(line)
    }

    /// Lines that a reader who does not read has cost.
    private static let dropped = Mutex(0)
    /// A pipe takes so much at once or says that it cannot (PIPE_BUF).
    private static let longestLine = 4_096

    /// One write a line, so that lines of several threads do not mix. Where nobody reads the pipe, lines are dropped and
    /// counted: the beacon does not wait for its log.
    private static func write(_ line: String) {
        dropped.withLock { dropped in
            var one = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
            guard poll(&one, 1, 0) > 0, one.revents & Int16(POLLOUT) != 0 else {
                dropped += 1
                return
            }
            let text = dropped > 0 ? "(\(dropped) lines were dropped: nobody read them)\n" + line : line
            let bytes = text.utf8.count <= longestLine ? Array(text.utf8) : text.utf8.prefix(longestLine - 1) + [0x0A]
            if Glibc.write(STDERR_FILENO, bytes, bytes.count) == bytes.count { dropped = 0 }
        }
    }

    private func wallAndBoot() -> (wall: Int64, milliseconds: Int, boot: String) {
        var (wall, boot) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME, &wall)
        clock_gettime(CLOCK_BOOTTIME, &boot)
        let micros = String(boot.tv_nsec / 1_000)
        return (
            Int64(wall.tv_sec), wall.tv_nsec / 1_000_000,
            "\(boot.tv_sec)." + String(repeating: "0", count: 6 - micros.utf8.count) + micros
        )
    }
}

/// `2026-11-22T18:00:00Z` of seconds since 1970; with milliseconds where given.
func wallTime(_ seconds: Int64, milliseconds: Int? = nil) -> String {
    var (time, parts) = (time_t(seconds), tm())
    gmtime_r(&time, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    let date = "\(parts.tm_year + 1900)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
    let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }.joined(separator: ":")
    return date + "T" + clock + (milliseconds.map { "." + padded($0, 3) } ?? "") + "Z"
}

/// Seconds since 1970, for people: nothing is decided by it.
func wallSeconds() -> Int64 { Int64(time(nil)) }
