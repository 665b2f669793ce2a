import Glibc
import OperatorText

/// Where the output goes: a terminal with a size, or something else.
enum Screen {
    /// Whether standard output is a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// What it can show; `NO_COLOR` is respected.
    static var style: TerminalStyle { TerminalStyle(isTerminal: isTerminal, environment: variable) }

    /// Rows and columns; of a terminal that does not tell, the usual ones.
    static var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// Columns at which lines are broken; nil if this is not a terminal.
    static var columns: Int? { isTerminal ? size.columns : nil }

    /// Prints lines; on a terminal that is too low for them, with the user's pager (`PAGER`, otherwise `less` if it is there).
    static func page(_ lines: [String], isPaged: Bool) {
        guard isPaged, isTerminal, lines.count >= size.rows, let pager = pager else { return lines.forEach(say) }
        // Colours pass; a text that fits is left on the screen; no shell or editor from within.
        setenv("LESS", "FRX", 0)
        setenv("LESSSECURE", "1", 1)
        // A pager that is left early ends its input.
        signal(SIGPIPE, SIG_IGN)
        guard let pipe = popen(pager, "w") else { return lines.forEach(say) }
        fputs(lines.joined(separator: "\n") + "\n", pipe)
        pclose(pipe)
    }

    private static var pager: String? {
        if let named = variable("PAGER") { return named.isEmpty || named == "cat" ? nil : named }
        return ["/usr/bin/less", "/bin/less"].first { access($0, X_OK) == 0 }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
