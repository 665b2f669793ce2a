import Foundation
import TestVectors
import Testing

@testable import Daemon

@Suite("The dashboard and the alert rules", .blocking)
struct MonitoringPagesTests {
    private static func file(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }

    @Test(
        "name only metrics that the beacon exports",
        arguments: [
            "docs/monitoring/dashboard.json", "docs/monitoring/alerts.yml", "docs/operations.md", "docs/registry.md",
        ])
    func names(page: String) throws {
        let exported = try TemporaryFolder.with { folder in
            try ShellFixture(folder).on { $0.exposition }.matches(of: /# TYPE (\S+)/).map { String($0.output.1) }
        }
        // It is exported where the file holds a certificate.
        let all = Set(exported + ["srup_beacon_certificate_not_after_seconds"])
        for match in try Self.file(page).matches(of: /\bsrup_beacon_[a-z_]+/) {
            let name = String(match.output)
            let whole = ["_bucket", "_sum", "_count"].reduce(name) {
                $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0
            }
            #expect(all.contains(name) || all.contains(whole), "\(page): \(name)")
        }
    }

    @Test("the recorded run of the dashboard's test has no metric that the beacon does not export")
    func recording() throws {
        let exported = try TemporaryFolder.with { folder in
            try ShellFixture(folder).on { $0.exposition }.matches(of: /# TYPE (\S+)/).map { String($0.output.1) }
        }
        let recorded = try Self.file("Scripts/Monitoring/recorded.prom").matches(of: /# TYPE (\S+)/).map {
            String($0.output.1)
        }
        #expect(recorded.count > 20)
        #expect(Set(recorded).subtracting(exported) == ["srup_beacon_certificate_not_after_seconds"])
    }
}
