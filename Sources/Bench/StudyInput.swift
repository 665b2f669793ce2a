import BootTime
import Glibc

/// Lines that a person types, waited for until a deadline, a signal, or the end of input.
///
/// A terminal gives whole lines, and so do a pipe and a file: nothing depends on which of them it is, except that what was typed before a
/// question is dropped on a terminal.
struct StudyInput {
    /// What ended the wait.
    enum Event: Equatable {
        case line(String)
        case late
        /// The end of input, or SIGINT or SIGTERM.
        case ended
    }

    /// In bytes: what is longer is not an answer.
    private static let maximumLine = 64
    private let signals: StopSignals
    private var held: [UInt8] = []
    private var isTooLong = false
    private var isAtEnd = false

    init(_ signals: StopSignals) { self.signals = signals }

    /// Drops what was typed before a question was shown.
    mutating func dropTyped() {
        guard isatty(STDIN_FILENO) == 1 else { return }
        (held, isTooLong) = ([], false)
        tcflush(STDIN_FILENO, TCIFLUSH)
    }

    /// The next line, without blanks around it.
    mutating func next(until deadline: Instant) -> Event {
        while true {
            if let end = held.firstIndex(of: UInt8(ascii: "\n")) { return .line(take(end)) }
            if isAtEnd { return held.isEmpty ? .ended : .line(take(held.count - 1)) }
            var polled = [
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let left = max(0, (deadline - .now).wholeMilliseconds + 1)
            let count = poll(&polled, nfds_t(polled.count), Int32(clamping: left))
            if polled[1].revents != 0 { return .ended }
            if count == 0 { return .late }
            if count > 0 { read() }
        }
    }

    private mutating func read() {
        var piece = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(STDIN_FILENO, &piece, piece.count)
        guard count > 0 else {
            isAtEnd = count == 0 || (errno != EINTR && errno != EAGAIN)
            return
        }
        held += piece[..<count]
        // A line without an end is not kept, but remembered as too long.
        guard held.count > StudyInput.maximumLine, !held.contains(UInt8(ascii: "\n")) else { return }
        (held, isTooLong) = ([], true)
    }

    private mutating func take(_ end: Int) -> String {
        defer {
            held.removeFirst(end + 1)
            isTooLong = false
        }
        guard !isTooLong, end <= StudyInput.maximumLine else { return "" }
        var line = held[...end].drop { $0 <= 0x20 }
        while let last = line.last, last <= 0x20 { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }
}
