import Foundation
import TestVectors
import Testing

@testable import Daemon
@testable import Operating

@Suite("A radio that receives nothing")
struct NeighbourCheckTests {
    private func report(_ neighbours: String = "", traffic: String = "") throws -> StatusReport {
        let json = """
            {"identity":"bea1","version":"1","uptime_seconds":1,"servers":[],"broker":{"state":"connected"},"certificate":{},
            "journal":{"state":"ok","findings":[],"outbox":0},"links":[],"listening":{"state":"ok"\(traffic)},
            "radio":{"state":"ok","gone":[],"adapters":[]\(neighbours)},
            "open_links":0,"observations":{"open":0,"list":[]},"refused":{}}
            """
        return try decoder().decode(StatusReport.self, from: Data(json.utf8))
    }

    private func configuration(_ lines: String) throws -> Configuration {
        let text = DoctorChecksTests.good + lines
        return try TemporaryFolder.with {
            try Configuration(file: try $0.write(Data(text.utf8), to: "beacon.conf"))
        }
    }

    private let heard = #"{"id":"be01","heard":true,"last_heard_seconds_ago":9,"adapter":"00:AA","hears":1,"names":2}"#
    private let missed = #"{"id":"be02","heard":false,"last_heard_seconds_ago":999}"#
    private let deafOne = #"{"id":"be03","heard":true,"last_heard_seconds_ago":1,"hears":0,"names":2}"#

    private func list(_ neighbours: String..., deaf: Bool = false) -> String {
        #","neighbours":{"limit_seconds":600,"deaf":\#(deaf),"list":[\#(neighbours.joined(separator: ","))]}"#
    }

    @Test("doctor: a neighbour that is heard is good; one that is not, or does not hear, is a warning with what to do")
    func doctor() throws {
        let named = try configuration("[radio]\nneighbours = be01, be02, be03\n")
        var doctor = Doctor(configurationFile: "", visits: false) { _ in }
        #expect(doctor.neighbours(try configuration("")).map(\.found) == ["neighbours names none"])
        #expect(doctor.neighbours(named).map(\.verdict) == [.skipped])
        doctor.status = try report()
        #expect(doctor.neighbours(named).map(\.found) == ["the running beacon does not listen for them"])
        doctor.status = try report(list(heard, missed, deafOne))
        let findings = doctor.neighbours(named)
        #expect(
            findings.map(\.verdict) == [.good, .warning, .warning]
                && findings.map { $0.hint != nil } == [false, true, true])
        #expect(findings[0].found == "last heard 9 s ago, by 00:AA; it hears 1 of its 2 neighbours")
        #expect(findings[1].found == "not heard: last heard 999 s ago")
    }

    @Test("doctor: if none is heard, the radio is bad")
    func deaf() throws {
        var doctor = Doctor(configurationFile: "", visits: false) { _ in }
        doctor.status = try report(list(missed, deaf: true))
        let findings = doctor.neighbours(try configuration("[radio]\nneighbours = be02\n"))
        #expect(findings.map(\.verdict) == [.bad, .warning])
        #expect(
            findings[0].found == "none of the neighbours is heard: the radio may be deaf" && findings[0].hint != nil)
    }

    @Test("doctor: when each transport of each adapter was last used")
    func traffic() throws {
        var doctor = Doctor(configurationFile: "", visits: false) { _ in }
        #expect(doctor.traffic().map(\.verdict) == [.skipped])
        doctor.status = try report(traffic: #","traffic":[]"#)
        #expect(doctor.traffic().map(\.found) == ["no device has connected since the start"])
        doctor.status = try report(
            traffic:
                #","traffic":[{"transport":"le","adapter":"00:AA","last_link_seconds_ago":8,"last_packet_seconds_ago":7}]"#
        )
        #expect(
            doctor.traffic() == [
                CheckResult(
                    check: "last link", verdict: .good, lookedAt: "le on 00:AA",
                    found: "last link 8 s ago, last packet 7 s ago")
            ])
    }

    @Test("status and watch name them; a deaf radio is one line, not one for each neighbour")
    func watch() throws {
        let some = try report(list(heard, missed, deafOne))
        let screen = WatchView(rows: 60, columns: 200).lines(some, [], at: "now")
        #expect(screen.contains(" neighbour be02: not heard"))
        #expect(screen.contains(" neighbour be03: it hears none of its neighbours"))
        #expect(!screen.joined().contains("be01"))
        #expect(some.text.contains("\nneighbour be01: last heard 9 s ago"))
        let none = try report(list(missed, deaf: true))
        #expect(
            WatchView(rows: 60, columns: 200).lines(none, [], at: "now").contains(
                " none of the neighbours is heard: the radio may be deaf"))
        #expect(none.text.contains("radio: none of the neighbours is heard: the radio may be deaf\n  hint: "))
        #expect(!WatchView(rows: 60, columns: 200).lines(try report(), [], at: "now").joined().contains("neighbour"))
    }
}
