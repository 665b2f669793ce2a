import Foundation
import FoundationXML
import HumanView
import Testing

@Suite("Views as SVG")
struct SVGTests {
    @Test("is well-formed, uses no other files, and describes its contents in words", arguments: HumanView.allCases)
    func wellFormed(view: HumanView) throws {
        let picture = try picture(view)
        let found = try Elements(picture.svg)
        #expect(found.names.first == "svg" && found.attributes[0]["role"] == "img")
        #expect(found.text(of: "title") == "\(view.rawValue) of a value")
        #expect(found.text(of: "desc") == picture.spoken)
        for outside in ["href", "url(", "@import", "<script", "<style", "style="] {
            #expect(!picture.svg.contains(outside))
        }
    }

    @Test("it has the colours and letters of the cells in their places", arguments: [HumanView.pictograph, .colours])
    func cells(view: HumanView) throws {
        let grid = try grid(picture(view))
        let found = try Elements(try picture(view).svg)
        let width = try #require(found.attributes[0]["width"].flatMap { Int($0) })
        let side = width / (grid.columns + 2)
        var fills: [String: String] = [:]
        for (name, attributes) in zip(found.names, found.attributes) where name == "rect" && attributes["x"] != nil {
            fills["\(attributes["x"] ?? "") \(attributes["y"] ?? "")"] = attributes["fill"]
        }
        for row in 0..<grid.rows {
            for column in 0..<grid.columns {
                let rgb = grid[row, column].rgb
                let hexadecimal = String(format: "#%02x%02x%02x", Int(rgb.red), Int(rgb.green), Int(rgb.blue))
                let fill = fills["\((column + 1) * side) \((row + 1) * side)"] ?? "#ffffff"
                #expect(fill == hexadecimal, "row \(row), column \(column)")
            }
        }
        #expect(found.texts(of: "text").joined() == String(grid.cells.compactMap(\.letter)))
    }

    @Test("it has the lines of a text", arguments: [HumanView.hexadecimal, .words])
    func text(view: HumanView) throws {
        #expect(try Elements(try picture(view).svg).texts(of: "text") == lines(picture(view)))
    }

    @Test("a small one, completely")
    func whole() {
        let picture = Picture(name: "two", form: .grid(Grid(columns: 2, cells: [.black, .yellow], margin: 0)))
        #expect(
            picture.svg == """
                <svg xmlns="http://www.w3.org/2000/svg" role="img" width="64" height="32" viewBox="0 0 64 32">
                <title>two of a value</title>
                <desc>row 1: 1 Y</desc>
                <rect width="64" height="32" fill="#ffffff"/>
                <g shape-rendering="crispEdges" font-family="ui-monospace,monospace" font-size="20" font-weight="700" \
                text-anchor="middle">
                <rect x="0" y="0" width="32" height="32" fill="#000000"/>
                <rect x="32" y="0" width="32" height="32" fill="#ffff00"/>
                <text x="48" y="23" fill="#000000">Y</text>
                </g>
                </svg>

                """)
    }
}

/// What an XML parser finds.
private final class Elements: NSObject, XMLParserDelegate {
    var names: [String] = []
    var attributes: [[String: String]] = []
    private var contents: [String] = []

    init(_ xml: String) throws {
        super.init()
        let parser = XMLParser(data: Data(xml.utf8))
        parser.delegate = self
        try #require(parser.parse(), "\(String(describing: parser.parserError))")
    }

    func texts(of name: String) -> [String] { zip(names, contents).filter { $0.0 == name }.map(\.1) }

    func text(of name: String) -> String? { texts(of: name).first }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        names.append(name)
        self.attributes.append(attributes)
        contents.append("")
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        // White space after an element's end goes to the element that started last; it is not used.
        if !contents.isEmpty, !string.allSatisfy(\.isWhitespace) || string == " " {
            contents[contents.count - 1] += string
        }
    }
}
