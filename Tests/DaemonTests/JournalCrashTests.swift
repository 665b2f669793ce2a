import Foundation
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A power cut at any commit")
struct JournalCrashTests {
    @Test("what is on disk after a commit is what was committed, and during a change what was before it")
    func everyCommit() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let steps: [(Journal) throws -> Void] = [
                    { try $0.queue(Sample.join(16)) },
                    { try $0.record(.membership(server, .joining(Sample.token))) },
                    { try $0.record(.accepted(server, SequenceID(17)), .membership(server, .member)) },
                    { _ = try $0.delivered([1], at: 3_000) },
                    { try $0.record(.accepted(server, SequenceID(18)), try Sample.opened()) },
                    { try $0.record(.mismatches(Sample.exchange, 1)) },
                    {
                        try $0.record(Sample.answered())
                        try $0.queue(Sample.response(2_000))
                    },
                    { try $0.queue(Sample.response(4_000)) },
                    { _ = try $0.delivered([2], at: 3_000) },
                    { try $0.raiseSequences([server: SequenceID(9_000)]) },
                ]
                for (number, step) in steps.enumerated() {
                    let (before, sent) = (try journal.content(), try journal.standing()?.lastSent)
                    try step(journal)
                    try expect(folder, holds: number == steps.count - 1 ? try journal.content() : before, step: number)
                    try journal.commit()
                    let moved = try journal.content() != before || journal.standing()?.lastSent != sent
                    #expect(moved, "step \(number) does something")
                    try expect(folder, holds: try journal.content(), step: number)
                }
            }
        }
    }

    private func expect(_ folder: JournalFolder, holds content: [String], step: Int) throws {
        try folder.copied { copy in
            try copy.run { journal in
                #expect(journal.finding == .whole, "step \(step)")
                try #expect(journal.content() == content, "step \(step)")
                // It goes on from there: the ceiling is above every sequence id that was used.
                let sent = try journal.standing()?.lastSent ?? SequenceID(0)
                let ceiling = try SequenceReservation(reading: copy.state)?.ceilings[server] ?? sent
                #expect(ceiling >= sent || sent == SequenceID(9_000), "step \(step)")
            }
        }
    }

    @Test("between the two files of a new epoch the journal is whole")
    func betweenEpochs() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.queue(Sample.response(16))
                try journal.commit()
            }
            let stored = try #require(try SequenceReservation(reading: folder.state))
            #expect(stored.previousEpoch == nil)
            // Killed after the first write: the file has a newer epoch than the journal.
            var ahead = stored
            (ahead.epoch, ahead.previousEpoch) = ("fresh", stored.epoch)
            try ahead.write(to: folder.state)
            try folder.copied { copy in try copy.run { #expect($0.finding == .whole) } }
            // Killed before the last write: both have the new epoch.
            var done = stored
            done.previousEpoch = "old"
            try done.write(to: folder.state)
            try folder.copied { copy in try copy.run { #expect($0.finding == .whole) } }
            // Neither of the two belongs to this journal.
            (ahead.epoch, ahead.previousEpoch) = ("fresh", "older")
            try ahead.write(to: folder.state)
            try folder.copied { copy in try copy.run { #expect($0.finding == .lost) } }
        }
    }

    @Test("a ceiling is on disk before the id that needs it is used")
    func ceilingFirst() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                for sequence: UInt64 in [1, 1_025, 1_026, 5_000, .max >> 1, .max - 1 << 32] {
                    try journal.queue(Sample.response(sequence))  // not committed
                    let ceiling = try #require(try SequenceReservation(reading: folder.state)?.ceilings[server])
                    #expect(ceiling >= SequenceID(sequence))
                }
            }
        }
    }

    @Test("a journal whose write-ahead log is cut short loses what was in that part, and nothing else")
    func tornLog() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(.membership(server, .member))
                try journal.commit()
                let before = try journal.content()
                let length = try Data(contentsOf: URL(filePath: folder.state.journal + "-wal")).count
                try journal.record(Sample.answered())
                try journal.commit()
                try folder.copied { copy in
                    #expect(truncate(copy.state.journal + "-wal", off_t(length + 1_000)) == 0)
                    try copy.run { try #expect($0.content() == before) }
                }
            }
        }
    }
}
