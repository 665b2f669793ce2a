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

    @Test("that another process has open, as a beacon does that is starting, gives no number of messages")
    func inUse() throws {
        try JournalFolder.with { folder in
            try folder.run { try answer($0) }
            // One of SQLite's lock bytes, as a reader holds them.
            let other = Process()
            other.executableURL = URL(filePath: "/usr/bin/env")
            other.arguments = [
                "python3", "-c",
                "import fcntl, sys\nfile = open(sys.argv[1], 'rb')\nfcntl.lockf(file, fcntl.LOCK_SH, 510, 0x40000002)\nprint('locked', flush=True)\nsys.stdin.read()",
                folder.state.journal,
            ]
            let (input, output) = (Pipe(), Pipe())
            (other.standardInput, other.standardOutput) = (input, output)
            try other.run()
            #expect(try output.fileHandleForReading.read(upToCount: 7) == Data("locked\n".utf8))
            #expect(throws: Journal.Failure.self) { try Journal.outboxCount(of: folder.state) }
            #expect(throws: Journal.Failure.self) { try Journal.openUntil(of: folder.state) }
            try input.fileHandleForWriting.close()
            other.waitForExit()
            try #expect(Journal.outboxCount(of: folder.state) == 0)
        }
    }
}
