import Auditing
import BootTime
import Foundation
import Observing
import SRUP
import SQLite
import TestVectors
import Testing

@testable import Daemon

/// docs/audit.md, "Retention".
@Suite("Pruning of the record of verdicts", .blocking)
struct RecordPruningTests {
    private let begin = Instant(nanoseconds: 1_000_000_000_000)

    /// Notes what is there now, and prunes it an hour and a minute later.
    private func prune(_ journal: Journal, at seconds: Int64 = 9_000, atMost most: Int64 = 100) throws {
        try journal.prune(at: seconds, now: begin, atMost: most)
        try journal.prune(at: seconds, now: begin + .seconds(3_660), atMost: most)
        _ = try RecordedJournal.sign(journal, at: seconds)
    }

    /// Verdicts at these seconds since 1970, and their messages acknowledged.
    private func answer(_ journal: Journal, _ numbers: ClosedRange<UInt8>) throws {
        for number in numbers { try RecordedJournal.answer(journal, number, at: Int64(number) * 1_000) }
        _ = try journal.delivered(try journal.outbox().map(\.id), at: 5)
        try journal.commit()
    }

    private func numbers(_ journal: Journal) throws -> [Int64] {
        try journal.database.rows("SELECT id FROM verdicts ORDER BY id").map { $0.integer(0) }
    }

    @Test("by number and by age deletes the oldest, and what is left holds")
    func pruned() throws {
        try JournalFolder.with { folder in
            var retention = VerdictRecord.Retention()
            retention.verdicts = 3
            try RecordedJournal.run(folder, retention) { journal in
                try answer(journal, 1...8)
                try prune(journal)
                #expect(try numbers(journal) == [6, 7, 8])
            }
            let report = try ExportedRecord.of(folder).check(try RecordedJournal.keys())
            #expect(report.holds && report.pruned == 5 && report.rows == 3 && report.signedUpTo == 8, "\(report)")
            (retention.verdicts, retention.days) = (100, 1)
            try RecordedJournal.run(folder, retention) { journal in
                try answer(journal, 9...9)
                try prune(journal, at: 1_000_000)
                #expect(try numbers(journal) == [9], "the newest stays")
            }
            let last = try ExportedRecord.of(folder).check(try RecordedJournal.keys())
            #expect(last.holds && last.pruned == 8 && last.rows == 1, "\(last)")
        }
    }

    @Test("a limit that was lowered deletes no more at once than it may")
    func loweredLimit() throws {
        try JournalFolder.with { folder in
            var retention = VerdictRecord.Retention()
            retention.verdicts = 1
            try RecordedJournal.run(folder, retention) { journal in
                try answer(journal, 1...40)
                try prune(journal, atMost: 16)
                #expect(try numbers(journal).first == 17)
            }
        }
    }

    @Test(
        "deletes nothing of the last hour of the boot clock, whatever the wall clock says, and nothing that waits for a broker"
    )
    func kept() throws {
        try JournalFolder.with { folder in
            var retention = VerdictRecord.Retention()
            (retention.verdicts, retention.days) = (1, 1)
            try RecordedJournal.run(folder, retention) { journal in
                try answer(journal, 1...5)
                try journal.prune(at: 1_000_000_000, now: begin, atMost: 100)
                try journal.prune(at: 1_000_000_000, now: begin + .seconds(3_599), atMost: 100)
                #expect(try numbers(journal).count == 5)
                let exchange = Sample.exchange(3)
                #expect(try journal.verdict(of: exchange) != nil)
                try journal.database.run("INSERT INTO outbox (server, topic, frame, verdict) VALUES (1, 't', x'00', 3)")
                try journal.prune(at: 1_000_000_000, now: begin + .seconds(3_600), atMost: 100)
                #expect(try numbers(journal) == [3, 4, 5], "the third one's answer waits")
                journal.holdPruning(from: begin + .seconds(7_000))
                try journal.database.run("DELETE FROM outbox")
                try journal.prune(at: 1_000_000_000, now: begin + .seconds(7_059), atMost: 100)
                #expect(try numbers(journal) == [3, 4, 5], "somebody exports them")
                try journal.prune(at: 1_000_000_000, now: begin + .seconds(7_060), atMost: 100)
                #expect(try numbers(journal) == [5])
                try journal.commit()
            }
        }
    }

    @Test("reads ranges of keys only, whatever is in the tables")
    func plan() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                for statement in Journal.PruneStatement.allCases {
                    let sql = "EXPLAIN QUERY PLAN " + statement.rawValue
                    let values: [Database.Value] = sql.contains("?") ? [.integer(5)] : []
                    let plan = try journal.database.rows(sql, values).compactMap { $0.text(3) }
                    #expect(plan.contains { $0.hasPrefix("SEARCH") }, "\(plan)")
                    #expect(!plan.contains { $0.hasPrefix("SCAN") && $0 != "SCAN CONSTANT ROW" }, "\(plan)")
                }
            }
        }
    }

    @Test("a beacon with nothing to do deletes what is too old, and tells the servers the head with the new anchor")
    func idle() throws {
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(folder, "[history]\nhead-interval = 600\ndays = 1")
            try fixture.join()
            for number in UInt8(1)...3 {
                try fixture.observe(ShellFixture.beacon, .random(), token: fixture.token(number))
            }
            try fixture.on { shell in
                shell.transact { _ in
                    try shell.journal?.database.run("UPDATE verdicts SET decided = 5 WHERE id < 3")
                    try shell.journal?.database.run("DELETE FROM outbox")
                }
            }
            for _ in 0..<20 { try fixture.pass(.seconds(600)) }
            let left = try fixture.on { shell in
                try shell.journal?.database.rows("SELECT id FROM verdicts").map { $0.integer(0) }
            }
            #expect(left == [3])
            #expect(try RecordTests.heads(fixture.received()).last?.head.anchor?.number == 2)
        }
    }
}
