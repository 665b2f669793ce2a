import Foundation
import Glibc
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A beacon of many servers")
struct ManyServersTests {
    private static let count: UInt64 = 3_000

    private func servers(_ count: UInt64 = ManyServersTests.count) -> [Identifier] {
        (1...count).map { Identifier(0xc200_0000_0000_0000 | $0 << 8) }
    }

    /// Which file it is, and when it was last changed: another one has other numbers.
    private func file(_ path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [Int(status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }

    @Test("has the journal that belongs to its sequence ids at every start: the file of ids is read whole")
    func secondStart() throws {
        try JournalFolder.with { folder in
            let servers = servers()
            let floors = Dictionary(uniqueKeysWithValues: servers.map { ($0, SequenceID(1_000)) })
            try folder.run { journal in
                try journal.raiseSequences(floors)
                try journal.reserveSequences(Set(servers))
                try journal.commit()
            }
            #expect(file(folder.state.sequences) != [])
            var length = stat()
            #expect(stat(folder.state.sequences, &length) == 0 && length.st_size > 65_536)
            for _ in 0..<2 {
                try folder.run { journal in
                    #expect(journal.finding == .whole)
                    let sent = try journal.servers().map(\.lastSent)
                    #expect(sent.count == servers.count && sent.allSatisfy { $0 > SequenceID(1_000) })
                }
            }
        }
    }

    @Test("takes their sequence ids with one write of the file, and then none for the first messages")
    func oneWrite() throws {
        try JournalFolder.with { folder in
            let servers = servers()
            try folder.run { journal in
                try journal.raiseSequences(Dictionary(uniqueKeysWithValues: servers.map { ($0, SequenceID(1_000)) }))
                let before = file(folder.state.sequences)
                try journal.reserveSequences(Set(servers))
                let reserved = file(folder.state.sequences)
                #expect(reserved != before)
                for (index, server) in servers.enumerated() where index % 10 == 0 {
                    for id in [1_016, 1_032, 1_048] as [UInt64] {
                        _ = try journal.queue([1], Sample.join(id), to: server)
                    }
                }
                try journal.reserveSequences(Set(servers.suffix(10)))
                #expect(file(folder.state.sequences) == reserved)
                try journal.commit()
                let ceiling = journal.ceilings.ceilings[servers[0]] ?? SequenceID(0)
                #expect(ceiling > SequenceID(1_048), "no id is above its ceiling")
            }
        }
    }

    @Test("that is too long, or cannot be read, is neither cut nor taken for a missing one: the journal stays as it is")
    func tooLong() throws {
        try JournalFolder.with { folder in
            try folder.run { try $0.raiseSequences([server: SequenceID(5_000)]) }
            let text = try Data(contentsOf: URL(filePath: folder.state.sequences))
            let line = Data("0000000000000001 16\n".utf8)
            let long =
                text + Data(repeatElement(line, count: 1 + SequenceReservation.maximumLength / line.count).joined())
            try folder.files.write(long, to: "sequences")
            let limit = SequenceReservation.maximumLength
            let failure = Journal.Failure.unreadable(folder.state.sequences, .tooLong(limit: limit))
            #expect(throws: failure) { try folder.run() }
            #expect(failure.message.hasSuffix("cannot be read: it is longer than \(limit) bytes"))
            unlink(folder.state.sequences)
            mkdir(folder.state.sequences, 0o700)
            #expect(throws: Journal.Failure.unreadable(folder.state.sequences, .irregular)) { try folder.run() }
            rmdir(folder.state.sequences)
            try folder.files.write(text, to: "sequences")
            try folder.run { journal in
                #expect(journal.finding == .whole)
                try #expect(journal.standing()?.lastSent ?? SequenceID(0) >= SequenceID(5_000))
            }
        }
    }

    @Test("asks them all in one transaction at a start, and in the order of their numbers")
    func oneTransaction() throws {
        try TemporaryFolder.with { folder in
            let sections = servers(200).map { "[server \($0.topicForm)]\nkey = /etc/no/server.pem" }
            let fixture = try ShellFixture(folder, sections.joined(separator: "\n"))
            let asked = fixture.link.takeMessages()
            #expect(asked.count == 201)
            #expect(asked.map(\.topic) == asked.map(\.topic).sorted())
            #expect(fixture.link.take().count { $0.hasPrefix("publish") } == 1)
            try #expect(fixture.on { $0.serversToAsk.isEmpty })
            try fixture.reopenJournal()
            #expect(!fixture.log.texts.contains { $0.contains("the journal is missing") })
        }
    }
}
