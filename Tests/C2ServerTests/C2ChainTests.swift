import Auditing
import Bench
import Broker
import Foundation
import OperatorText
import SQLite
import SRUP
import TestVectors
import Testing

@testable import C2Server

/// docs/audit.md, "A server's record".
@Suite("The chain over a C2 server's history")
struct C2ChainTests {
    private func entry(_ number: Int) -> C2Entry {
        let frame = Roles.beacon.says(.response(.observedJoinValid), UInt64(number), "T")
        let message = try? UnverifiedFrame(frame).unverifiedMessage
        let line = message.map { TraceLine($0, frame: frame, from: .beacon, to: .c2, at: 1) }
        var entry = C2Entry(
            wallMilliseconds: C2Entry.now + Int64(number) * 1_000, kind: .message, node: Roles.beacon.id, line: line,
            message: "entry \(number)")
        (entry.grade, entry.reason, entry.verdict) = (.keyed, "because", .refused)
        return entry
    }

    private func check(_ path: String, _ folder: TemporaryFolder) throws -> AuditReport {
        let file = folder.path("export.jsonl")
        let store = try C2Store(lookingInto: path)
        try store.export(to: AuditExporter(AuditWriter(file), AuditFilter(), isTable: false), at: 5)
        var trust = AuditVerifier.Trust()
        trust.keys = [Roles.c2.id: [Roles.c2.key.publicKey], Roles.beacon.id: [Roles.beacon.key.publicKey]]
        var verifier = AuditVerifier(trust)
        try AuditFile.read(file) { verifier.take($0) }
        return verifier.finish()
    }

    /// Six entries in two runs, with a signed end after each, and then this.
    private func with(
        _ bounds: C2Store.Bounds = C2Store.Bounds(), _ sql: String = "", _ body: (AuditReport) throws -> Void
    ) throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("c2.sqlite")
            for run in 0..<2 {
                let store = try C2Store(path: path, own: Roles.c2.id, bounds: bounds)
                for number in 1...3 { try store.commit(C2.Memory(), groups: [:], entries: [entry(run * 3 + number)]) }
                try store.signHead(of: Roles.c2.id, by: Roles.c2.key, at: Int64(run))
                #expect(store.unsignedEntries == 0)
            }
            do { try store(path).script(sql) }
            try body(try check(path, folder))
        }
    }

    private func store(_ path: String) throws -> Database { try Database(path: path) }

    @Test("goes on in the next run, is signed, and holds with the signatures of the nodes' messages")
    func holds() throws {
        try with { report in
            #expect(report.holds && report.rows == 6 && report.heads == 2 && report.signedUpTo == 6, "\(report)")
            #expect(report.checked == ["messages signed by \(Roles.beacon.id)": 6])
        }
    }

    @Test("any changed column, deleted or inserted row, and a cut tail is found")
    func tampered() throws {
        for column in [
            "wall = 5", "kind = 'remark'", "node = 5", "words = 'x'", "grade = NULL", "reason = 'y'",
            "verdict = 'accepted'",
            "digest = zeroblob(32)",
        ] {
            for row in 1...6 {
                try with(C2Store.Bounds(), "UPDATE history SET \(column) WHERE id = \(row)") { report in
                    #expect(
                        report.faults.contains { $0.row == Int64(row) && $0.kind == .changed },
                        "\(column): \(report.faults)")
                }
            }
        }
        try with(
            C2Store.Bounds(),
            "UPDATE history SET line = replace(line, '\"frame_hex\":\"05', '\"frame_hex\":\"06') WHERE id = 2"
        ) {
            #expect($0.faults.contains { $0.row == 2 })
        }
        for row in 1...6 {
            try with(C2Store.Bounds(), "DELETE FROM history WHERE id = \(row)") { report in
                #expect(report.faults.contains { $0.kind == .missing }, "\(row): \(report.faults)")
            }
        }
        try with(C2Store.Bounds(), "INSERT INTO history (wall, kind, words, bytes) VALUES (1, 'remark', 'x', 1)") {
            report in
            #expect(report.faults.map(\.kind) == [.inserted])
        }
    }

    @Test("dropping the oldest entries leaves an anchor, from which the rest holds")
    func dropped() throws {
        var bounds = C2Store.Bounds()
        bounds.entries = 2
        try with(bounds) { report in
            #expect(report.holds && report.pruned == 4 && report.rows == 2, "\(report)")
        }
    }

    @Test("a commit that fails does not move the chain")
    func failed() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("c2.sqlite")
            let store = try C2Store(path: path, own: Roles.c2.id)
            try store.commit(C2.Memory(), groups: [:], entries: [entry(1)])
            try store.database.script(
                "CREATE TEMP TRIGGER fail BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END")
            let outgoing = [Outgoing(id: 1, topic: "t", payload: [1])]
            #expect(throws: OperatorFault.self) {
                try store.commit(C2.Memory(), groups: [:], entries: [entry(2)], outgoing: outgoing)
            }
            try store.database.script("DROP TRIGGER fail")
            try store.commit(C2.Memory(), groups: [:], entries: [entry(2)])
            #expect(try check(path, folder).holds)
        }
    }
}
