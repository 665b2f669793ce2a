import Foundation
import TestVectors
import Testing

@testable import Daemon
@testable import Operating

@Suite("Transports that are not listened on")
struct ListeningCheckTests {
    private func report(_ links: [(String, String)], listening: String = "") throws -> StatusReport {
        let links = links.map { #"{"transport":"\#($0.0)","address":"a","state":"\#($0.1)"}"# }
        let json = """
            {"identity":"bea1","version":"1","uptime_seconds":1,"servers":[],"broker":{"state":"connected"},"certificate":{},
            "journal":{"state":"ok","findings":[],"outbox":0},"links":[\(links.joined(separator: ","))]\(listening),
            "open_links":0,"observations":{"open":0,"list":[]},"refused":{}}
            """
        return try decoder().decode(StatusReport.self, from: Data(json.utf8))
    }

    @Test("are bad for doctor, radio or not, and so is a beacon that listens on nothing")
    func doctor() throws {
        var doctor = Doctor(configurationFile: "", visits: false) { _ in }
        #expect(doctor.listening().map(\.verdict) == [.skipped])
        doctor.status = try report([("rfcomm", "listening"), ("local", "listening")])
        #expect(doctor.listening() == [.init("listening", .good, "[link]", "on local, rfcomm")])
        doctor.status = try report([("rfcomm", "listening"), ("local", "bind: Permission denied")])
        #expect(doctor.listening().map(\.verdict) == [.bad] && doctor.listening().first?.hint != nil)
        doctor.status = try report([("rfcomm", "closed"), ("local", "bind: Permission denied")])
        #expect(doctor.listening().map(\.verdict) == [.bad, .bad, .bad])
        #expect(doctor.listening().last?.found == "on nothing: no device can prove itself")
    }

    @Test("are in watch, each with its state, and in status")
    func watch() throws {
        let none = #","listening":{"state":"none","fault":"no transport is listened on: it","hint":"try"}"#
        let report = try report([("rfcomm", "listening"), ("le", "no Bluetooth")], listening: none)
        let lines = WatchView(rows: 60, columns: 200).lines(report, [], at: "now")
        #expect(lines.contains(" rfcomm a  listening") && lines.contains(" le a  no Bluetooth"))
        #expect(lines.contains(" no transport is listened on: no device can prove itself"))
        #expect(report.text.contains("links: no transport is listened on: it\n  hint: try"))
        let calm = try self.report([("rfcomm", "listening")], listening: #","listening":{"state":"ok"}"#)
        #expect(!calm.text.contains("links:"))
        #expect(!WatchView(rows: 60, columns: 200).lines(calm, [], at: "now").joined().contains("no transport"))
    }

    @Test("settings that keep devices out are a warning")
    func settings() throws {
        let text = DoctorChecksTests.good + "[link]\nmin-rssi = -60\n"
        let findings = try TemporaryFolder.with {
            Doctor.settings(try Configuration(file: try $0.write(Data(text.utf8), to: "beacon.conf")))
        }
        #expect(findings.map(\.verdict) == [.warning] && findings[0].found.contains("rfcomm, l2cap"))
    }
}
