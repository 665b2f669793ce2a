import Foundation
import OperatorText
import SQLite
import TestVectors
import Testing

@testable import Daemon

@Suite("A journal of another version of the program", .blocking)
struct JournalVersionTests {
    private let known = JournalSchema.migrations.count

    /// What is in the folder, with the content and the time of change of each file.
    private func state(_ folder: JournalFolder) throws -> [String: String] {
        var state: [String: String] = [:]
        for name in folder.names {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.files.path(name))
            let bytes = try Data(contentsOf: URL(filePath: folder.files.path(name)))
            state[name] = "\(attributes[.modificationDate] ?? "") \(bytes.hashValue) \(bytes.count)"
        }
        return state
    }

    private func set(_ version: Int, readableFrom: Int, in database: Database) throws {
        try database.script(
            """
            PRAGMA user_version = \(version); INSERT OR REPLACE INTO meta VALUES ('readable-from', '\(readableFrom)');
            """)
    }

    /// Looks at it as `run --check` does, which must leave the folder as it is.
    private func check(_ folder: JournalFolder) throws -> OperatorFault? {
        let before = try state(folder)
        defer { #expect((try? state(folder)) == before, "nothing is created or changed") }
        do throws(OperatorFault) { try JournalSchema.check(folder.state) } catch { return error }
        return nil
    }

    @Test("is refused only if that version says that this one cannot read it; both versions and what to do are named")
    func versions() throws {
        for (version, oldest, isRefused) in [
            (known, known, false), (known + 1, known, false), (known + 1, 3, false), (known + 1, known + 1, true),
            (known + 5, known + 2, true),
        ] {
            try JournalFolder.with { folder in
                try folder.run { try set(version, readableFrom: oldest, in: $0.database) }
                let fault = try check(folder)
                #expect((fault != nil) == isRefused, "\(version), \(oldest)")
                guard let fault else { return }
                #expect(fault.message.contains("version \(version)") && fault.message.contains("knows \(known)"))
                #expect(fault.hint(for: .beacon).contains("install the newer srup-beacon again"))
                #expect(throws: OperatorFault.self) { try folder.run() }
            }
        }
    }

    @Test(
        "is recognised while a program has it open, and after that program was killed: what counts is in the log then")
    func log() throws {
        try JournalFolder.with { folder in
            try folder.run {
                try set(known + 1, readableFrom: known + 1, in: $0.database)
                #expect(folder.names.contains("journal.sqlite-wal"))
                try #expect(check(folder) != nil, "it is open")
                #expect(throws: OperatorFault.self) { try folder.run() }
                try folder.copied { killed in
                    try #expect(check(killed) != nil)
                    try #expect(Database(lookingAt: killed.state.journal).rows("PRAGMA quick_check").count == 1)
                }
                try set(known, readableFrom: 3, in: $0.database)
                try #expect(check(folder) == nil)
                try folder.copied { try #expect(check($0) == nil) }
            }
        }
    }

    @Test("cannot be told where there is none, or a damaged one: that is not the version's fault, and nothing is made")
    func none() throws {
        try JournalFolder.with { folder in
            #expect(try check(folder) == nil && folder.names.isEmpty)
            try folder.files.write(Data(repeating: 7, count: 8_192), to: "journal.sqlite")
            #expect(try check(folder) == nil)
            try folder.files.write(Data(), to: "journal.sqlite")
            #expect(try check(folder) == nil)
        }
    }

    @Test("is recognised under a path with characters that have a meaning in URIs")
    func oddPath() throws {
        try TemporaryFolder.with { files in
            let path = files.path("a b?immutable=0#%41é")
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            chmod(path, 0o700)
            let state = try StateFolder(path: path)
            try set(known + 1, readableFrom: known + 1, in: Journal(state, bootID: "boot").database)
            #expect(throws: OperatorFault.self) { try JournalSchema.check(state) }
            #expect(!FileManager.default.fileExists(atPath: path + "/journal.sqlite-wal"))
        }
    }

    @Test("makes run --check refuse the configuration, and so the trial before an update, in both directions")
    func trial() throws {
        try BeaconFiles.with { files in
            let file = try files.configuration()
            try DaemonProcess.check(file)
            #expect(!FileManager.default.fileExists(atPath: files.state))
            let state = try StateFolder(path: files.state)
            do {
                let journal = try Journal(state, bootID: "boot")
                try DaemonProcess.check(file)
                try set(known + 1, readableFrom: known + 1, in: journal.database)
                #expect(throws: OperatorFault.self) { try DaemonProcess.check(file) }
            }
            #expect(throws: OperatorFault.self) { try DaemonProcess.check(file) }
        }
    }
}
