import BootTime
import Files
import Glibc
import HumanView
import OperatorText
import SRUP

/// The work of `srup-bench study`: shows pairs, takes answers, and writes a row for each to a file of its own. Nothing leaves the machine.
public struct StudyTask {
    /// So many pairs in a row without an answer: nobody is there any more.
    private static let unansweredLimit = 3
    /// How long a person may read what is asked before the first pair.
    private static let readingTime = Duration.seconds(600)

    private let plan: StudyPlan
    private let timeout: Duration
    private let path: String
    private let file: Int32
    private let screen = StudyScreen()

    /// Creates the file.
    /// - Parameters:
    ///   - timeout: for each pair.
    ///   - path: of the CSV file, which must not exist; it is created for its owner only.
    /// - Throws: `OperatorFault`.
    public init(_ plan: StudyPlan, timeout: Duration, output path: String) throws(OperatorFault) {
        (self.plan, self.timeout, self.path) = (plan, timeout, path)
        file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            if errno == EEXIST {
                throw OperatorFault(
                    "\(path) exists, and a study overwrites nothing", hint: "give --output the name of a new file")
            }
            throw OperatorFault(
                "\(path) cannot be created: \(FileError.last)", hint: "give --output a folder that is writable")
        }
        try write(StudyResult.columns)
    }

    /// Shows the pairs until all are answered, nobody answers, or one of these signals or the end of input ends it; then the summary.
    /// - Throws: `OperatorFault` if a row cannot be written: the rows before it are in the file.
    public func run(until signals: StopSignals) throws(OperatorFault) {
        defer { close(file) }
        var input = StudyInput(signals)
        var results: [StudyResult] = []
        screen.begin(instructions)
        var fault: OperatorFault?
        if case .line(let text) = input.next(until: .now + StudyTask.readingTime), text != "q" {
            do throws(OperatorFault) {
                while let result = ask(results.count, &input) {
                    results.append(result)
                    try write(result.row(style: screen.style, seed: plan.seed))
                    guard
                        results.suffix(StudyTask.unansweredLimit).count(where: { $0.answer == .none })
                            < StudyTask.unansweredLimit
                    else { break }
                }
            } catch { fault = error }
        }
        screen.end()
        report(results)
        if let fault { throw fault }
    }

    private var instructions: [String] {
        [
            "\(plan.pairs.count) pairs of pictures follow. Some are equal, others differ, perhaps in one place only.",
            "Compare each pair as you would compare a device's screen with the server's, and type",
            "  s, then Enter, if both are the same",
            "  d, then Enter, if they differ",
            "  q, then Enter, to end before the last pair",
            "There are \(timeout.wholeSeconds) s for each pair. Answers and times go to \(path), and nowhere else.",
            "Enter shows the first pair.",
        ]
    }

    /// One pair; nil: there is none left, or the study ends.
    private func ask(_ index: Int, _ input: inout StudyInput) -> StudyResult? {
        guard index < plan.pairs.count else { return nil }
        let pair = plan.pairs[index]
        input.dropTyped()
        screen.show(pair, head: "pair \(index + 1) of \(plan.pairs.count): \(pair.view.title)")
        let shown = Instant.now
        while true {
            let answer: StudyResult.Answer
            switch input.next(until: shown + timeout) {
            case .line("s"), .line("S"): answer = .same
            case .line("d"), .line("D"): answer = .different
            case .line("q"), .line("Q"), .ended: return nil
            case .line:
                Terminal.print("type s or d, then Enter; q ends the study")
                continue
            case .late: answer = .none
            }
            return StudyResult(
                number: index + 1, view: pair.view, bits: pair.bits, answer: answer,
                milliseconds: (Instant.now - shown).wholeMilliseconds)
        }
    }

    private func report(_ results: [StudyResult]) {
        let answered = results.count { $0.answer != .none }
        Terminal.print(
            "study: \(answered) of \(plan.pairs.count) pairs answered, seed \(plan.seed), \(screen.style): \(path)")
        guard !results.isEmpty else { return }
        for line in StudySummary(results).text { Terminal.print(line) }
        Terminal.print("Wrong: an equal pair that was called different, or a different one that was called the same.")
    }

    private func write(_ row: String) throws(OperatorFault) {
        do throws(FileError) { try File.write(Array((row + "\n").utf8), to: file) } catch {
            throw OperatorFault("\(path) cannot be written: \(error)", hint: "make room on the disk, and begin again")
        }
    }
}

/// Where pairs are shown: on a terminal each on a screen of its own, which is gone afterwards.
struct StudyScreen {
    private let isTerminal: Bool
    private let terminalStyle: TerminalStyle

    init() {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        isTerminal = isatty(STDOUT_FILENO) == 1 && variable("TERM") != "dumb"
        terminalStyle = TerminalStyle(isTerminal: isatty(STDOUT_FILENO) == 1, environment: variable)
    }

    /// How pictures looked: with colours or without.
    var style: String { terminalStyle == .colour ? "colour" : "plain" }

    func begin(_ lines: [String]) {
        if isTerminal { put("\u{1B}[?1049h\u{1B}[H\u{1B}[2J") }
        for line in lines { Terminal.print(line) }
    }

    func show(_ pair: StudyPlan.Pair, head: String) {
        guard let first = Secret(pair.first), let second = Secret(pair.second) else {
            preconditionFailure("values of \(pair.first.count) bytes")
        }
        let pictures = pair.view.picture(of: first).beside(
            pair.view.picture(of: second), terminalStyle, columns: columns, heads: ("one screen", "the other"))
        put(
            (isTerminal ? "\u{1B}[H\u{1B}[2J" : "") + head + "\n" + pictures + "s: the same, d: different, then Enter\n"
        )
    }

    func end() { if isTerminal { put("\u{1B}[?1049l") } }

    private var columns: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private func put(_ text: String) { _ = try? File.write(Array(text.utf8), to: STDOUT_FILENO) }
}
