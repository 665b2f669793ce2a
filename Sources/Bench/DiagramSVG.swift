// The diagram as one self-contained SVG file, whose colours follow the reader's light or dark scheme.

extension Diagram {
    private static let (pageWidth, rowHeight, gapHeight, headingHeight) = (900, 52, 34, 40)
    private static let (firstLifeline, lastLifeline) = (150, 830)

    /// The diagram as a self-contained SVG document. Every text of a trace is escaped.
    public var svg: String { drawing(style: "<style>\(Diagram.styleSheet)</style>") }

    /// The same for a page that includes `styleSheet`, and allows no inline style.
    package var figure: String { drawing(style: "") }

    private func drawing(style: String) -> String {
        // Without a title there is no room for one.
        let roles = title == nil ? 12 : 42
        var (y, rows) = (roles + 32, [String]())
        let places = places(from: Diagram.firstLifeline, to: Diagram.lastLifeline)
        for arrow in arrows {
            if let heading = arrow.heading {
                rows += Diagram.shapes(ofHeading: heading, at: y)
                y += Diagram.headingHeight
            }
            if let gap = arrow.gap {
                rows += Diagram.shapes(ofGap: gap, at: y, places)
                y += Diagram.gapHeight
            }
            rows += arrow.shapes(at: y, places)
            y += Diagram.rowHeight
        }
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"srup-join\" role=\"img\" width=\"\(Diagram.pageWidth)\""
                + " height=\"\(y + 44)\" viewBox=\"0 0 \(Diagram.pageWidth) \(y + 44)\">",
            "<title>\(Diagram.escaped(title ?? "an observed join"))</title>",
            style,
            "<rect class=\"page\" width=\"100%\" height=\"100%\"/>",
        ]
        if let title { parts.append("<text class=\"title\" x=\"20\" y=\"26\">\(Diagram.escaped(title))</text>") }
        parts.append("<text class=\"time\" x=\"76\" y=\"\(roles + 18)\" text-anchor=\"end\">ms</text>")
        for role in lifelines { parts += Diagram.lifeline(role, at: places[role, default: 0], from: roles, to: y + 8) }
        parts += rows
        parts.append(
            "<text class=\"remark\" x=\"\(Diagram.pageWidth / 2)\" y=\"\(y + 30)\" text-anchor=\"middle\">"
                + Diagram.escaped(styles) + "</text>")
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    /// What the arrows of this diagram mean.
    private var styles: String {
        let results = Set(arrows.map(\.result))
        let ways = Set(arrows.map(\.via))
        var styles = ["solid: SRUP over MQTT"]
        if ways.contains(.link) || !ways.contains(.sight) { styles.append("dashed: proof link") }
        if ways.contains(.sight) { styles.append("dotted: seen or said by a person") }
        if results.contains(.success) { styles.append("green: reports a success") }
        if results.contains(.failure) { styles.append("red: reports a failure") }
        if results.contains(.refused) { styles.append("red \u{D7}: refused by the receiver") }
        return styles.joined(separator: " \u{B7} ")
    }

    /// The lifelines are interrupted for a period without messages.
    private static func shapes(ofGap gap: String, at top: Int, _ places: [Role: Int]) -> [String] {
        let (from, to, middle) = (top + 2, top + gapHeight - 2, (firstLifeline + lastLifeline) / 2)
        return places.values.sorted().flatMap { x in
            [
                "<rect class=\"page\" x=\"\(x - 2)\" y=\"\(from)\" width=\"4\" height=\"\(to - from)\"/>",
                "<line class=\"life pause\" x1=\"\(x)\" y1=\"\(from)\" x2=\"\(x)\" y2=\"\(to)\"/>",
            ]
        } + [
            "<text class=\"remark\" x=\"\(middle)\" y=\"\(top + gapHeight / 2 + 4)\" text-anchor=\"middle\">"
                + "\u{2026} \(gap) \u{2026}</text>"
        ]
    }

    /// A line across the lifelines, with the title of the section below it.
    private static func shapes(ofHeading heading: String, at top: Int) -> [String] {
        let y = top + 16
        return [
            "<line class=\"life\" x1=\"20\" y1=\"\(y - 12)\" x2=\"\(pageWidth - 20)\" y2=\"\(y - 12)\"/>",
            "<text class=\"heading\" x=\"20\" y=\"\(y + 10)\">\(escaped(heading))</text>",
        ]
    }

    private struct Palette {
        let page, ink, faint, line, mqtt, link, good, bad: String

        /// Written out, not as CSS variables, because some SVG viewers do not support those.
        var rules: [(String, String)] {
            [
                ("text", "fill:\(ink);stroke:\(page)"), (".page", "fill:\(page)"), (".remark", "fill:\(faint)"),
                (".time", "fill:\(faint)"), (".life", "stroke:\(line)"), (".box", "fill:\(page);stroke:\(line)"),
                (".mqtt", "stroke:\(mqtt);fill:\(mqtt)"), (".link", "stroke:\(link);fill:\(link)"),
                (".sight", "stroke:\(faint);fill:\(faint)"),
                (".good", "stroke:\(good);fill:\(good)"), (".bad", "stroke:\(bad);fill:\(bad)"),
                (".is-good", "fill:\(good)"), (".is-bad", "fill:\(bad)"),
            ]
        }
    }

