import HumanView
import ProofLink
import SRUP
import Testing

@testable import Bench

@Suite("The sequence diagram as text")
struct DiagramTextTests {
    private static func line(
        _ at: Int64, _ from: Role, _ to: Role, _ name: String, _ sequence: String? = nil, bytes: Int = 315,
        via: TraceLine.Via = .mqtt, detail: String? = nil, refused: String? = nil
    ) -> TraceLine {
        TraceLine(
            atMicroseconds: at, from: from, to: to, via: via, name: name, sequence: sequence, bytes: bytes,
            detail: detail, refused: refused)
    }

    private static let refusedJoin = [
        line(0, .c2, .beacon, "OBSERVE_REQ", "18", bytes: 656, detail: "joining de01000000000001"),
        line(2_085, .beacon, .device, "OUTCOME", bytes: 36, via: .link, detail: "invalid"),
        line(6_005_500, .beacon, .c2, "RESPONSE", "51", detail: "observed join invalid"),
        line(6_005_877, .c2, .device, "RESPONSE", "1795950051835661", detail: "join refused"),
        line(
            6_006_000, .device, .c2, "OBS_JOIN_REQ", "1795950051835660", bytes: 322,
            refused: "sequence 1795950051835660 is not greater than 1795950051835661"),
        line(6_006_100, .beacon, .c2, "RESPONSE", "52", detail: "observed join valid"),
    ]

