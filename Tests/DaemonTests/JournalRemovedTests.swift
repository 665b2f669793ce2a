import Foundation
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A journal that is removed or replaced while it is in use", .blocking)
struct JournalRemovedTests {
    /// What somebody does to the folder.
    enum Removal: String, CaseIterable {
        case journal, log, both, sequences, folder, replaced, renamed

        func happen(to folder: URL) throws {
            let (files, aside) = (FileManager.default, folder.path + ".aside")
            func remove(_ names: String...) throws {
                for name in names { try files.removeItem(at: folder.appending(path: name)) }
            }
            switch self {
            case .journal: try remove("journal.sqlite")
            case .log: try remove("journal.sqlite-wal")
            case .both: try remove("journal.sqlite", "journal.sqlite-wal", "sequences")
            case .sequences: try remove("sequences")
            case .folder: try files.removeItem(at: folder)
            case .replaced:
                try files.copyItem(at: folder.appending(path: "journal.sqlite"), to: folder.appending(path: "copy"))
                try remove("journal.sqlite")
                try files.moveItem(at: folder.appending(path: "copy"), to: folder.appending(path: "journal.sqlite"))
            case .renamed:
                try files.moveItem(at: folder, to: URL(filePath: aside))
                try files.createDirectory(
                    at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            }
        }
    }

    @Test("is noticed before anything more is committed, and when it is asked", arguments: Removal.allCases)
    func noticed(removal: Removal) throws {
        try TemporaryFolder.with { files in
            let place = files.url.appending(path: "state")
            let journal = try Journal(try StateFolder(path: place.path), bootID: "boot")
            try journal.queue(Sample.response(100))
            try journal.commit()
            try journal.answer()
            try removal.happen(to: place)
            #expect(throws: Journal.Failure.self) { try journal.answer() }
            #expect(throws: Journal.Failure.self) {
                try journal.record(.membership(server, .member))
                try journal.commit()
            }
        }
    }

    @Test("what it has not noticed is changed by nobody: its own files, written again and again, are the ones it knows")
    func own() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                for sequence in stride(from: UInt64(100), to: 2_000_000, by: 100_000) {  // beyond the ceiling each time
                    try journal.queue(Sample.response(sequence))
                    try journal.commit()
                    try journal.answer()
                }
            }
        }
    }

    @Test(
        "no verdict leaves; the beacon makes a new one, goes on above every id of before, and joins again by itself",
        arguments: Removal.allCases)
    func recovers(removal: Removal) throws {
        let value = Secret.random()
        try TemporaryFolder.with { files in
            let place = files.url.appending(path: "beacon")
            try FileManager.default.createDirectory(
                at: place, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            let fixture = try ShellFixture(files, stateFolder: place.path)
            try fixture.join()
            let before = try #require(try fixture.report().servers.first?.lastSent)
            try fixture.observe(device, value, token: fixture.token(1))
            let link = try fixture.connectDevice()
            try removal.happen(to: place)
            #expect(try link.prove(value, as: device)?.outcome != .valid, "nothing is on disk")
            #expect(try fixture.received().isEmpty)
            #expect(try fixture.report().journal.state == .failing)
            #expect(fixture.log.texts.contains { $0.contains("removed or replaced") && $0.contains("hint: ") })
            try fixture.pass(.seconds(1))
            #expect(try fixture.report().journal.state == .ok)
            let request = try #require(
                try fixture.received().last { $0.body == .joinRequest || $0.body.type == .response })
            #expect(request.sequence.number > before)
        }
    }
}
