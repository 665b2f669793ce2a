import Foundation
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A journal that is damaged, gone, or not the last one")
struct JournalDamageTests {
    /// What may happen to the file between two runs.
    enum Damage: String, CaseIterable {
        case header, middle, truncated, shortened, noise

        func happen(to folder: JournalFolder) throws {
            let length = folder.journalLength
            #expect(length > 8 * 4_096, "there is a middle")
            switch self {
            case .header: try folder.overwrite(at: 0, with: Array(repeating: 0xA5, count: 100))
            case .middle: try folder.overwrite(at: 4_096, with: Array(repeating: 0xA5, count: length - 2 * 4_096))
            case .truncated: #expect(truncate(folder.state.journal, off_t(length / 2)) == 0)
            case .shortened: #expect(truncate(folder.state.journal, 50) == 0)
            case .noise: try Data("not a database\n".utf8).write(to: URL(filePath: folder.state.journal))
            }
        }
    }

    /// A journal of several pages, with ids up to this one used for two servers.
    private func fill(_ folder: JournalFolder, upTo last: UInt64 = 3_000) throws {
        try folder.run { journal in
            try journal.record(.membership(server, .member), .accepted(server, SequenceID(500)))
            for number in 0..<60 {
                try journal.record(try Sample.opened(Sample.exchange(UInt8(number))))
            }
            for sequence in stride(from: 16, through: last, by: 16) { try journal.queue(Sample.response(sequence)) }
            try journal.queue(Sample.response(last))
            try journal.queue(Sample.response(7), to: otherServer)
            try journal.commit()
        }
    }

    /// No message is accepted, and no sequence id is used again.
    private func expectForgotten(_ journal: Journal, above last: UInt64 = 3_000) throws {
        for (server, last) in [(server, last), (otherServer, 7)] {
            let standing = try #require(try journal.standing(server))
            #expect(standing.membership == .stranger)
            #expect(standing.lastAccepted == nil)
            #expect(standing.lastSent.number >= last)
            #expect(standing.lastSent.number <= last + SequenceReservation.block)
        }
        try #expect(journal.unusedServers(among: [server, otherServer]).isEmpty)
    }

    @Test(
        "a damaged journal is set aside completely, and sequence ids continue above all that were used",
        arguments: Damage.allCases)
    func damaged(damage: Damage) throws {
        try JournalFolder.with { folder in
            try fill(folder)
            try damage.happen(to: folder)
            let bytes = try Data(contentsOf: URL(filePath: folder.state.journal))
            let aside = folder.state.journal + ".damaged-1"
            try folder.run { journal in
                #expect(journal.finding == .damaged(aside: aside))
                try expectForgotten(journal)
                try #expect(journal.outbox().isEmpty)
                try #expect(journal.openObservations(TestKeys.keyring("c2_2048", of: server)).isEmpty)
            }
            try #expect(Data(contentsOf: URL(filePath: aside)) == bytes)
            try folder.run { journal in
                #expect(journal.finding == .whole)
                try expectForgotten(journal)
            }
        }
    }

    @Test("each damaged journal gets its own name, and ids continue above those of all of them")
    func damagedAgain() throws {
        try JournalFolder.with { folder in
            var last: UInt64 = 0
            for round in 1...3 {
                try fill(folder, upTo: last + 3_000)
                try Damage.header.happen(to: folder)
                try folder.run { journal in
                    #expect(journal.finding == .damaged(aside: folder.state.journal + ".damaged-\(round)"))
                    let sent = try #require(try journal.standing()).lastSent.number
                    #expect(sent >= last + 3_000)
                    last = sent
                }
            }
        }
    }

