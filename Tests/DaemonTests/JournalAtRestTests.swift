import Foundation
import Glibc
import Observing
import SQLite
import TestVectors
import Testing

@testable import Daemon

@Suite("A journal that is only looked at")
struct JournalAtRestTests {
    private func answer(_ journal: Journal) throws {
        try journal.record(Sample.opened(), Sample.answered())
        try journal.commit()
    }

    @Test("after a stop gives its verdicts, and has no new file beside it")
    func stopped() throws {
        try JournalFolder.with { folder in
            try folder.run { try answer($0) }
            let names = folder.names
            try #expect(Journal.history(of: folder.state, limit: 5).count == 1)
            try #expect(Journal.outboxCount(of: folder.state) == 0)
            #expect(folder.names == names)
        }
    }

    @Test("after a crash gives what is only in its log as well, and has no new file beside it")
    func crashed() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try answer(journal)
                try folder.copied { copy in
                    let names = copy.names
                    #expect(names.contains("journal.sqlite-wal") && !names.contains("journal.sqlite-shm"))
                    try #expect(Journal.history(of: copy.state, limit: 5).count == 1)
                    #expect(copy.names == names)
                    try copy.run { #expect($0.finding == .whole) }
                }
            }
        }
    }

    @Test("may be at a path with any characters")
    func path() throws {
        try TemporaryFolder.with { files in
            let path = files.path("state ?#%41 é")
            let folder = try StateFolder(path: path)
            try answer(try Journal(folder, bootID: "boot"))
            try #expect(Journal.history(of: folder, limit: 5).count == 1)
        }
    }
}
