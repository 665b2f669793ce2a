import FoundationEssentials
import Observing
import ProofLink
import SRUP
import Testing

@testable import Daemon
@testable import Operating

private let (server, device) = (Identifier(0xC2), Identifier(0xDE))
private let token = Token(random: Array(0..<16))

@Suite("What watch shows")
struct WatchViewTests {
    private func report(
        observations: Int, links: Int, lacking: String = "", certificate: String = "", server: String = ""
    ) throws -> StatusReport {
        let held = (0..<links).map {
            #"{"number":\#($0),"transport":"le","peer":"00:AA:01:00:00:0\#($0 % 10)","state":"waits","seconds_ago":3}"#
        }
        let open = (0..<observations).map {
            #"{"server":"c2","token":"t","device":"de\#($0)","seconds_left":9.7,"false_proofs":\#($0 % 2)\#(lacking)}"#
        }
        let json = """
            {"identity":"bea1","version":"1.2.3","uptime_seconds":7300,
            "servers":[{"id":"c2","membership":"member","last_sent":1,"paused":true,
            "unanswered":\(!certificate.isEmpty)\(server)}],
            "broker":{"state":"lost","address":"b:8883","fault":"it is away","hint":"wait"},
            "certificate":{\(certificate)},"journal":{"state":"ok","findings":[],"outbox":2},"links":[],
            "radio":{"state":"ok","gone":[],"adapters":[{"name":"hci0","address":"00:AA","state":"ready, advertising",
            "is_advertising":true,"faults":[],"links":4}]},
            "open_links":\(links),"held":[\(held.joined(separator: ","))],
            "observations":{"open":\(observations),"list":[\(open.joined(separator: ","))]},
            "refused":{"replayed":2,"false-proof":7,"not-now":0}}
            """
        return try decoder().decode(StatusReport.self, from: Data(json.utf8))
    }

    @Test("a server that is set aside is marked")
    func setAside() throws {
        let aside = #","set_aside":{"topic":"SRUP/c2","fault":"it is closed","hint":"allow it","seconds_left":9}"#
        let report = try report(observations: 0, links: 0, server: aside)
        #expect(
            WatchView(rows: 60, columns: 200).lines(report, [], at: "now")[3] == " servers c2 member, paused, set aside"
        )
        #expect(report.text.contains("  it is closed; tried again in 9 s\n  hint: allow it"))
    }

    private let past = (0..<30).map {
        PastObservation(
            server: server, token: token, device: device, verdict: "valid", reason: "matched", evidence: nil,
            decided: Int64($0))
    }

    @Test("shows a renewal that fails, and a server that does not answer")
    func trouble() throws {
        let failure = #""failed_at":"T1","next_attempt":"T2","fault":"no answer","failures":3"#
        let lines = WatchView(rows: 60, columns: 200).lines(
            try report(observations: 0, links: 0, certificate: failure), [], at: "now")
        #expect(lines[3] == " servers c2 member, paused, not answered")
        #expect(lines[5] == " certificate 3 renewals failed, the last one at T1: no answer; next attempt about T2")
    }

    @Test(
        "shows broker, servers, journal, adapters, open observations with deadlines, links, verdicts, and refusals")
    func everything() throws {
        let lines = WatchView(rows: 60, columns: 200).lines(
            try report(observations: 2, links: 1), Array(past.prefix(2)), at: "now")
        for (line, words) in [
            (0, "bea1   srup-beacon 1.2.3, up 2 h   now"), (1, "broker lost b:8883: it is away"),
            (2, "servers c2 member, paused"), (3, "journal ok, outbox 2"),
            (4, "hci0 00:AA  ready, advertising, 4 links"),
        ] {
            #expect(lines[line + 1] == " " + words)
        }
        #expect(
            lines.contains("OPEN OBSERVATIONS  2")
                && lines.contains(" de1  for c2  [##........]  9 s left  1 false proofs"))
        #expect(lines.contains("LINKS  1") && lines.contains(" 0  le 00:AA:01:00:00:00  not named yet  waits, 3 s"))
        #expect(
            lines.contains(
                " 1970-01-01 00:00:00  \(device)  valid  the proof matched  ×2  for \(server), token 00010203"))
        #expect(lines.last == " refused false-proof 7, replayed 2")
    }

    @Test(
        "an open observation shows what was missing from right proofs, in watch and in status",
        arguments: [("unsigned", "proved, not signed"), ("tooFar", "proved from outside the bounds")])
    func lacking(reason: String, words: String) throws {
        let report = try report(observations: 2, links: 0, lacking: #","lacking":"\#(reason)""#)
        let lines = WatchView(rows: 60, columns: 200).lines(report, [], at: "now")
        #expect(lines.contains(" de0  for c2  [##........]  9 s left  \(words)"), "\(lines)")
        #expect(lines.contains(" de1  for c2  [##........]  9 s left  1 false proofs  \(words)"))
        #expect(report.text.contains("  de0 for c2: 9 s left, \(words)"))
        #expect(report.text.contains("  de1 for c2: 9 s left, 1 false proofs, \(words)"))
        #expect(try self.report(observations: 1, links: 0).text.contains("  de0 for c2: 9 s left, 0 false proofs"))
    }

    @Test("the last verdicts have the grade of their evidence, and whether it was timed", arguments: [true, false])
    func grade(isTimed: Bool) throws {
        let evidence = Evidence(
            peer: Peer(transport: .local, address: "process 1 of user 2", security: LinkSecurity.none, signal: nil),
            mode: .keyed, roundTrip: .microseconds(1_234), attempts: 1, grade: .keyed, isTimed: isTimed)
        let past = PastObservation(
            server: server, token: token, device: device, verdict: "valid", reason: "matched",
            evidence: evidence.json, decided: 1)
        let lines = WatchView(rows: 60, columns: 200).lines(try report(observations: 0, links: 0), [past], at: "now")
        let grade = isTimed ? "keyed, timed" : "keyed"
        #expect(
            lines.contains(
                " 1970-01-01 00:00:01  \(device)  valid  the proof matched  [\(grade)]  for \(server), token 00010203"),
            "\(lines)")
        #expect(past.text.contains("keyed, \(grade), security none"), "\(past.text)")
    }

    @Test(
        "fits every terminal: lines are cut, and omitted ones are counted",
        arguments: [1, 5, 10, 12, 16, 24, 50, 200])
    func fits(rows: Int) throws {
        for columns in [1, 20, 80, 300] {
            for (observations, links) in [(0, 0), (3, 100), (100, 1), (100, 100)] {
                let report = try report(observations: observations, links: links)
                let lines = WatchView(rows: rows, columns: columns).lines(report, past, at: "now")
                #expect(lines.count <= rows && lines.allSatisfy { $0.count <= columns })
                let entries = lines.count { $0.contains("for c2") }
                let more = lines.first { $0.hasPrefix(" and ") }
                if rows == 50, columns == 300, observations == 100 {
                    #expect(entries < 100 && more == " and \(100 - entries) more")
                }
            }
        }
    }

    @Test("says if no beacon answers")
    func nobody() {
        #expect(WatchView(rows: 24, columns: 80).lines(nil, [], at: "now").first?.contains("no beacon answers") == true)
    }
}
