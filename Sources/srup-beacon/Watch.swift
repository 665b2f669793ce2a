import ArgumentParser
import Daemon
import Operating
import OperatorText
import Glibc

/// `srup-beacon watch`
struct Watch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch the running beacon: links, observations with their deadlines, verdicts, broker, adapters.",
        discussion: """
            A screen that is redrawn every second, until Ctrl-C. A banner says if the beacon does not observe, and why. A bar shows \
            how much of the last minute before its deadline an observation has left. From 120 columns on, verdicts have their \
            server and token. If standard output is not a terminal, one screen is \
            printed. A beacon that goes is waited for. Run it as the beacon's user or root.
            """)

    @OptionGroup var options: ConfigurationOption

    @Flag(help: "Print one screen, and end.")
    var once = false

    func run() throws {
        try reportingFaults {
            let configuration = try Configuration(file: options.config)
            guard !once, Screen.isTerminal else {
                return say(screen(configuration, rows: 100, columns: 200).joined(separator: "\n"))
            }
            let signals = blockSignals()
            // The terminal's alternate screen, so that the main one is restored afterwards.
            put("\u{1B}[?1049h\u{1B}[?25l")
            defer { put("\u{1B}[?25h\u{1B}[?1049l") }
            repeat {
                let size = Screen.size
                let lines = screen(configuration, rows: size.rows, columns: size.columns)
                // From the top, each line to its end, and then the rest: nothing flickers.
                put("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
            } while !ends(signals, within: 1)
        }
    }

    private func screen(_ configuration: Configuration, rows: Int, columns: Int) -> [String] {
        let report = (try? Inquiry.status(configuration)).flatMap { try? Inquiry.report($0) }
        let history = (try? Inquiry.observations(configuration, limit: 50)).flatMap { try? Inquiry.history($0) } ?? []
        return WatchView(rows: rows, columns: columns, Screen.style)
            .lines(report, history, at: Timestamp(wallSeconds()).description)
    }

    private func put(_ text: String) { write(STDOUT_FILENO, text, text.utf8.count) }

    /// The screen must be restored however we end; when its size changes it is redrawn at once.
    private func blockSignals() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGWINCH] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        return set
    }

    private func ends(_ signals: sigset_t, within seconds: Int) -> Bool {
        var (signals, limit) = (signals, timespec(tv_sec: seconds, tv_nsec: 0))
        let signal = sigtimedwait(&signals, nil, &limit)
        return signal > 0 && signal != SIGWINCH
    }
}
