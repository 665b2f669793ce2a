import SRUP
import Testing

@testable import Bench

@Suite("The sequence diagram: the paper's Figures 1 and 2")
struct DiagramFigureTests {
    private static func line(
        _ at: Int64, _ from: Role, _ to: Role, _ type: MessageType, _ detail: String? = nil, refused: String? = nil
    ) -> TraceLine {
        TraceLine(
            atMicroseconds: at, from: from, to: to, via: .mqtt, name: type.name, sequence: "\(at)", bytes: 314,
            detail: detail, refused: refused)
    }

    /// An observed join, the device's resignation, a simple join, and the server's command that ends it.
    private static let withdrawals = [
        line(1, .device, .c2, .observedJoinRequest), line(2, .c2, .device, .observedJoinResponse),
        line(3, .c2, .beacon, .observationRequest),
        TraceLine(atMicroseconds: 4, from: .device, to: .beacon, via: .link, name: "PROOF", bytes: 67),
        line(5, .beacon, .c2, .response, "observed join valid"), line(6, .c2, .device, .response, "join success"),
        line(7, .device, .c2, .resignRequest), line(8, .c2, .device, .response, "resign success"),
        line(9, .device, .c2, .joinRequest), line(10, .c2, .device, .response, "join success"),
        line(11, .c2, .device, .terminateCommand),
    ]

    private static func headings(_ lines: [TraceLine]) -> [String] { Diagram(lines).arrows.compactMap(\.heading) }

