import Daemon
import FoundationEssentials
import OperatorText

/// What `srup-beacon watch` shows: one screen of a beacon's state.
public struct WatchView {
    /// As many lines and columns as the terminal has.
    public var size: (rows: Int, columns: Int)
    private let style: TerminalStyle

    /// From so many columns on, verdicts have their server and token.
    private static let wide = 120
    /// Seconds that a whole bar stands for, and its characters.
    private static let bar = (seconds: 60.0, characters: 10)

    /// A view of a terminal of this size.
    public init(rows: Int, columns: Int, _ style: TerminalStyle = .plain) {
        (size, self.style) = ((rows, columns), style)
    }

    /// The screen: never more lines than rows, nor longer ones than columns. Where not all fits, the parts are shortened, and
    /// say by how much.
    /// - Parameter report: nil: no beacon answers.
    public func lines(_ report: StatusReport?, _ history: [PastObservation], at time: String) -> [String] {
        guard let report else {
            return fit([" srup-beacon   \(time)   no beacon answers; it is asked again every second"], banner: true)
        }
        let verdict = report.verdict
        let banner = verdict.isObserving ? [] : [" " + verdict.text]
        let head = [
            " \(report.identity)   srup-beacon \(report.version), up \(duration(report.uptimeSeconds))   \(time)",
            " broker \(report.broker.state.rawValue) \(report.broker.address ?? "")"
                + (report.broker.fault.map { ": \($0)" } ?? ""),
            " servers "
                + report.servers.map { "\($0.id) \($0.state)" + ($0.setAside == nil ? "" : ", set aside") }
                .joined(separator: "; "),
            " journal \(report.journal.trouble ?? report.journal.state.rawValue), outbox \(report.journal.outbox)",
        ]
        let certificate =
            (report.certificate.trouble.map { [" certificate \($0)"] } ?? [])
            + (report.identityKey?.trouble.map { [" identity key \($0)"] } ?? [])
        let adapters =
            report.radio.map { radio in
                (radio.state == .ok ? [] : [" radio \(radio.state.rawValue)"])
                    + radio.adapters.map {
                        " \($0.name) \($0.address)  \($0.state.rawValue), \($0.links) links"
                            + $0.faults.map { "; \($0)" }.joined()
                    }
                    + radio.gone.map { " \($0.address)  gone for \(duration($0.secondsAgo))" }
                    + (radio.missing ?? []).map { " \($0)  not there" }
                    + (radio.neighbours?.faults ?? []).map { " \($0)" }
            } ?? []
        let transports =
            report.links.map { " \($0.transport.rawValue) \($0.address)  \($0.state.rawValue)" }
            + (report.listening?.state == .nothing ? [" no transport is listened on: no device can prove itself"] : [])
        let refused = report.refused.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let foot =
            refused.isEmpty ? [] : [" refused " + refused.map { "\($0.key) \($0.value)" }.joined(separator: ", ")]
        let top = banner + head + certificate + adapters + transports
        let parts = [
            (
                "OPEN OBSERVATIONS  \(report.observations.open)",
                report.observations.list.map {
                    " \($0.device)  for \($0.server)  \(bar($0.secondsLeft))  \(Int($0.secondsLeft)) s left"
                        + $0.presented.map { "  \($0)" }.joined()
                }
            ),
            (
                "LINKS  \(report.openLinks)",
                (report.held ?? []).map {
                    " \($0.number)  \($0.transport.rawValue) \($0.peer)  \($0.device ?? "not named yet")  \($0.state.rawValue), "
                        + "\($0.secondsAgo) s"
                }
            ),
            (
                "LAST VERDICTS",
                PastObservation.repeats(in: history).map { verdictLine($0, today: String(time.prefix(10))) }
            ),
        ]
        return fit(
            top + shortened(parts, to: size.rows - top.count - foot.count) + foot, banner: !verdict.isObserving)
    }

    /// The newest of equal verdicts, and how many there are.
    private func verdictLine(_ run: [PastObservation], today: String) -> String {
        let one = run[0]
        let moment = one.date == today ? one.time : "\(one.date) \(one.time)"
        return " \(moment)  \(one.device)  \(one.verdict)  \(one.cause)"
            + (one.evidence.map { "  [\($0.strength)]" } ?? "") + (run.count > 1 ? "  ×\(run.count)" : "")
            + (size.columns >= WatchView.wide ? "  for \(one.server), token \(one.shortToken)" : "")
    }

    /// How much is left until a deadline: a whole bar is a minute or more.
    private func bar(_ secondsLeft: Double) -> String {
        let all = WatchView.bar.characters
        let full = min(all, max(0, Int((secondsLeft / WatchView.bar.seconds * Double(all)).rounded(.up))))
        return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: all - full) + "]"
    }

    /// Each part gets its heading and an equal share of the lines; what one does not need, those after it have.
    private func shortened(_ parts: [(heading: String, lines: [String])], to rows: Int) -> [String] {
        var (left, shown) = (rows, [String]())
        for (index, part) in parts.enumerated() {
            let share = left / (parts.count - index) - 2  // a blank line and the heading
            guard share >= 1 else { continue }
            let fits = part.lines.count <= share
            let more = fits ? 0 : part.lines.count - share + 1
            shown +=
                ["", part.heading] + part.lines.prefix(fits ? share : share - 1)
                + (more > 0 ? [" and \(more) more"] : [])
            left = rows - shown.count
        }
        return shown
    }

    /// - Parameter banner: whether the first line must be seen: it is drawn inverse, over the whole width.
    private func fit(_ lines: [String], banner: Bool) -> [String] {
        var fitting = lines.prefix(max(1, size.rows)).map {
            $0.count <= size.columns ? $0 : $0.prefix(max(0, size.columns - 1)) + "…"
        }
        if banner, style == .colour { fitting[0] = style.emphasised(fitting[0].padded(to: size.columns), .banner) }
        return fitting
    }

    private func duration(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
