import Foundation
import Observing
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A disk that is full")
struct FullDiskTests {
    /// Queues messages until the journal has no room left.
    private func fill(_ journal: Journal) throws -> Journal.Failure {
        let pages = try #require(try journal.database.rows("PRAGMA page_count").first).integer(0)
        try journal.database.script("PRAGMA max_page_count = \(pages)")
        return try #require(throws: Journal.Failure.self) {
            for sequence: UInt64 in 1...100 {
                let frame = [UInt8](repeating: 7, count: 4_096)
                _ = try journal.queue(frame, Sample.response(sequence), to: server)
            }
        }
    }

    @Test("is reported as such, recorded in the reserved space, and reported once afterwards")
    func recorded() throws {
        try JournalFolder.with { folder in
            let before = try folder.run { journal in
                try journal.record(.membership(server, .member))
                try journal.commit()
                #expect(folder.names.contains("reserve"))
                return try journal.content()
            }
            try folder.run { journal in
                let failure = try fill(journal)
                #expect(failure.isFull)
                #expect(!failure.message.isEmpty)
                journal.recordFullDisk(since: 1_234)
                #expect(!folder.names.contains("reserve"))
            }
            try folder.run { journal in
                #expect(folder.names.contains("reserve"), "it is reserved again")
                try #expect(journal.takeFullSince() == 1_234)
                try #expect(journal.takeFullSince() == nil)
                try #expect(journal.content() == before)
            }
            try folder.run { try #expect($0.takeFullSince() == nil) }
        }
    }

    @Test("without a record of it nothing is reported")
    func nothing() throws {
        try JournalFolder.with { folder in
            try folder.run { try #expect($0.takeFullSince() == nil) }
        }
    }

    @Test("is distinguished from a folder that cannot be written for another reason")
    func otherReasons() {
        #expect(Journal.Failure.noReserve(.system(ENOSPC)).isFull)
        #expect(Journal.Failure.ceilings(.system(EDQUOT)).isFull)
        #expect(!Journal.Failure.noReserve(.system(EROFS)).isFull)
        #expect(!Journal.Failure.ceilings(.system(EIO)).isFull)
        let failures: [Journal.Failure] = [
            .noReserve(.system(ENOSPC)), .ceilings(.system(EIO)), .database(DatabaseError(code: 13, words: "full")),
        ]
        for failure in failures { #expect(!failure.message.isEmpty && !failure.message.contains("\n")) }
    }

    @Test("a reserve that is not a file is not used, and the journal says why")
    func noReserve() throws {
        try JournalFolder.with { folder in
            try FileManager.default.createDirectory(
                atPath: folder.state.reserve, withIntermediateDirectories: false)
            #expect(throws: Journal.Failure.noReserve(.irregular)) { try folder.run() }
        }
    }

    @Test("if the ceilings cannot be written, the id that needs them is not used")
    func noCeilings() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try FileManager.default.createDirectory(
                    atPath: folder.state.sequences + ".new", withIntermediateDirectories: false)
                #expect(throws: Journal.Failure.ceilings(.system(EISDIR))) { try journal.queue(Sample.response(16)) }
                try journal.commit()
                try #expect(journal.outbox().isEmpty)
            }
        }
    }
}
