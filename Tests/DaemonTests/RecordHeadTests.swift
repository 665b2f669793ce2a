import Auditing
import Foundation
import Keys
import Observing
import SQLite
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import Daemon

/// docs/audit.md, "Heads".
@Suite("When the end of the record is told", .blocking)
struct RecordHeadTests {
    private final class KeyName: Sendable { let name = Mutex("obs_2048") }

    @Test(
        "at once after a rotation: the head of the new key vouches for the old one, and rows that it signed still hold")
    func rotated() throws {
        let key = KeyName()
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(
                folder, keys: { try OwnKeys(key.name.withLock { $0 }, before: "obs_2048") })
            try fixture.join()
            try fixture.observe(ShellFixture.beacon, .random(), token: fixture.token(1))
            try fixture.pass(.seconds(3_601))
            #expect(try RecordTests.heads(fixture.received()).count == 1)
            key.name.withLock { $0 = "wrong_2048" }
            #expect(try fixture.reload("") == "reloaded")
            try fixture.pass(.milliseconds(1))
            let heads = try RecordTests.heads(fixture.received())
            let new = try TestKeys.publicKey("wrong_2048")
            #expect(
                heads.count == 1 && heads.first?.head.isSigned(by: new) == true && heads.first?.head.link.number == 1)
            let report = try ExportedRecord.of(fixture).check([ShellFixture.beacon: [new]])
            #expect(report.holds && report.heads == 2, "\(report.faults)")
            #expect(report.checked["messages signed by \(ShellFixture.beacon)"] == 1)
        }
    }

    @Test(
        "a chain that begins again, and another key at the start, are told as soon as there is a member, also after a restart"
    )
    func urgent() throws {
        try JournalFolder.with { folder in
            try RecordedJournal.run(folder) { journal in
                #expect(journal.verdictChain?.isUrgent == false, "the first one of all can wait")
                try RecordedJournal.answer(journal, 1)
                _ = try RecordedJournal.sign(journal, at: 1_500)
                try journal.noteAnnounced(1, toMembers: true)
                try journal.commit()
            }
            for _ in 0..<2 {
                try RecordedJournal.run(folder, key: "wrong_2048", at: 2_000) { journal in
                    let chain = journal.verdictChain
                    #expect(chain?.keys.map(\.until) == [2_000, nil] && chain?.isUrgent == true)
                    #expect(chain?.untold(hasMembers: true) == 1 && chain?.needsHead == true)
                }
            }
            try RecordedJournal.run(folder, key: "wrong_2048") { journal in
                _ = try RecordedJournal.sign(journal, at: 2_100, key: "wrong_2048")
                try journal.noteAnnounced(1, toMembers: false)
                #expect(journal.verdictChain?.untold(hasMembers: false) == 0)
                #expect(journal.verdictChain?.untold(hasMembers: true) == 1)
                try journal.noteAnnounced(1, toMembers: true)
                #expect(journal.verdictChain?.untold(hasMembers: true) == 0)
                try journal.forgetChain(journal.database)
                try journal.commit()
            }
            try RecordedJournal.run(folder, key: "wrong_2048") { #expect($0.verdictChain?.isUrgent == true) }
        }
    }

    @Test("after a restart, a head that was only in the answer to one server counts as not told")
    func announced() throws {
        try JournalFolder.with { folder in
            try RecordedJournal.run(folder) { journal in
                try RecordedJournal.answer(journal, 1)
                _ = try RecordedJournal.sign(journal, at: 1_500)
            }
            try RecordedJournal.run(folder) { #expect($0.verdictChain?.untold(hasMembers: true) == 1) }
        }
    }

    @Test("rows of no verdict do not stop the beacon: they are deleted, and the next verdict has its row")
    func leftOver() throws {
        try JournalFolder.with { folder in
            try RecordedJournal.run(folder) { journal in
                for number in UInt8(1)...3 { try RecordedJournal.answer(journal, number) }
            }
            do { try Database(path: folder.state.journal).script("DELETE FROM verdicts WHERE id > 1") }
            try folder.run { journal in
                let key = try TestKeys.publicKey("obs_2048")
                #expect(try journal.beginRecord(of: us, key: key, RecordedJournal.retention, at: 5) == 2)
                try RecordedJournal.answer(journal, 4)
                #expect(try journal.auditRows().count == 2)
            }
        }
    }

    @Test("an export has all heads and rows, in parts of few bytes")
    func parts() throws {
        try JournalFolder.with { folder in
            try RecordedJournal.run(folder) { journal in
                for number in UInt8(1)...9 {
                    try RecordedJournal.answer(journal, number)
                    try journal.database.run("UPDATE audit SET evidence_frame = zeroblob(100000)")
                }
                for number in 0..<129 { _ = try RecordedJournal.signAgain(journal, at: 2_000 + Int64(number)) }
                try journal.commit()
                var (place, heads, rows): (Int64?, Int, Int) = (nil, 0, 0)
                repeat {
                    let page = try journal.auditPage(after: place, at: 5)
                    #expect(page.lines.count <= 128 && page.json.count <= Journal.pageBytes)
                    heads += page.lines.count { $0.kind == .head }
                    rows += page.lines.count { $0.row != nil }
                    place = page.next
                } while place != nil
                #expect(heads == 129 && rows == 9)
            }
        }
    }
}
