import Foundation
import OperatorText
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("Opening the journal")
struct JournalOpeningTests {
    @Test("opening it a second time fails because another process has it, and the first continues")
    func secondOpener() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let fault = try #require(throws: OperatorFault.self) { try folder.run() }
                expectGood(fault)
                #expect(fault.message == "another process uses the state folder \(folder.state.path)")
                try journal.record(.membership(server, .member))
                try journal.commit()
            }
            try folder.run { try #expect($0.standing()?.membership == .member) }
        }
    }

    @Test("a newer program's file is refused, and left as it is", arguments: [1, 2, 1_000])
    func newer(ahead: Int) throws {
        try JournalFolder.with { folder in
            try folder.run()
            let version = JournalSchema.migrations.count + ahead
            try Database(path: folder.state.journal).script(
                "PRAGMA user_version = \(version); UPDATE meta SET value = '\(version)' WHERE name = 'readable-from'")
            let before = try Data(contentsOf: URL(filePath: folder.state.journal))
            let fault = try #require(throws: OperatorFault.self) { try folder.run() }
            expectGood(fault)
            #expect(fault.message.contains("newer srup-beacon"))
            try #expect(Data(contentsOf: URL(filePath: folder.state.journal)) == before)
        }
    }

    @Test("a file of version 0 is brought to the newest version, step by step")
    func migrates() throws {
        try JournalFolder.with { folder in
            let database = try Database(path: folder.state.journal)
            try JournalSchema.migrate(database)
            try #expect(database.rows("PRAGMA user_version").first?.integer(0) == Int64(JournalSchema.migrations.count))
            let tables = try database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'").map { $0.text(0) }
            #expect(Set(tables).isSuperset(of: ["meta", "servers", "observations", "verdicts", "outbox"]))
            try JournalSchema.migrate(database)  // nothing is left to do
        }
    }

    @Test("a migration that fails leaves the file unchanged at its version")
    func failingMigration() throws {
        try JournalFolder.with { folder in
            let database = try Database(path: folder.state.journal)
            try database.script("CREATE TABLE outbox (in_the_way)")  // the last table that the first migration makes
            #expect(throws: DatabaseError.self) { try JournalSchema.migrate(database) }
            try #expect(database.rows("PRAGMA user_version").first?.integer(0) == 0)
            try #expect(database.rows("SELECT name FROM sqlite_schema").map { $0.text(0) } == ["outbox"])
            try database.script("BEGIN; COMMIT")  // no transaction was left open
            try database.script("DROP TABLE outbox")
            try JournalSchema.migrate(database)
        }
    }

    @Test(
        "a newer version's journal is used if that version permits it: an update can be undone",
        arguments: [3, 99])
    func newerJournal(readableFrom: Int) throws {
        try JournalFolder.with { folder in
            try folder.run {
                try $0.database.script(
                    """
                    ALTER TABLE servers ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'; PRAGMA user_version = 98;
                    INSERT OR REPLACE INTO meta VALUES ('readable-from', '\(readableFrom)');
                    """)
            }
            guard readableFrom == 3 else {
                #expect(throws: OperatorFault.self) { try folder.run() }
                return
            }
            try folder.run {
                #expect($0.finding == .whole)
                try #expect($0.database.rows("PRAGMA user_version").first?.integer(0) == 98)
            }
        }
    }

    @Test("works in a folder that is a link")
    func linkedParent() throws {
        try TemporaryFolder.with { files in
            try FileManager.default.createDirectory(atPath: files.path("real"), withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(
                atPath: files.path("link"), withDestinationPath: files.path("real"))
            let state = try StateFolder(path: files.path("link/state"))
            _ = try Journal(state, bootID: "boot")
            try #expect(Journal.history(of: state, limit: 1).isEmpty)
        }
    }

    @Test("a journal that is itself a link is not followed")
    func linkedJournal() throws {
        try JournalFolder.with { folder in
            try FileManager.default.createSymbolicLink(
                atPath: folder.state.journal, withDestinationPath: folder.files.path("elsewhere"))
            #expect(throws: Journal.Failure.self) { try folder.run() }
            #expect(!folder.names.contains("elsewhere"))
        }
    }

    @Test("reading the history of a folder without a journal fails, and makes no journal")
    func noJournal() throws {
        try JournalFolder.with { folder in
            #expect(throws: Journal.Failure.self) { try Journal.history(of: folder.state, limit: 1) }
            #expect(folder.names.isEmpty)
        }
    }

    @Test("SQLite's error codes are understood, extended ones too")
    func kinds() {
        let table: [(Int32, DatabaseError.Kind)] = [
            (13, .full), (11, .damaged), (26, .damaged), (267, .damaged), (5, .locked), (6, .locked), (261, .locked),
            (8, .readOnly), (14, .readOnly), (1_550, .readOnly), (3, .readOnly), (10, .inputOutput),
            (778, .inputOutput), (1, .other), (2_067, .other),
        ]
        for (code, kind) in table { #expect(DatabaseError(code: code, words: "").kind == kind, "\(code)") }
    }
}
