import FoundationEssentials
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A proof from outside the bounds, as operators see it")
struct TooFarTests {
    private let clock = ManualClock()
    private let log = LogRecorder()
    private let peer = Peer(transport: .rfcomm, address: "66:55:44:33:22:11", kind: .classic)
    private let unmet: [UnmetBound] = [
        .roundTrip(.milliseconds(35), maximum: .milliseconds(20)), .signal(nil, minimum: -60, .rfcomm),
    ]
    private var words: String {
        "the round trip took 35.000 ms, max-round-trip is 20 ms; rfcomm reports no signal strength, min-rssi is -60 dBm"
    }

    private var evidence: Evidence {
        Evidence(
            peer: peer, mode: .challenge, roundTrip: .milliseconds(35), attempts: 1, grade: .reachable, isTimed: false,
            unmet: unmet)
    }

    private func reports() -> Reports { Reports(EventLog(log.logger, clock: clock), clock: clock) { _ in true } }

    @Test("has a line and a counter of its own, and so has the answer at the deadline")
    func logged() {
        let reports = reports()
        reports.report(.tooFar(Sample.exchange, device: device, peer, unmet))
        reports.report(.answered(Sample.exchange, device: device, .failed, .tooFar, nil, unmet))
        #expect(reports.metrics.refused == ["too-far": 1])
        let lines = log.lines
        #expect(lines.map { $0.fields["event"] } == ["too-far", "answered"])
        #expect(lines[0].fields["token"] == "\(Sample.token)" && lines[0].fields["peer"] == peer.address)
        #expect(
            lines[0].text
                == "\(device) has proved itself on rfcomm \(peer.address), from outside the bounds: \(words), token \(Sample.token)"
        )
        #expect(
            lines[1].text.contains("answered failed") && lines[1].text.contains("\(Reason.tooFar.message): \(words)"))
        #expect(!lines.contains { $0.text.contains("false") })
    }

    @Test("is explained with what was measured and the bound, also where false proofs have come, and blames nobody")
    func explained() throws {
        let found = try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(
                    .accepted(server, SequenceID(1)), try Sample.opened(), .mismatches(Sample.exchange, 1), at: 1_000)
                try journal.record(
                    .answered(Sample.exchange, device: device, .failed, .tooFar, evidence), at: 1_060)
                try journal.commit()
                return try journal.explain("\(Sample.token)")
            }
        }
        let one = try #require(found.first)
        #expect(one.cause == Reason.tooFar.message(of: unmet) && one.cause.hasSuffix(words))
        #expect(one.next == Reason.tooFar.nextStep && !one.next.contains("guess") && one.next.contains("min-rssi"))
        #expect(one.evidence?.maxRoundTripUs == 20_000 && one.evidence?.minSignalDbm == -60)
        #expect(one.text.contains("1 false proof\n"))
    }

    @Test("is in the history, with what was not met")
    func history() {
        func past(_ reason: Reason, _ evidence: Evidence) -> PastObservation {
            PastObservation(
                server: server, token: Sample.token, device: device, verdict: "failed", reason: reason.rawValue,
                evidence: evidence.json, decided: 1)
        }
        #expect(past(.tooFar, evidence).cause == Reason.tooFar.message(of: unmet))
        #expect(past(.tooFar, Sample.evidence).cause == Reason.tooFar.message)
        #expect(past(.silence, evidence).cause == Reason.silence.message)
        var weak = evidence
        (weak.peer, weak.unmet) = (
            Peer(transport: .le, address: "a", signal: -80), [.signal(-80, minimum: -60, .le)]
        )
        #expect(past(.tooFar, weak).cause.hasSuffix(": the signal was -80 dBm, min-rssi is -60 dBm"))
    }

    @Test("is the cause that is given for an observation while it is open", arguments: ProofShortcoming.allCases)
    func open(lacking: ProofShortcoming) throws {
        let found = try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(.accepted(server, SequenceID(1)), try Sample.opened(), at: 1_000)
                try journal.commit()
                let open = OpenObservation(
                    exchange: Sample.exchange, device: device, deadline: clock.now, mismatches: 0, lacking: lacking,
                    unmet: lacking == .tooFar ? unmet : [])
                return try journal.explain("\(Sample.token)", open: [open])
            }
        }
        let one = try #require(found.first)
        switch lacking {
        case .tooFar: #expect(one.cause.hasSuffix("only from outside the bounds: \(words)"))
        case .unsigned: #expect(one.cause.hasSuffix("has proved the value, and has not signed it"))
        }
        #expect(one.verdict == nil && !one.cause.contains("no proof has matched"))
    }

    @Test("in status says what was not met")
    func status() throws {
        let json = """
            {"server":"c2","token":"t","device":"de","seconds_left":9,"false_proofs":0,"lacking":"tooFar","unmet":"x"}
            """
        let open = try decoder().decode(StatusReport.Open.self, from: Data(json.utf8))
        #expect(open.presented == ["proved from outside the bounds: x"])
    }

    @Test("is warned of where min-rssi is set beside transports that report no signal strength")
    func warned() throws {
        func warnings(_ link: String) throws -> [String] {
            try Settings.configuration(Settings.good.joined(separator: "\n") + "\n[link]\n" + link).warnings.map {
                "\($0.message); \($0.hint(for: .beacon))"
            }
        }
        #expect(try warnings("").isEmpty && warnings("min-rssi = off").isEmpty)
        #expect(try warnings("min-rssi = -60\nrfcomm = off\nl2cap = off").isEmpty)
        #expect(
            try warnings("min-rssi = -60") == [
                "[link] min-rssi is set, and there is no signal strength on rfcomm, l2cap: every proof over them is too far; "
                    + "set rfcomm = off, l2cap = off in [link], or min-rssi = off"
            ])
        #expect(
            try warnings("min-rssi = -60\nrfcomm = off\nl2cap = off\nlocal = /run/l")[0].contains(
                "on local: every proof over it"))
    }
}