    @Test("Figure 2: the join and both withdrawals are sections, in the order of their times")
    func figureTwo() {
        #expect(
            Diagram(DiagramFigureTests.withdrawals).arrows.map(\.heading) == [
                "observed join of the device", nil, nil, nil, nil, nil,
                "withdrawal of the device by itself", nil,
                "join of the device", nil,
                "withdrawal of the device by the server",
            ])
    }

    @Test("Figure 2 as text: a line across the lifelines begins each section, and a withdrawal needs no beacon")
    func figureTwoAsText() {
        #expect(
            Diagram(Array(DiagramFigureTests.withdrawals.suffix(5))).text(width: 70) == """
                     ms device                      beacon                         C2
                           == withdrawal of the device by itself ====================
                           |                  RESIGN_REQ #7 314 B                   |
                  0.000    |---------------------------+--------------------------->|
                           |                   RESPONSE #8 314 B                    |
                  0.001    |<--------------------------+----------------------------|
                           |                    (resign success)                    |
                           == join of the device ====================================
                           |                   JOIN_REQ #9 314 B                    |
                  0.002    |---------------------------+--------------------------->|
                           |                   RESPONSE #10 314 B                   |
                  0.003    |<--------------------------+----------------------------|
                           |                     (join success)                     |
                           == withdrawal of the device by the server ================
                           |                TERMINATE_CMD #11 314 B                 |
                  0.004    |<--------------------------+----------------------------|
                           |                           |                            |
                time in ms   ---> SRUP over MQTT   ...> proof link

                """)
    }

    @Test("Figure 2 as SVG: each section has its title and a line above it, and moves the rest down")
    func figureTwoAsSVG() throws {
        let svg = Diagram(DiagramFigureTests.withdrawals).svg
        #expect(svg.ranges(of: "class=\"heading\"").count == 4)
        #expect(svg.contains(">withdrawal of the device by the server<"))
        let pattern = /<svg [^>]* height="(\d+)"/
        func height(_ lines: [TraceLine]) -> Int {
            Diagram(lines).svg.firstMatch(of: pattern).flatMap { Int($0.1) } ?? 0
        }
        // Of eleven rows and four titles, without the withdrawals of nine rows.
        let joins = DiagramFigureTests.withdrawals.filter { !["RESIGN_REQ", "TERMINATE_CMD"].contains($0.name) }
        #expect(height(DiagramFigureTests.withdrawals) - height(joins) == 2 * 52 + 4 * 40)
    }

    @Test("Both sides can deregister, and a beacon can leave as well")
    func others() {
        let lines = [
            DiagramFigureTests.line(1, .device, .c2, .deregisterRequest),
            DiagramFigureTests.line(2, .c2, .beacon, .deregisterCommand),
            DiagramFigureTests.line(3, .beacon, .c2, .resignRequest),
        ]
        #expect(
            DiagramFigureTests.headings(lines) == [
                "deregistration of the device by itself", "deregistration of the beacon by the server",
                "withdrawal of the beacon by itself",
            ])
    }

    @Test("A trace in which nobody leaves has no sections; a refused or repeated request begins none")
    func noSections() {
        let joins = Array(DiagramFigureTests.withdrawals.prefix(6))
        #expect(DiagramFigureTests.headings(joins) == [])
        let refused = DiagramFigureTests.line(20, .device, .c2, .resignRequest, refused: "replayed")
        #expect(DiagramFigureTests.headings(joins + [refused]) == [])
        let twice = [7, 8].map { DiagramFigureTests.line($0, .device, .c2, .resignRequest) }
        #expect(DiagramFigureTests.headings(twice) == ["withdrawal of the device by itself"])
    }

    @Test("Frames of the link before the server has received the request belong to the join")
    func earlyLink() {
        let hello = TraceLine(atMicroseconds: 0, from: .beacon, to: .device, via: .link, name: "HELLO", bytes: 29)
        let headings = Diagram([hello] + DiagramFigureTests.withdrawals).arrows.map(\.heading)
        #expect(headings.prefix(3) == ["observed join of the device", nil, nil])
        let outcome = TraceLine(atMicroseconds: 6, from: .beacon, to: .device, via: .link, name: "OUTCOME", bytes: 36)
        let later = Diagram(DiagramFigureTests.withdrawals.dropFirst(5) + [outcome]).arrows.map(\.heading)
        #expect(later.prefix(3) == [nil, nil, "withdrawal of the device by itself"])
    }

    // MARK: Figure 1

    private static let human = [
        line(1, .device, .c2, .humanJoinRequest), line(2, .c2, .device, .humanJoinResponse),
        TraceLine(shownBy: .c2, of: Identifier(0xD1), as: "words, view 1 of 4", at: 3),
        TraceLine(shownBy: .device, of: Identifier(0xD1), as: "words, view 1 of 4", at: 4),
        TraceLine(decision: "the values are the same", on: Identifier(0xD1), at: 5),
        line(6, .c2, .device, .response, "join success"),
    ]

    @Test("Figure 1: the person has a lifeline, in place of the beacon's unless a beacon takes part")
    func figureOne() {
        #expect(Diagram(DiagramFigureTests.human).lifelines == [.device, .human, .c2])
        #expect(Diagram(DiagramFigureTests.withdrawals).lifelines == [.device, .beacon, .c2])
        let all = Diagram(DiagramFigureTests.human + DiagramFigureTests.withdrawals)
        #expect(all.lifelines == [.device, .beacon, .human, .c2])
        #expect(all.places(from: 150, to: 830) == [.device: 150, .beacon: 376, .human: 603, .c2: 830])
    }

    @Test("Figure 1 as text: what a person sees has no bytes, and its own kind of line")
    func figureOneAsText() {
        #expect(
            Diagram(DiagramFigureTests.human).text(width: 70) == """
                     ms device                       human                         C2
                           |                  HM_JOIN_REQ #1 314 B                  |
                  0.000    |---------------------------+--------------------------->|
                           |                 HM_JOIN_RESP #2 314 B                  |
                  0.001    |<--------------------------+----------------------------|
                           |                           |      shows the value       |
                  0.002    |                           |<~~~~~~~~~~~~~~~~~~~~~~~~~~~|
                           |                           |    (words, view 1 of 4)    |
                           |      shows the value      |                            |
                  0.003    |~~~~~~~~~~~~~~~~~~~~~~~~~~>|                            |
                           |   (words, view 1 of 4)    |                            |
                           |                           |  the values are the same   |
                  0.004    |                           |~~~~~~~~~~~~~~~~~~~~~~~~~~~>|
                           |                   RESPONSE #6 314 B                    |
                  0.005    |<--------------------------+----------------------------|
                           |                     (join success)                     |
                           |                           |                            |
                time in ms   ---> SRUP over MQTT   ~~~> seen or said by a person

                """)
    }

    @Test("Figure 1 as SVG: dotted arrows to and from the person")
    func figureOneAsSVG() {
        let svg = Diagram(DiagramFigureTests.human).svg
        #expect(svg.ranges(of: "class=\"arrow sight dotted\"").count == 3)
        #expect(svg.contains(">the values are the same<") && svg.contains(">human<") && !svg.contains(">beacon<"))
        #expect(svg.contains("dotted: seen or said by a person") && !svg.contains("dashed: proof link"))
    }

    @Test("A line of a person is the same after it was written to a trace file and read")
    func traceFile() throws {
        for line in DiagramFigureTests.human { #expect(TraceLine(json: line.json) == line) }
    }
}
