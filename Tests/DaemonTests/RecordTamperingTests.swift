import Auditing
import Foundation
import SQLite
import TestVectors
import Testing

@testable import Daemon

/// What one who can write the journal's file, and has no key, can do to it.
@Suite("A journal whose record was tampered with", .blocking)
struct RecordTamperingTests {
    /// Five verdicts, with a signed head of the fourth; the beacon has ended.
    private func tampered(_ sql: String, _ body: (AuditReport, AuditHead) throws -> Void) throws {
        try JournalFolder.with { folder in
            let head = try RecordedJournal.run(folder) { journal in
                for number in 1...4 { try RecordedJournal.answer(journal, UInt8(number)) }
                let head = try RecordedJournal.sign(journal, at: 2_000)
                try RecordedJournal.answer(journal, 5)
                return head
            }
            do {
                let database = try Database(path: folder.state.journal)
                try database.script(sql)
            }
            try body(try ExportedRecord.of(folder).check(try RecordedJournal.keys()), head)
        }
    }

    @Test("untouched, it holds")
    func untouched() throws {
        try tampered("") { report, _ in
            #expect(report.holds && report.rows == 5 && report.signedUpTo == 4, "\(report.faults)")
            #expect(report.checked.values.reduce(0, +) == 5)
        }
    }

    @Test(
        "a changed column of any row is found, and the row is named",
        arguments: [
            "verdicts SET server = server + 1", "verdicts SET token = x'00'", "verdicts SET device = device + 1",
            "verdicts SET verdict = 'invalid'", "verdicts SET reason = 'silence'", "verdicts SET evidence = NULL",
            "verdicts SET evidence = replace(evidence, '1234', '123')", "verdicts SET decided = decided - 60",
            "verdicts SET asked = NULL", "verdicts SET mismatches = 9", "audit SET request = NULL",
            "audit SET request = substr(request, 2)", "audit SET seal = NULL", "audit SET seal = zeroblob(32)",
            "audit SET response = NULL", "audit SET response = zeroblob(400)", "audit SET evidence_frame = x'05'",
            "audit SET proof_frame = x'05'", "audit SET proof = x'01'", "audit SET digest = zeroblob(32)",
        ])
    func changed(update: String) throws {
        for row in 1...5 {
            let id = update.hasPrefix("audit") ? "verdict" : "id"
            try tampered("UPDATE \(update) WHERE \(id) = \(row)") { report, _ in
                #expect(
                    report.faults.contains { $0.row == Int64(row) && $0.kind == .changed }, "\(row): \(report.faults)")
            }
        }
    }

    @Test("a renumbered row is found")
    func renumbered() throws {
        try tampered("UPDATE audit SET number = number + 7 WHERE verdict = 5") { report, _ in #expect(!report.holds) }
        try tampered("UPDATE audit SET number = 2 WHERE verdict = 3") { report, _ in #expect(!report.holds) }
    }

    @Test("a row deleted from either table, or from both, is found")
    func deleted() throws {
        for row in 1...4 {
            try tampered("DELETE FROM verdicts WHERE id = \(row)") { report, _ in
                #expect(report.faults.contains { $0.message.hasPrefix("rows \(row) to \(row)") }, "\(report.faults)")
            }
            try tampered("DELETE FROM audit WHERE verdict = \(row)") { report, _ in
                #expect(report.faults.contains { $0.kind == .missing }, "\(report.faults)")
            }
            try tampered("DELETE FROM verdicts WHERE id = \(row); DELETE FROM audit WHERE verdict = \(row)") {
                report, _ in
                #expect(report.faults.contains { $0.kind == .missing }, "\(report.faults)")
            }
        }
    }

    @Test("an inserted verdict is found")
    func inserted() throws {
        let columns = "server, device, verdict, reason, evidence, decided"
        try tampered("INSERT INTO verdicts (token, \(columns)) SELECT x'07', \(columns) FROM verdicts WHERE id = 2") {
            report, _ in
            #expect(report.faults.map(\.kind) == [.inserted], "\(report.faults)")
        }
        try tampered(
            """
            INSERT INTO verdicts (token, \(columns)) SELECT x'07', \(columns) FROM verdicts WHERE id = 2;
            INSERT INTO audit (verdict, number, digest) VALUES (6, 6, zeroblob(32))
            """
        ) { report, _ in #expect(report.faults.contains { $0.row == 6 && $0.kind == .changed }, "\(report.faults)") }
    }

    @Test("a cut tail is found by the head in the file; cut with it, by the head that a server has")
    func tail() throws {
        let cut = "DELETE FROM verdicts WHERE id > 2; DELETE FROM audit WHERE verdict > 2;"
        try tampered(cut) { report, _ in #expect(report.faults.map(\.kind) == [.missing]) }
        try JournalFolder.with { folder in
            let head = try RecordedJournal.run(folder) { journal in
                for number in 1...4 { try RecordedJournal.answer(journal, UInt8(number)) }
                return try RecordedJournal.sign(journal, at: 2_000)
            }
            do { try Database(path: folder.state.journal).script(cut + "DELETE FROM audit_heads") }
            let (record, keys) = (try ExportedRecord.of(folder), try RecordedJournal.keys())
            #expect(record.check(keys).holds, "nothing in the file tells")
            #expect(record.check(keys, heads: [head]).faults.map(\.kind) == [.missing])
        }
    }

    @Test(
        "a file replaced by an older one begins a new chain, or, where sequences was replaced too, is short of the server's head"
    )
    func older() throws {
        try JournalFolder.with { folder in
            try RecordedJournal.run(folder) { journal in
                for number in 1...2 { try RecordedJournal.answer(journal, UInt8(number)) }
            }
            try folder.copied { old in
                let head = try RecordedJournal.run(folder) { journal in
                    for number in 3...4 { try RecordedJournal.answer(journal, UInt8(number)) }
                    return try RecordedJournal.sign(journal, at: 2_000)
                }
                let keys = try RecordedJournal.keys()
                // Both files: nothing here can tell; what follows has another content than the server knows.
                try old.copied { both in
                    try RecordedJournal.run(both) { journal in
                        #expect(journal.finding == .whole && journal.verdictChain?.link.number == 2)
                        for number in 8...9 { try RecordedJournal.answer(journal, UInt8(number)) }
                        let other = try RecordedJournal.sign(journal, at: 3_000)
                        #expect(other.chain == head.chain && other.link.number == 4 && other.link != head.link)
                    }
                    let faults = try ExportedRecord.of(both).check(keys, heads: [head]).faults
                    #expect(faults.contains { $0.kind == .contradicted && $0.row == 4 }, "\(faults)")
                }
                // The journal alone: it is noticed at the start.
                try FileManager.default.removeItem(atPath: old.files.path("sequences"))
                try FileManager.default.copyItem(
                    atPath: folder.files.path("sequences"), toPath: old.files.path("sequences"))
                try RecordedJournal.run(old) { journal in
                    #expect(journal.finding == .lost)
                    try RecordedJournal.answer(journal, 7)
                    let next = try RecordedJournal.sign(journal, at: 3_000)
                    #expect(next.chain != head.chain && next.link.number == 3)
                }
                let faults = try ExportedRecord.of(old).check(keys, heads: [head]).faults
                #expect(faults.contains { $0.message.contains("4") }, "\(faults)")
                #expect(try ExportedRecord.of(old).check(keys).holds, "both chains hold")
            }
        }
    }
}
