import Foundation
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("Reports")
struct ReportsTests {
    private let clock = ManualClock()
    private let log = LogRecorder()
    private let reports: Reports
    private let exchange = Sample.exchange
    private let peer = Peer(transport: .local, address: "process 1 of user 2")

    init() {
        reports = Reports(EventLog(log.logger, clock: clock), clock: clock) { $0 == server }
    }

    private var counters: [String] {
        var out = Exposition()
        reports.metrics.addCounters(to: &out)
        reports.metrics.addLatencies(to: &out)
        return out.text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") && !$0.hasSuffix(" 0") }
    }

    @Test("an observation is counted by verdict, reason and grade, and each of its log lines has the token")
    func observation() {
        reports.report(.opened(exchange, device: device), requestedAt: clock.now)
        reports.report(.repeated(exchange, nil))
        reports.report(.mismatch(exchange, device: device, peer, count: 1))
        reports.report(.answered(exchange, device: device, .valid, .matched, .challenged))
        #expect(log.lines.map { $0.fields["event"] } == ["opened", "repeated", "false-proof", "answered"])
        #expect(
            log.lines.allSatisfy { $0.fields["token"] == "\(exchange.token)" && $0.text.contains("\(exchange.token)") })
        #expect(log.lines.last?.fields["verdict"] == "valid" && log.lines.last?.fields["reason"] == "matched")
        for wanted in [
            "srup_beacon_observations_opened_total 1", "srup_beacon_verdicts_total{verdict=\"valid\"} 1",
            "srup_beacon_verdict_reasons_total{reason=\"matched\"} 1",
            "srup_beacon_valid_total{grade=\"challenged\"} 1",
            "srup_beacon_refused_total{reason=\"false-proof\"} 1", "srup_beacon_request_to_challenge_seconds_count 1",
        ] {
            #expect(counters.contains(wanted), "\(wanted) is not in \(counters)")
        }
    }

    @Test("the time from a request to its observation runs from the message's arrival")
    func latency() {
        let arrival = clock.now
        clock.advance(by: .milliseconds(30))
        reports.report(.opened(exchange, device: device), requestedAt: arrival)
        reports.report(.opened(Sample.exchange(1), device: device))
        let latency = reports.metrics.requestToChallenge.snapshot
        #expect(latency.all == 1 && abs(latency.sum - 0.03) < 1e-9)
    }

    @Test("a refused message is counted by its reason, and the line names sender, type and reason")
    func refused() {
        reports.report(.refused(.tooFast, sender: server, type: .observationRequest))
        reports.refuse(.malformedFrame, "a message on t: too short")
        #expect(reports.metrics.refused == ["too-fast": 1, "malformed-frame": 1])
        #expect(
            log.texts == [
                "refused OBSERVE_REQ from \(server): this server sends more than its rate allows",
                "refused a message on t: too short",
            ])
        #expect(log.lines.map { $0.fields["reason"] } == ["too-fast", "malformed-frame"])
        #expect(log.lines.map { $0.fields["server"] } == ["\(server)", nil])
    }

    @Test("counting continues when a flood's lines are left out")
    func flood() {
        for _ in 0..<100 { reports.report(.refused(.notServed, sender: server, type: .action)) }
        #expect(reports.metrics.refused == ["not-served": 100] && log.lines.count == 20)
    }

    @Test("a link that ends without a valid proof is counted by its outcome")
    func links() {
        reports.linkOpened(over: .local)
        reports.report(.ready(LinkID(1), peer, device: device))
        reports.report(.ended(LinkID(1), peer, device: device, .valid))
        reports.report(.ended(LinkID(2), peer, device: nil, .busy))
        #expect(reports.metrics.refused == ["link-busy": 1])
        #expect(reports.metrics.linksOpened == [.local: 1])
        #expect(log.texts.last == "link 2: ended busy with local process 1 of user 2")
        #expect(log.lines.map { $0.fields["link"] } == ["1", "1", "2"])
    }

    @Test("signs that a server no longer knows this beacon are kept for the configuration's servers only")
    func signs() {
        let replayed = Refusal.replayed(SequenceID(3), last: SequenceID(9))
        for sender in [server, otherServer] { reports.report(.refused(replayed, sender: sender, type: .action)) }
        reports.report(.refused(.tooFast, sender: server, type: .action))
        #expect(reports.signs.keys.map(\.self) == [server] && reports.signs[server]?.replayed == 1)
        reports.report(.declined(server, .resignFail))
        #expect(reports.signs[server]?.declined == .resignFail)
        #expect(log.texts.last?.contains("hint: \(ServerSigns.askAgain(server))") == true)
    }

    @Test("a server's own events have a line with its identity")
    func servers() {
        reports.report(.membership(server, .member))
        reports.report(.commanded(server))
        reports.report(.acted(exchange, 0xEE, .actionFail))
        #expect(log.texts[0] == "server \(server): member" && log.lines[0].fields["membership"] == "member")
        #expect(log.texts[1] == "server \(server) has told us to join")
        #expect(log.texts[2].hasPrefix("action 0xee of \(server)") && log.lines[2].fields["event"] == "action")
    }
}

@Suite("The text file of metrics")
struct MetricsFileTests {
    private let clock = ManualClock()
    private let log = LogRecorder()

    private func content(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    @Test("is written at once and after each interval, and not after the beacon stops")
    func interval() throws {
        try TemporaryFolder.with { folder in
            let (path, counter) = (folder.path("metrics"), Counter())
            let file = MetricsFile(clock: clock, log: log.logger) { counter.next() }
            file.keep((path, .seconds(15)))
            #expect(content(path) == "1")
            clock.advance(by: .seconds(31))
            #expect(content(path) == "3")
            file.keep((folder.path("other"), .seconds(15)))
            #expect(content(folder.path("other")) == "4")
            file.stop()
            clock.advance(by: .seconds(60))
            #expect(content(path) == "3" && content(folder.path("other")) == "4" && log.lines.isEmpty)
        }
    }

    @Test("that cannot be written is reported once, and written as soon as it can be")
    func fault() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("place/metrics")
            let file = MetricsFile(clock: clock, log: log.logger) { "x" }
            file.keep((path, .seconds(15)))
            clock.advance(by: .seconds(100))
            #expect(log.texts == ["the metrics cannot be written to \(path): No such file or directory"])
            try FileManager.default.createDirectory(atPath: folder.path("place"), withIntermediateDirectories: false)
            clock.advance(by: .seconds(15))
            #expect(content(path) == "x")
            try FileManager.default.removeItem(atPath: folder.path("place"))
            clock.advance(by: .seconds(15))
            #expect(log.lines.count == 2, "a fault that returns is a new one")
        }
    }

    @Test("is not written if the configuration names none")
    func off() {
        let counter = Counter()
        let file = MetricsFile(clock: clock, log: log.logger) { counter.next() }
        file.keep((nil, .seconds(15)))
        clock.advance(by: .seconds(100))
        #expect(counter.count == 0)
    }

    private final class Counter {
        var count = 0
        func next() -> String {
            count += 1
            return "\(count)"
        }
    }
}
