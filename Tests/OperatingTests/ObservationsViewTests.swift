import Observing
import SRUP
import Testing

@testable import Daemon
@testable import Operating

@Suite("What observations and doctor show a person")
struct ObservationsViewTests {
    private static let device = Identifier(0xDE01_0000_0000_0005)
    private static let server = Identifier(0xC2)
    private static let token = Token(random: Array(0..<16))
    private static let day: Int64 = 86_400

    private func past(
        _ decided: Int64, _ verdict: String = "valid", _ reason: String = "matched", device: Identifier = device
    ) -> PastObservation {
        PastObservation(
            server: ObservationsViewTests.server, token: ObservationsViewTests.token, device: device, verdict: verdict,
            reason: reason, evidence: nil, decided: decided)
    }

    @Test("a row for each, below its date, with short ids; repeats are one row with their number and the newest time")
    func short() {
        let history =
            [past(ObservationsViewTests.day + 61)] + (0..<10).map { past(3_600 - $0, "failed", "silence") }
            + [past(60, device: Identifier(0xAB))]
        let lines = ObservationsView(.plain, isWide: false).lines(history)
        #expect(lines.count == 6, "\(lines)")
        #expect(lines[0] == "1970-01-02" && lines[2].isEmpty && lines[3] == "1970-01-01")
        #expect(lines[1] == "  00:01:01  de01…0005  valid    00010203  the proof matched")
        #expect(lines[4].hasPrefix("  01:00:00  de01…0005  failed   ×10  "), "\(lines[4])")
        #expect(lines[5].hasPrefix("  00:01:00  0000…00ab  valid    00010203"), "\(lines[5])")
    }

    @Test("--wide has all of each on one line, and folds nothing")
    func wide() {
        let history = [past(61), past(60)]
        let lines = ObservationsView(.plain, isWide: true).lines(history)
        #expect(lines.count == 3)
        let (device, token) = (ObservationsViewTests.device, ObservationsViewTests.token)
        #expect(
            lines[1]
                == "  00:01:01  \(device)  valid    the proof matched  for \(ObservationsViewTests.server), token \(token)"
        )
    }

    @Test("verdicts are coloured, and the text is the same")
    func colours() {
        let history = [past(61), past(60, "failed", "silence")]
        let coloured = ObservationsView(.colour, isWide: false).lines(history)
        #expect(coloured[1].contains("\u{1B}[32mvalid\u{1B}[0m") && coloured[2].contains("\u{1B}[1;31mfailed\u{1B}[0m"))
        #expect(
            coloured.map { $0.replacing(/\u{1B}\[[0-9;]*m/, with: "") }
                == ObservationsView(.plain, isWide: false).lines(history))
    }

    private static let results: [CheckResult] = [
        .init("disk", .bad, "/a", "no room at all for even one more file in this folder", do: "make some room there"),
        .init("clock", .good, "clock", "synchronised"), .init("entropy", .good, "getrandom", "ready"),
        .init("broker: ACL", .warning, "SRUP/x", "open"), .init("radio", .skipped, "hci", "not used"),
    ]

    @Test("doctor counts what is good, and has failures last, before the line that counts")
    func doctor() {
        let lines = DoctorView(.plain, columns: nil, showsAll: false).lines(ObservationsViewTests.results)
        #expect(
            lines == [
                "2 good (--all lists them)", "-        radio            hci: not used",
                "WARNING  broker: ACL      SRUP/x: open",
                "BAD      disk             /a: no room at all for even one more file in this folder",
                "                          do: make some room there", "", "1 warning, 1 failure",
            ])
        let all = DoctorView(.plain, columns: nil, showsAll: true).lines(ObservationsViewTests.results)
        #expect(all[0] == "good     clock            clock: synchronised" && all[2] == "2 good" && all.count == 9)
        #expect(DoctorView(.plain, columns: nil, showsAll: false).lines([]).last == "0 warnings, 0 failures")
    }

    @Test("doctor's lines are broken between words and continue below where they began")
    func hanging() {
        let lines = DoctorView(.plain, columns: 60, showsAll: true).lines(ObservationsViewTests.results)
        #expect(lines.allSatisfy { $0.count <= 60 }, "\(lines)")
        #expect(lines.contains("                          more file in this folder"), "\(lines)")
        #expect(
            DoctorView(.colour, columns: 60, showsAll: true).lines(ObservationsViewTests.results).last
                == "\u{1B}[1;31m1 warning, 1 failure\u{1B}[0m")
    }
}