    @Test("a missing journal is noticed, and so is one of length zero")
    func gone() throws {
        for remove in [true, false] {
            try JournalFolder.with { folder in
                try fill(folder)
                if remove {
                    try FileManager.default.removeItem(atPath: folder.state.journal)
                } else {
                    #expect(truncate(folder.state.journal, 0) == 0)
                }
                try folder.run { journal in
                    #expect(journal.finding == .lost)
                    try expectForgotten(journal)
                }
                try folder.run { #expect($0.finding == .whole) }
                #expect(!folder.names.contains { $0.contains("damaged") })
            }
        }
    }

    @Test("an older copy that was restored is detected", arguments: [1, 3])
    func restored(runsSince: Int) throws {
        try JournalFolder.with { folder in
            try fill(folder, upTo: 160)
            let copy = folder.files.path("copy")
            try FileManager.default.copyItem(atPath: folder.state.journal, toPath: copy)
            for run in 1...runsSince {
                try folder.run { journal in
                    try journal.queue(Sample.response(3_000 / UInt64(runsSince) * UInt64(run)))
                    try journal.commit()
                }
            }
            try FileManager.default.removeItem(atPath: folder.state.journal)
            try FileManager.default.copyItem(atPath: copy, toPath: folder.state.journal)
            try folder.run { journal in
                #expect(journal.finding == .lost)
                let standing = try #require(try journal.standing())
                #expect(standing.lastSent.number >= 3_000)
                #expect(standing.membership == .stranger && standing.lastAccepted == nil)
            }
        }
    }

    @Test("an older copy of the whole folder cannot be detected, and is used")
    func restoredWhole() throws {
        try JournalFolder.with { folder in
            try fill(folder)
            try folder.copied { copy in try copy.run { #expect($0.finding == .whole) } }
        }
    }

    @Test("without journal and ceilings no id is known until there is a new one, for each server")
    func unknown() throws {
        try JournalFolder.with { folder in
            try fill(folder)
            try Damage.header.happen(to: folder)
            try FileManager.default.removeItem(atPath: folder.state.sequences)
            let both: Set = [server, otherServer]
            for _ in 0..<3 { try folder.run { try #expect($0.unusedServers(among: both) == both) } }
            try folder.run { journal in
                #expect(try journal.raiseSequences([server: SequenceID(70_000), otherServer: SequenceID(0)]))
                try #expect(journal.unusedServers(among: both) == [otherServer])
            }
            try folder.run { journal in
                try #expect(journal.unusedServers(among: both) == [otherServer])
                try #expect(journal.standing()?.lastSent == SequenceID(70_000))
                try #expect(journal.acceptedIDsWereLost())
            }
        }
    }

    @Test(
        "a folder that is empty is a first start, or a loss where the beacon was in use: then nothing old is believed")
    func empty() throws {
        for wasUsed in [false, true] {
            try JournalFolder.with { folder in
                let journal = try Journal(folder.state, bootID: "boot", wasUsed: wasUsed)
                #expect(journal.finding == (wasUsed ? .lost : .whole))
                #expect(try journal.acceptedIDsWereLost() == wasUsed)
            }
            try JournalFolder.with { folder in
                try fill(folder)
                let journal = try Journal(folder.state, bootID: "boot", wasUsed: wasUsed)
                #expect(journal.finding == .whole)
            }
        }
    }

    @Test("a floor raises what was sent, and never lowers it")
    func floor() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                for (floor, sent) in [(100, 100), (50, 100), (200, 200)] as [(UInt64, UInt64)] {
                    #expect(try journal.raiseSequences([server: SequenceID(floor)]) == (floor == sent))
                    try #expect(journal.standing()?.lastSent == SequenceID(sent))
                }
                try journal.queue(Sample.response(.max - 5))
                try journal.raiseSequences([server: SequenceID(300)])
                try #expect(journal.standing()?.lastSent == SequenceID(.max - 5))
            }
        }
    }

    @Test("a journal without its file of ceilings may be an older one: no id is known")
    func ceilingsGone() throws {
        try JournalFolder.with { folder in
            try fill(folder)
            for bytes in [nil, Data("noise".utf8), Data()] {
                try FileManager.default.removeItem(atPath: folder.state.sequences)
                if let bytes { try folder.files.write(bytes, to: "sequences") }
                try folder.run { journal in
                    #expect(journal.finding == .lost)
                    try #expect(journal.unusedServers(among: [server]) == [server])
                    try #expect(journal.outbox().isEmpty)
                    try journal.raiseSequences([server: SequenceID(3_000)])
                    try journal.queue(Sample.response(3_016))
                    try journal.commit()
                }
                try #expect(
                    SequenceReservation(reading: folder.state)?.ceilings[server]
                        == SequenceID(3_016 + SequenceReservation.block))
            }
        }
    }
}
