import Foundation
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("Damage that is found while the journal is in use")
struct JournalRunTimeDamageTests {
    @Test("sets the journal aside whatever its size, and the ids go on above the ceiling")
    func knownDamaged() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(.membership(server, .member), .accepted(server, SequenceID(5)))
                try journal.queue(Sample.response(2_000))
                try journal.commit()
            }
            let journal = try Journal(folder.state, bootID: "boot", knownDamaged: true)
            guard case .damaged = journal.finding else {
                Issue.record("\(journal.finding)")
                return
            }
            let standing = try #require(try journal.standing())
            #expect(standing.lastAccepted == nil)
            #expect(standing.lastSent >= SequenceID(2_000))
            #expect(folder.names.contains { $0.contains(".damaged-1") })
        }
    }

    @Test("SQLite's codes for damage are distinguished from a full disk and from others")
    func kinds() {
        #expect(Journal.Failure.database(DatabaseError(code: 11, words: "")).isDamage)
        #expect(Journal.Failure.database(DatabaseError(code: 26, words: "")).isDamage)
        #expect(!Journal.Failure.database(DatabaseError(code: 13, words: "")).isDamage)
        #expect(!Journal.Failure.noReserve(.system(ENOSPC)).isDamage)
    }
}
