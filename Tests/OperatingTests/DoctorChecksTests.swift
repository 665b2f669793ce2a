import Foundation
import TestVectors
import Testing

@testable import Daemon
@testable import Operating

@Suite("The doctor's checks")
struct DoctorChecksTests {
    @Test(
        "a kernel's version",
        arguments: [
            ("6.12.57+deb13-amd64", CheckResult.Verdict.good), ("6.12", .good), ("7.0.1", .good),
            ("6.1.0-38-amd64", .warning),
            ("6.6.51", .warning), ("5.10.0", .warning), ("unknown", .warning), ("", .warning),
        ])
    func kernel(release: String, verdict: CheckResult.Verdict) {
        let finding = Doctor.kernel(release)
        #expect(finding.verdict == verdict)
        #expect((finding.hint == nil) == (verdict == .good))
    }

    @Test("a certificate's time")
    func validity() {
        let (now, day) = (wallSeconds(), Int64(86_400))
        func verdict(_ from: Int64, _ until: Int64) -> CheckResult.Verdict {
            Doctor.validity("c", "f", from, until).verdict
        }
        #expect(verdict(now - day, now + 30 * day) == .good)
        #expect(verdict(now - day, now + 6 * day) == .warning)
        #expect(verdict(now - 2 * day, now - day) == .bad)
        #expect(verdict(now + day, now + 30 * day) == .bad)
    }

    @Test("a server that does not answer, and a renewal that fails, as the running beacon tells them")
    func silence() throws {
        var doctor = Doctor(configurationFile: "", visits: false) { _ in }
        func findings(_ server: String, _ certificate: String) throws -> [CheckResult] {
            doctor.status = try DoctorChecksTests.status("", server: server, certificate: certificate)
            let configuration = try DoctorChecksTests.configuration()
            return doctor.memberships(configuration) + doctor.renewal()
        }
        let calm = try findings("", "")
        #expect(calm.map(\.verdict) == [.warning] && calm[0].found == "joining")
        let failure = #""failed_at":"T1","next_attempt":"T2","fault":"no answer","failures":2"#
        let both = try findings(#","unanswered":true"#, failure)
        try #require(both.map(\.verdict) == [.warning, .warning])
        #expect(both[0].found.contains("has seen higher sequence ids") && both[0].hint == "srup-beacon explain c2")
        #expect(both[1].found.contains("no answer") && both[1].hint?.contains("srup-beacon renew") == true)
    }

    /// What a running beacon tells.
    static func status(_ more: String, server: String = "", certificate: String = "") throws -> StatusReport {
        let json = """
            {"identity":"bea1","version":"1.2.3","uptime_seconds":1,
            "servers":[{"id":"c2","membership":"joining","last_sent":1\(server)}],
            "broker":{"state":"connected"},"certificate":{\(certificate)}\(more),
            "journal":{"state":"ok","findings":[],"outbox":0},"links":[],"open_links":0,
            "observations":{"open":0,"list":[]},"refused":{}}
            """
        return try decoder().decode(StatusReport.self, from: Data(json.utf8))
    }

    static func configuration() throws -> Configuration {
        try TemporaryFolder.with {
            try Configuration(file: try $0.write(Data(DoctorChecksTests.good.utf8), to: "beacon.conf"))
        }
    }

    static let good = """
        [beacon]
        identity = bea0000000000001
        key = /etc/k
        state = /var/s
        [broker]
        address = broker.example.org:8883
        ca = /etc/ca
        certificate = /etc/cert
        key = /etc/tls
        [server c2]
        key = /etc/c2

        """

    @Test("servers that share the beacon and name no recipient")
    func shared() throws {
        let second = "[server c3]\nkey = /etc/c3\n"
        func findings(_ lines: String) throws -> [CheckResult] {
            try TemporaryFolder.with {
                Doctor.shared(
                    try Configuration(
                        file: try $0.write(Data((DoctorChecksTests.good + lines).utf8), to: "beacon.conf")))
            }
        }
        let both = try findings("recipient = broker\nshared = yes\n" + second)
        #expect(both.map(\.verdict) == [.warning] && both.map(\.lookedAt) == ["server c2"])
        #expect(both.allSatisfy { $0.hint != nil })
        #expect(try findings("recipient = broker\n").isEmpty)
        #expect(try findings(second).isEmpty)
    }
}
