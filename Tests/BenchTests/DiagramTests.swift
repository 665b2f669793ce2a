import Bench
import Foundation
import FoundationXML
import Testing

@Suite("The sequence diagram")
struct DiagramTests {
    private static let join: [TraceLine] = [
        line(2_000, .device, .c2, "OBS_JOIN_REQ", "1795373034828168", 450, detail: "observer bea0000000000001"),
        line(3_500, .c2, .beacon, "OBSERVE_REQ", "18", 912, detail: "joining de01000000000001"),
        TraceLine(atMicroseconds: 3_600, from: .beacon, to: .device, via: .link, name: "CHALLENGE", bytes: 35),
        line(1_000, .beacon, .c2, "JOIN_REQ", "1", 442),
        line(9_000, .device, .c2, "RESPONSE", "3", 443, refused: "observed join valid from a node that was not asked"),
    ]

    private static func line(
        _ at: Int64, _ from: Role, _ to: Role, _ name: String, _ sequence: String, _ bytes: Int, detail: String? = nil,
        refused: String? = nil
    ) -> TraceLine {
        TraceLine(
            atMicroseconds: at, from: from, to: to, via: .mqtt, name: name, sequence: sequence, bytes: bytes,
            detail: detail, refused: refused)
    }

    /// Text that tries to escape from whatever format it is placed in.
    private static let hostile = String(repeating: "</text>&\"'<script>\u{1}\u{1B}[31m…", count: 20)

    @Test("Messages are in the order of their times, which count from the first")
    func order() throws {
        let text = Diagram(DiagramTests.join).text()
        let names = [
            "JOIN_REQ #1 442 B", "OBS_JOIN_REQ #1795..8168 450 B", "OBSERVE_REQ #18 912 B", "CHALLENGE 35 B",
        ]
        let places = names.compactMap { text.range(of: $0)?.lowerBound }
        #expect(places.count == names.count && places == places.sorted())
        for time in ["0.000", "1.000", "2.500", "2.600", "8.000"] { #expect(text.contains(" \(time) ")) }
    }

    @Test("Arrows go from their sender to their receiver, past the lifeline between")
    func arrows() {
        let lines = Diagram(DiagramTests.join).text().split(separator: "\n")
        #expect(lines.contains { $0.contains("|-------") && $0.contains("-+-") && $0.hasSuffix(">|") })  // device to c2
        #expect(lines.contains { $0.contains("|<---") && $0.hasSuffix("---|") })  // c2 to beacon
        #expect(lines.contains { $0.contains("|<....") })  // the link is dotted
        #expect(lines.contains { $0.hasSuffix("x|") })  // refused
    }

    @Test("The SVG is well-formed, uses no other files, and supports light and dark")
    func svg() throws {
        var lines = DiagramTests.join
        lines.append(
            DiagramTests.line(10_000, .c2, .c2, DiagramTests.hostile, "1", 1, refused: DiagramTests.hostile))
        let svg = Diagram(lines, title: DiagramTests.hostile).svg
        let parser = XMLParser(data: Data(svg.utf8))
        let names = Elements()
        parser.delegate = names
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        #expect(!names.found.contains("script"))
        #expect(svg.contains("prefers-color-scheme:dark"))
        #expect(!svg.contains("href") && !svg.contains("url(") && !svg.contains("@import"))
        #expect(names.found.filter { $0 == "path" }.count == 5)  // a head for each arrow; a message to itself has none
    }

    @Test("The SVG marks results with a class and with words, and a gap with broken lifelines")
    func results() {
        let lines = [
            DiagramTests.line(0, .beacon, .c2, "RESPONSE", "1", 315, detail: "observed join valid"),
            DiagramTests.line(5_912_345, .beacon, .c2, "RESPONSE", "2", 315, detail: "observed join invalid"),
            DiagramTests.line(5_912_346, .beacon, .c2, "RESPONSE", "3", 315, refused: "replayed"),
        ]
        let svg = Diagram(lines).svg
        #expect(svg.contains("class=\"remark is-good\"") && svg.contains(">observed join valid<"))
        #expect(svg.contains("class=\"remark is-bad\"") && svg.contains(">observed join INVALID<"))
        #expect(svg.contains("class=\"bad cross\"") && svg.contains(">REFUSED: replayed<"))
        #expect(svg.contains(">… 5.9 s …<") && svg.ranges(of: "class=\"life pause\"").count == 3)
        #expect(!Diagram(Array(lines[1...])).svg.contains("class=\"life pause\""))
    }

    @Test("An SVG without a title has no room for one")
    func untitled() throws {
        let (with, without) = (Diagram(DiagramTests.join, title: "One").svg, Diagram(DiagramTests.join).svg)
        #expect(with.contains("class=\"title\"") && !without.contains("class=\"title\""))
        let height = /<svg [^>]* height="(\d+)"/
        let heights = [with, without].map { $0.firstMatch(of: height).flatMap { Int($0.1) } ?? 0 }
        #expect(heights[0] - heights[1] == 30)
    }

    @Test("An empty trace gives an empty diagram")
    func empty() {
        #expect(Diagram([]).text().contains("device"))
        #expect(XMLParser(data: Data(Diagram([]).svg.utf8)).parse())
    }
}

private final class Elements: NSObject, XMLParserDelegate {
    var found: [String] = []

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        found.append(name)
    }
}