    @Test("A complete picture of 80 columns")
    func picture() {
        #expect(
            Diagram(DiagramTextTests.refusedJoin, title: "One").text(width: 80) == """
                One

                      ms device                           beacon                             C2
                            |                                |     OBSERVE_REQ #18 656 B      |
                   0.000    |                                |<-------------------------------|
                            |                                |      (joining de01..0001)      |
                            |          OUTCOME 36 B          |                                |
                   2.085    |<!..............................|                                |
                            |           (INVALID)            |                                |
                            :                          ... 6.0 s ...                          :
                            |                                |       RESPONSE #51 315 B       |
                6005.500    |                                |------------------------------!>|
                            |                                |    (observed join INVALID)     |
                            |                   RESPONSE #1795..5661 315 B                    |
                6005.877    |<!------------------------------+--------------------------------|
                            |                         (join REFUSED)                          |
                            |                 OBS_JOIN_REQ #1795..5660 322 B                  |
                6006.000    |--------------------------------+-------------------------------x|
                            |  (REFUSED: sequence 1795..5660 is not greater than 1795..5661)  |
                            |                                |       RESPONSE #52 315 B       |
                6006.100    |                                |------------------------------->|
                            |                                |     (observed join valid)      |
                            |                                |                                |
                time in ms   ---> SRUP over MQTT   ...> proof link   --!> reports a failure
                ---x refused by the receiver
                de01..0001 = de01000000000001   1795..5661 = 1795950051835661
                1795..5660 = 1795950051835660

                """)
    }

    @Test("Every line is printable ASCII and fits, whatever a trace contains", arguments: Diagram.widths)
    func fits(width: Int) {
        let hostile = String(repeating: "</text>&\"'<script>\u{1}\u{1B}[31m… 1234567890abcdef", count: 20)
        let lines =
            DiagramTextTests.refusedJoin + [
                DiagramTextTests.line(
                    .max, .c2, .device, hostile, "18446744073709551615", bytes: .max, detail: hostile),
                DiagramTextTests.line(.min, .device, .device, hostile, refused: hostile),
            ]
        for line in Diagram(lines, title: hostile).text(width: width).split(separator: "\n") {
            #expect(line.utf8.count <= width)
            #expect(line.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        }
    }

    @Test("Every message is named with its sequence id and its bytes at every width", arguments: Diagram.widths)
    func labels(width: Int) {
        let linkFrames = ["HELLO", "READY", "WAIT", "CHALLENGE", "PROOF", "VALUE", "OUTCOME"]
        let names = MessageType.allCases.map(\.name) + linkFrames
        let ways: [(Role, Role)] = [(.device, .beacon), (.c2, .beacon), (.device, .c2), (.c2, .c2), (.device, .device)]
        for (number, name) in names.enumerated() {
            let (from, to) = ways[number % ways.count]
            let text = Diagram([DiagramTextTests.line(0, from, to, name, "18446744073709551615", bytes: 65_535)])
                .text(width: width)
            // The room between two lifelines holds 20 characters at 60 columns.
            #expect(text.contains(name.count > 20 ? name.prefix(17) : name[...]), "\(name) at \(width)")
            #expect(text.contains("#1844..1615") && text.contains("65535 B"), "\(name) at \(width)")
            #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= width }, "\(name) at \(width)")
        }
    }

    @Test("The width is the terminal's, otherwise that of COLUMNS, otherwise 80, and stays within bounds")
    func widths() {
        func width(_ terminal: Int?, _ columns: String?) -> Int {
            Diagram.width(terminal: terminal) { $0 == "COLUMNS" ? columns : nil }
        }
        #expect(width(97, "120") == 97)
        #expect(width(nil, "120") == 120)
        #expect(width(nil, nil) == 80)
        for insane in ["", "0", "-5", "wide", "99999999999999999999"] { #expect(width(nil, insane) == 80) }
        #expect(width(20, nil) == 60 && width(nil, "30") == 60 && width(400, nil) == 160 && width(nil, "999") == 160)
        let diagram = Diagram(DiagramTextTests.refusedJoin)
        #expect(diagram.text(width: 1) == diagram.text(width: 60))
    }

    // MARK: Results

    @Test("Only successful results look like a success")
    func everyResult() {
        let statuses = UInt8.min...UInt8.max
        let results =
            statuses.map { ("RESPONSE", Status(rawValue: $0).description) }
            + Outcome.allCases.map { ("OUTCOME", $0.description) }
        var successes: [String] = []
        for (name, detail) in results {
            let arrow = Diagram([DiagramTextTests.line(0, .beacon, .c2, name, detail: detail)]).arrows[0]
            let text = Diagram([DiagramTextTests.line(0, .beacon, .c2, name, detail: detail)]).text()
            switch arrow.result {
            case .success:
                successes.append(detail)
                #expect(text.contains("->|") && !text.contains("!") && text.contains("(\(detail))"))
            case .failure:
                #expect(text.contains("-!>|") && arrow.remark != detail, "\(detail)")
            case .none, .refused: Issue.record("\(name) \(detail) is \(arrow.result)")
            }
        }
        #expect(
            successes == [
                "update success", "activate success", "action success", "join success", "observed join valid",
                "resign success", "deregister success", "valid",
            ])
    }

    @Test("A refused message does not look like a success, whatever it contains")
    func refused() {
        let line = DiagramTextTests.line(
            0, .beacon, .c2, "RESPONSE", detail: "observed join valid", refused: "replayed")
        let text = Diagram([line]).text()
        #expect(text.contains("-x|") && text.contains("(REFUSED: replayed)") && !text.contains("valid"))
    }

    @Test("A console's node name before a result does not hide the result")
    func named() {
        func result(_ detail: String) -> Diagram.Result {
            Diagram.Result(DiagramTextTests.line(0, .beacon, .c2, "RESPONSE", detail: detail))
        }
        #expect(result("bea0000000000001: join success") == .success)
        #expect(result("bea0000000000001: join refused") == .failure)
        #expect(result("bea0: join success") == .failure)
    }

    // MARK: Colours

    @Test("Colours change nothing but colours")
    func colours() {
        let diagram = Diagram(DiagramTextTests.refusedJoin, title: "One")
        let (plain, coloured) = (diagram.text(), diagram.text(style: .colour))
        #expect(!plain.contains("\u{1B}"))
        #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
        for line in coloured.split(separator: "\n") where line.contains("\u{1B}") {
            #expect(line.hasSuffix("\u{1B}[0m"))
        }
    }

    @Test("A success is green; a failure and a refused message are red")
    func tones() {
        let lines = Diagram(DiagramTextTests.refusedJoin).text(style: .colour).split(separator: "\n")
        func tone(_ words: String) -> Substring? {
            lines.first { $0.contains(words) }?.prefixMatch(of: /.*\u{1B}\[([0-9;]+)m\(/)?.1
        }
        #expect(tone("(observed join valid)") == "32")
        #expect(tone("(INVALID)") == "1;31" && tone("(join REFUSED)") == "1;31" && tone("(REFUSED: ") == "1;31")
        #expect(lines.contains { $0.contains("\u{1B}[32m--") } && lines.contains { $0.contains("\u{1B}[1;31m--") })
        #expect(tone("(joining ") == "0")
    }

    // MARK: Short names and gaps

    @Test("Long numbers are shortened, and the legend has each of them in full")
    func legend() {
        let text = Diagram(DiagramTextTests.refusedJoin).text()
        for (short, full) in [
            ("de01..0001", "de01000000000001"), ("1795..5661", "1795950051835661"), ("1795..5660", "1795950051835660"),
        ] {
            #expect(text.ranges(of: full).count == 1 && text.contains("\(short) = \(full)"))
            #expect(text.ranges(of: short).count >= 2)
        }
    }

    @Test("Numbers that would look the same keep more of their digits")
    func different() {
        let names = ShortNames(for: [
            "de01000000000001 de01100000000001 1234567890123456",
            "1234067890123456; 123456789012 not-a-long-number 1234",
        ])
        #expect(names.short("de01000000000001, de01100000000001") == "de010..00001, de011..00001")
        #expect(names.short("1234567890123456/1234067890123456") == "12345..23456/12340..23456")
        let kept = "not-a-long-number 1234 abcdefabcdefabcdef é"
        #expect(names.short(kept) == kept)
        #expect(Set(names.legend.map(\.short)).count == 5)
    }

    @Test("A second or more without a message is drawn as a gap")
    func gaps() {
        func text(_ microseconds: Int64) -> String {
            Diagram([
                DiagramTextTests.line(0, .beacon, .c2, "ONE"),
                DiagramTextTests.line(microseconds, .beacon, .c2, "TWO"),
            ]).text()
        }
        #expect(!text(999_999).contains(" s ..."))
        #expect(text(1_000_000).contains("... 1.0 s ...") && text(5_999_000).contains("... 5.9 s ..."))
        #expect(text(200_000_000).contains("... 3 min 20 s ...") && text(7_500_000_000).contains("... 2 h 5 min ..."))
        #expect(text(349_200_000_000).contains("... 4 d 1 h ..."))
        #expect(text(.max).contains("... 106751991 d 4 h ..."))
    }
}
