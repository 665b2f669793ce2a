import BootTime
import Glibc

// A load as one self-contained SVG file, in the colours of the sequence diagrams.

extension LoadReport {
    private static let (pageWidth, left, right) = (900, 110, 870)
    private static let rowHeight = 26
    /// The height of the lower panel.
    private static let panel = 260
    /// Bound on the drawn joins: of more, every second, third, … is drawn.
    static let mostDots = 5_000

    /// The steps' quantiles as bars, and below them each join as a dot: when it began, and how long it took. Both scales of time are
    /// logarithmic.
    public var svg: String {
        let bars = LoadStep.allCases.compactMap { step in steps[step].map { (step, $0) } }
        let top = 76
        let panelTop = top + bars.count * LoadReport.rowHeight + 70
        let height = panelTop + LoadReport.panel + 70
        let scale = LogScale(
            steps.values.flatMap { [$0.p50, $0.max] } + drawn.map { ($0.ended - $0.began).wholeMicroseconds })
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"srup-join\" role=\"img\" width=\"\(LoadReport.pageWidth)\""
                + " height=\"\(height)\" viewBox=\"0 0 \(LoadReport.pageWidth) \(height)\">",
            "<title>\(Diagram.escaped(title))</title>", "<style>\(Diagram.styleSheet)</style>",
            "<rect class=\"page\" width=\"100%\" height=\"100%\"/>",
            text("title", 20, 26, title, "start"), text("remark", 20, 46, lines.last ?? "", "start"),
        ]
        parts += grid(scale, top: top, rows: bars.count)
        for (row, bar) in bars.enumerated() {
            parts += shapes(bar.0, bar.1, scale, y: top + row * LoadReport.rowHeight)
        }
        parts += dots(scale, top: panelTop)
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private var title: String {
        "srup-bench load: \(plan.joins.count) joins, \(plan.settings.devices) devices, \(transport.rawValue), \(modes), \(pace)"
    }

    private var drawn: [LoadResult] {
        let each = max(1, (results.count + LoadReport.mostDots - 1) / LoadReport.mostDots)
        return each == 1 ? results : results.enumerated().filter { $0.offset.isMultiple(of: each) }.map(\.element)
    }

    // MARK: The bars

    private func grid(_ scale: LogScale, top: Int, rows: Int) -> [String] {
        let bottom = top + rows * LoadReport.rowHeight + 4
        return scale.marks.flatMap { mark in
            let x = LoadReport.left + scale.place(mark, in: LoadReport.right - LoadReport.left)
            return [
                "<line class=\"life\" x1=\"\(x)\" y1=\"\(top - 8)\" x2=\"\(x)\" y2=\"\(bottom)\"/>",
                text("time", x, bottom + 16, LogScale.name(mark), "middle"),
            ]
        } + [
            text(
                "remark", LoadReport.pageWidth / 2, bottom + 36,
                "thick: up to the median · thin: up to p99 · mark: the longest", "middle")
        ]
    }

    private func shapes(_ step: LoadStep, _ times: Quantiles, _ scale: LogScale, y: Int) -> [String] {
        let width = LoadReport.right - LoadReport.left
        let ends = [times.p50, times.p99, times.max].map { LoadReport.left + scale.place($0, in: width) }
        return [
            text("role", LoadReport.left - 10, y + 13, step.rawValue, "end"),
            "<rect class=\"link\" x=\"\(LoadReport.left)\" y=\"\(y + 7)\" width=\"\(max(1, ends[1] - LoadReport.left))\" height=\"4\"/>",
            "<rect class=\"mqtt\" x=\"\(LoadReport.left)\" y=\"\(y + 3)\" width=\"\(max(1, ends[0] - LoadReport.left))\" height=\"12\"/>",
            "<rect class=\"link\" x=\"\(ends[2] - 1)\" y=\"\(y + 3)\" width=\"2\" height=\"12\"/>",
            "<title>\(step.rawValue): p50 \(Diagram.milliseconds(times.p50)) ms, p99 \(Diagram.milliseconds(times.p99)) ms</title>",
        ]
    }

    // MARK: The dots

    private func dots(_ scale: LogScale, top: Int) -> [String] {
        let (width, bottom) = (LoadReport.right - LoadReport.left, top + LoadReport.panel)
        let whole = max(drawn.map { $0.began.inSeconds }.max() ?? 0, 0.001)
        var parts = scale.marks.flatMap { mark in
            let y = bottom - scale.place(mark, in: LoadReport.panel)
            return [
                "<line class=\"life\" x1=\"\(LoadReport.left)\" y1=\"\(y)\" x2=\"\(LoadReport.right)\" y2=\"\(y)\"/>",
                text("time", LoadReport.left - 10, y + 4, LogScale.name(mark), "end"),
            ]
        }
        for result in drawn where result.end != .interrupted {
            let x = LoadReport.left + Int(result.began.inSeconds / whole * Double(width))
            let y = bottom - scale.place((result.ended - result.began).wholeMicroseconds, in: LoadReport.panel)
            let kind = !result.isAsExpected ? "bad" : result.end == .joined ? "good" : "mqtt"
            parts.append("<circle class=\"\(kind)\" cx=\"\(x)\" cy=\"\(y)\" r=\"1.6\"/>")
        }
        return parts + [
            text("time", LoadReport.left, bottom + 18, "0 s", "middle"),
            text("time", LoadReport.right, bottom + 18, "\(decimals(whole, whole < 10 ? 3 : 0)) s", "middle"),
            text(
                "remark", LoadReport.pageWidth / 2, bottom + 44,
                "each join: its begin and how long it took · green: joined · blue: refused or failed, as it must · red: not as it must",
                "middle"),
        ]
    }

    private func text(_ kind: String, _ x: Int, _ y: Int, _ words: String, _ anchor: String) -> String {
        "<text class=\"\(kind)\" x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(Diagram.escaped(words))</text>"
    }
}

/// A logarithmic scale of microseconds, in whole decades.
struct LogScale: Equatable {
    let first: Int
    let last: Int

    /// The decades of these times; one at least.
    init(_ microseconds: [Int64]) {
        let powers = microseconds.filter { $0 > 0 }.map { log10(Double($0)) }
        first = Int((powers.min() ?? 3).rounded(.down))
        last = max(first + 1, Int((powers.max() ?? 3).rounded(.up)))
    }

    /// The powers of ten, in microseconds.
    var marks: [Int64] { (first...last).map { Int64(pow(10, Double($0)).rounded()) } }

    /// Where a time is on so many units.
    func place(_ microseconds: Int64, in units: Int) -> Int {
        let power = log10(Double(max(1, microseconds)))
        return Int((min(max(0, (power - Double(first)) / Double(last - first)), 1) * Double(units)).rounded())
    }

    /// `10 ms`.
    static func name(_ microseconds: Int64) -> String {
        if microseconds < 1_000 { return "\(microseconds) µs" }
        return microseconds < 1_000_000 ? "\(microseconds / 1_000) ms" : "\(microseconds / 1_000_000) s"
    }
}