    private static let light = Palette(
        page: "#ffffff", ink: "#1c2430", faint: "#5d6878", line: "#b8c0cc", mqtt: "#1f5fa8", link: "#7a3fb0",
        good: "#146c3c", bad: "#b3261e")
    private static let dark = Palette(
        page: "#12161c", ink: "#e6eaf0", faint: "#9aa6b6", line: "#465060", mqtt: "#7ab4f5", link: "#c9a2f2",
        good: "#6fd3a0", bad: "#ff8a80")

    /// All rules are below one class, so that several diagrams and other content can share a page.
    package static let styleSheet: String = {
        let shapes = [
            // An edge in the page's colour, so that a lifeline does not cross the text.
            (
                "text",
                "font-family:ui-sans-serif,system-ui,sans-serif;font-size:13px;paint-order:stroke;stroke-width:4px;"
                    + "stroke-linejoin:round"
            ),
            (".title", "font-size:16px;font-weight:600"), (".role", "font-weight:600"), (".remark", "font-size:12px"),
            (".heading", "font-weight:600"), (".dotted", "stroke-dasharray:2 4"),
            (".time", "font-size:12px;font-variant-numeric:tabular-nums"), (".life", "stroke-width:1.5"),
            (".box", "stroke-width:1.5"), (".arrow", "stroke-width:1.8"), (".dashed", "stroke-dasharray:6 4"),
            (".pause", "stroke-dasharray:2 5"), (".cross", "fill:none;stroke-width:2.4"),
            (".is-good", "font-weight:600"), (".is-bad", "font-weight:600"),
        ]
        func css(_ rules: [(String, String)]) -> String {
            rules.map { ".srup-join \($0.0){\($0.1)}" }.joined(separator: "\n")
        }
        return css(shapes + light.rules) + "\n@media (prefers-color-scheme:dark){\n\(css(dark.rules))\n}"
    }()

    private static func lifeline(_ role: Role, at x: Int, from top: Int, to end: Int) -> [String] {
        [
            "<line class=\"life\" x1=\"\(x)\" y1=\"\(top + 26)\" x2=\"\(x)\" y2=\"\(end)\"/>",
            "<rect class=\"box\" x=\"\(x - 44)\" y=\"\(top)\" width=\"88\" height=\"26\" rx=\"5\"/>",
            "<text class=\"role\" x=\"\(x)\" y=\"\(top + 18)\" text-anchor=\"middle\">\(role.name)</text>",
        ]
    }

    /// Text for XML: its five characters escaped, what XML 1.0 forbids replaced by a question mark.
    package static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\u{20}"..."\u{7E}", "\u{A0}"..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
                escaped.unicodeScalars.append(scalar)
            default: escaped += "?"
            }
        }
        return escaped
    }
}

extension Diagram.Arrow {
    fileprivate func shapes(at top: Int, _ places: [Role: Int]) -> [String] {
        let (start, end) = (places[from, default: 0], places[to, default: 0])
        let y = top + 26
        var shapes = [
            "<text class=\"time\" x=\"76\" y=\"\(y + 4)\" text-anchor=\"end\">\(milliseconds)</text>",
            text("", y - 7, label, start, end),
        ]
        if start != end { shapes += line(from: start, to: end, at: y) }
        if let remark { shapes.append(text("remark\(result.remarkClass)", y + 15, remark, start, end)) }
        return shapes
    }

    private func line(from start: Int, to end: Int, at y: Int) -> [String] {
        let kind = result.arrowClass ?? via.rawValue
        let (tip, back) = start < end ? (end - 2, end - 12) : (end + 2, end + 12)
        let dashed =
            switch via {
            case .mqtt: ""
            case .link: " dashed"
            case .sight: " dotted"
            }
        // A cross does not arrive.
        let head =
            result == .refused
            ? "<path class=\"\(kind) cross\" d=\"M\(back) \(y - 6)L\(tip) \(y + 6)M\(back) \(y + 6)L\(tip) \(y - 6)\"/>"
            : "<path class=\"\(kind)\" d=\"M\(tip) \(y)L\(back) \(y - 5)L\(back) \(y + 5)Z\"/>"
        return [
            "<line class=\"arrow \(kind)\(dashed)\" x1=\"\(start)\" y1=\"\(y)\" x2=\"\(back)\" y2=\"\(y)\"/>", head,
        ]
    }

    /// Text in the middle of an arrow, cut to fit between its ends at about seven units per character.
    private func text(_ kind: String, _ y: Int, _ words: String, _ start: Int, _ end: Int) -> String {
        let room = max(40, abs(start - end) / 7)
        let fitting = words.count <= room ? words : words.prefix(room - 1) + "…"
        let attribute = kind.isEmpty ? "" : " class=\"\(kind)\""
        return "<text\(attribute) x=\"\((start + end) / 2)\" y=\"\(y)\" text-anchor=\"middle\">"
            + Diagram.escaped(fitting) + "</text>"
    }
}

extension Diagram.Result {
    /// Empty if the arrow's style shows it.
    fileprivate var arrowClass: String? {
        switch self {
        case .none: nil
        case .success: "good"
        case .failure, .refused: "bad"
        }
    }

    fileprivate var remarkClass: String { arrowClass.map { " is-\($0)" } ?? "" }
}
