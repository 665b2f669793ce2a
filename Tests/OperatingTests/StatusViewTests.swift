import FoundationEssentials
import OperatorText
import Testing

@testable import Daemon
@testable import Operating

@Suite("What status shows a person")
struct StatusViewTests {
    static func report(
        servers: String = #"{"id":"c2","membership":"member","last_sent":1,"paused":false}"#,
        broker: String = #"{"state":"connected","address":"b:8883"}"#, journal: String = #""state":"ok""#,
        listening: String = #"{"state":"ok"}"#
    ) throws -> StatusReport {
        let json = """
            {"identity":"bea1","version":"1.2.3","uptime_seconds":7300,"servers":[\(servers)],"broker":\(broker),
            "certificate":{},"journal":{\(journal),"findings":[],"outbox":2},"links":[],"listening":\(listening),
            "open_links":0,"observations":{"open":0,"list":[]},"refused":{"replayed":2}}
            """
        return try decoder().decode(StatusReport.self, from: Data(json.utf8))
    }

    private static let paused = #"{"id":"c3","membership":"member","last_sent":1,"paused":true}"#
    private static let joining = #"{"id":"c4","membership":"joining","last_sent":1}"#

    @Test("the first line says whether it observes, for whom, and if not, what has to be done")
    func verdict() throws {
        let good = #"{"id":"c2","membership":"member","last_sent":1,"paused":false}"#
        let (paused, joining) = (StatusViewTests.paused, StatusViewTests.joining)
        for (report, text) in [
            (try StatusViewTests.report(), "OBSERVING for c2"),
            (
                try StatusViewTests.report(servers: "\(good),\(paused)"),
                "OBSERVING for c2; paused by c3, which must order resume"
            ),
            (
                try StatusViewTests.report(listening: #"{"state":"partly","fault":"not listening on le"}"#),
                "OBSERVING for c2; not listening on le"
            ),
            (try StatusViewTests.report(servers: paused), "NOT OBSERVING: paused by c3; it must order resume"),
            (
                try StatusViewTests.report(servers: "\(paused),\(joining)"),
                "NOT OBSERVING: paused by c3; it must order resume"
            ),
            (try StatusViewTests.report(servers: joining), "NOT OBSERVING: no server is served: c4 joining"),
            (
                try StatusViewTests.report(broker: #"{"state":"lost","fault":"it is away","hint":"wait"}"#),
                "NOT OBSERVING: it is away"
            ),
            (
                try StatusViewTests.report(broker: #"{"state":"connecting"}"#),
                "NOT OBSERVING: the broker is not connected yet"
            ),
            (
                try StatusViewTests.report(journal: #""state":"full","trouble":"no space""#),
                "NOT OBSERVING: the journal cannot be written: no space"
            ),
            (
                try StatusViewTests.report(listening: #"{"state":"none","fault":"nothing is listened on"}"#),
                "NOT OBSERVING: nothing is listened on"
            ),
        ] {
            #expect(report.verdict.text == text)
            #expect(report.verdict.isObserving == text.hasPrefix("OBSERVING"))
            #expect(StatusView(.plain, columns: nil).lines(report).first == text)
        }
    }

    @Test("two columns follow, the second one aligned, and broken between words on a narrow terminal")
    func columns() throws {
        let fault = "the broker cannot be reached: Connection refused by the machine that should have it"
        let report = try StatusViewTests.report(
            broker: #"{"state":"lost","address":"b:8883","fault":"\#(fault)","hint":"check that the broker runs"}"#)
        let lines = StatusView(.plain, columns: nil).lines(report)
        #expect(lines.contains("beacon            bea1, srup-beacon 1.2.3, up 7300 s"), "\(lines)")
        #expect(lines.contains("broker            lost b:8883"))
        #expect(lines.contains("                  hint: check that the broker runs"))
        #expect(lines.contains("refused replayed  2"))
        let narrow = StatusView(.plain, columns: 50).lines(report)
        #expect(narrow.allSatisfy { $0.count <= 50 }, "\(narrow)")
        #expect(narrow.contains("                  the broker cannot be reached:"), "\(narrow)")
        #expect(narrow.joined(separator: " ").split(separator: " ").contains("Connection"))
    }

    @Test("the colour is on the word that says how it is; without colours there is no escape sequence")
    func colours() throws {
        let report = try StatusViewTests.report(servers: StatusViewTests.paused)
        let coloured = StatusView(.colour, columns: 80).lines(report)
        #expect(coloured[0] == "\u{1B}[1;31mNOT OBSERVING:\u{1B}[0m paused by c3; it must order resume")
        #expect(coloured.contains { $0.hasSuffix("\u{1B}[32mconnected\u{1B}[0m b:8883") }, "\(coloured)")
        let plain = StatusView(.plain, columns: 80).lines(report)
        #expect(!plain.joined().contains("\u{1B}"))
        let stripped = coloured.map { $0.replacing(/\u{1B}\[[0-9;]*m/, with: "") }
        #expect(stripped == plain, "the same text")
    }

    @Test("NO_COLOR, a terminal that is dumb, and output that is not a terminal have no colours")
    func noColour() {
        func style(_ isTerminal: Bool, _ environment: [String: String]) -> TerminalStyle {
            TerminalStyle(isTerminal: isTerminal) { environment[$0] }
        }
        #expect(style(true, ["TERM": "xterm"]) == .colour && style(true, ["NO_COLOR": ""]) == .colour)
        #expect(style(true, ["NO_COLOR": "1"]) == .plain && style(true, ["TERM": "dumb"]) == .plain)
        #expect(style(false, ["TERM": "xterm"]) == .plain)
    }
}
