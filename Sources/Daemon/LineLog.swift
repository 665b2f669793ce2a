import CLinux
import FoundationEssentials
import Glibc
import Logging
import Observing
import OperatorText
import SRUP
import Synchronization

/// Writes log lines: to standard error as text for people or as JSON, or to journald with fields.
struct LineLog: LogHandler {
    /// `[log] format`.
    enum Format: String, CaseIterable, Sendable {
        /// journald if standard error is connected to it, otherwise text.
        case auto
        /// The wall clock for people, the boot clock for ordering, the level, the message.
        case text
        /// One JSON object a line.
        case json
        /// journald's own protocol; text if journald does not accept it.
        case journal
    }

    /// The level in force, shared by all handlers so that SIGHUP can change it.
    static let level = Mutex(Logger.Level.info)
    /// The format in force.
    static let format = Mutex(Format.text)

    /// What is in each line besides its own fields: a collector of many beacons' logs has no other way to tell where one is.
    static let place = Mutex<[String: String]>([:])

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
        let line = LogLine(
            level: event.level,
            text: event.message.description.split(whereSeparator: \.isNewline).joined(separator: " "),
            fields: (event.metadata ?? [:]).mapValues(\.description), place: LineLog.place.withLock { $0 })
        switch LineLog.format.withLock({ $0 }) {
        case .journal where LineLog.journal.takes(line.journalEntry): break
        case .json: LineLog.write(line.json)
        case .auto, .text, .journal: LineLog.write(line.plain)
        }
    }

    private static let journal = JournalSocket(path: "/run/systemd/journal/socket")

    /// Takes what the configuration says; `auto` is settled here.
    static func use(_ format: Format, environment: (String) -> String? = { getenv($0).map { String(cString: $0) } }) {
        var status = stat()
        let leadsToJournal =
            fstat(STDERR_FILENO, &status) == 0
            && environment("JOURNAL_STREAM") == "\(status.st_dev):\(status.st_ino)"
        let settled = format == .auto ? (leadsToJournal ? .journal : .text) : format
        LineLog.format.withLock { $0 = settled }
    }

    /// The number of lines dropped because the reader does not read.
    private static let dropped = Mutex(0)
    /// A pipe takes so much at once or says that it cannot (PIPE_BUF).
    private static let maximumLine = 4_096

    /// One write a line, so that lines of several threads do not mix. Where nobody reads the pipe, lines are dropped and
    /// counted: the beacon does not wait for its log.
    private static func write(_ line: String) {
        dropped.withLock { dropped in
            var one = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
            guard poll(&one, 1, 0) > 0, one.revents & Int16(POLLOUT) != 0 else {
                dropped += 1
                return
            }
            let text = dropped > 0 ? "(\(dropped) lines were dropped: nobody read them)\n\(line)\n" : "\(line)\n"
            let bytes = text.utf8.count <= maximumLine ? Array(text.utf8) : text.utf8.prefix(maximumLine - 1) + [0x0A]
            if Glibc.write(STDERR_FILENO, bytes, bytes.count) == bytes.count { dropped = 0 }
        }
    }
}

/// One event, as each format writes it. Nothing in it has a line break.
struct LogLine {
    let level: Logger.Level
    let text: String
    /// Names in lower case with `_` between words.
    let fields: [String: String]
    let time: (wall: timespec, boot: timespec)

    /// - Parameter place: the fields of every line, besides its own.
    init(level: Logger.Level, text: String, fields: [String: String], place: [String: String] = [:]) {
        (self.level, self.text) = (level, text)
        self.fields = fields.merging(place) { own, _ in own }
        var (wall, boot) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME, &wall)
        clock_gettime(CLOCK_BOOTTIME, &boot)
        time = (wall, boot)
    }

    private var wall: String {
        Timestamp(Int64(time.wall.tv_sec), milliseconds: time.wall.tv_nsec / 1_000_000).description
    }

    /// Seconds since boot, to a microsecond.
    private var boot: String {
        let micros = String(time.boot.tv_nsec / 1_000)
        return "\(time.boot.tv_sec)." + String(repeating: "0", count: 6 - micros.utf8.count) + micros
    }

    var plain: String { "\(wall) [\(boot)] \(level) \(text)" }

    var json: String {
        let all = fields.merging(["time": wall, "boot": boot, "level": level.rawValue, "message": text]) { $1 }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(all)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// A datagram of journald's native protocol.
    var journalEntry: String {
        let priority =
            switch level {
            case .critical: 2
            case .error: 3
            case .warning: 4
            case .notice: 5
            case .info: 6
            case .debug, .trace: 7
            }
        let own = [
            "MESSAGE=\(text)", "PRIORITY=\(priority)", "SYSLOG_IDENTIFIER=srup-beacon", "SRUP_BOOT_SECONDS=\(boot)",
        ]
        return (own + fields.map { "SRUP_\($0.key.uppercased())=\($0.value)" }.sorted()).joined(separator: "\n") + "\n"
    }
}

/// Where journald takes entries.
final class JournalSocket: Sendable {
    private let path: String
    private let descriptor = socket(
        AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)

    init(path: String) { self.path = path }

    deinit { close(descriptor) }

    /// Whether it has taken the entry; it is not waited for.
    func takes(_ entry: String) -> Bool { sendDatagram(entry, to: path, over: descriptor) }
}

extension Logger.Metadata {
    /// What a line is about. `event` names its kind, for filters: it does not change, as sentences may. The token is the one
    /// id that follows an observation from its request to the broker's acknowledgement of the answer.
    static func of(
        _ event: String, _ exchange: RequestID? = nil, server: Identifier? = nil, device: Identifier? = nil,
        link: LinkID? = nil, peer: Peer? = nil, _ more: [String: String] = [:]
    ) -> Logger.Metadata {
        let fields: [String: String?] = [
            "event": event, "token": exchange?.token.description,
            "server": (exchange?.server ?? server)?.description, "device": device?.description,
            "link": link.map { String($0.number) }, "transport": peer?.transport.rawValue, "peer": peer?.address,
        ]
        return fields.compactMapValues { $0 }.merging(more) { $1 }.mapValues { .string($0) }
    }
}

/// Seconds since 1970, for people: nothing is decided by it.
package func wallSeconds() -> Int64 { Int64(time(nil)) }
