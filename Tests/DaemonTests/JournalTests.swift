import BootTime
import Foundation
import Keys
import Observing
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("The journal")
struct JournalTests {
    @Test("holds the membership state with each server, including the join token and any 64-bit sequence id")
    func servers() throws {
        try JournalFolder.with { folder in
            let memberships: [Membership] = [.joining(Sample.token), .member, .refused, .terminated, .stranger]
            for membership in memberships {
                try folder.run { journal in
                    try journal.record(.membership(server, membership), .accepted(server, SequenceID(77)))
                    try journal.commit()
                }
                try folder.run {
                    let standing = try #require(try $0.standing())
                    #expect(standing.membership == membership)
                    #expect(standing.lastAccepted == SequenceID(77))
                    #expect(standing.lastSent == SequenceID(0))
                    #expect($0.finding == .whole)
                }
            }
            try folder.run { journal in
                try journal.record(.accepted(otherServer, SequenceID(.max)))
                try journal.queue(Sample.response(.max - 1 << 40), to: otherServer)
                try journal.commit()
            }
            try folder.run {
                let standing = try #require(try $0.standing(otherServer))
                #expect(standing.lastAccepted == SequenceID(.max))
                #expect(
                    standing.lastSent == SequenceID(.max - 1 << 40 + SequenceReservation.block),
                    "above every id that was used")
                try #expect($0.servers().count == 2)
            }
        }
    }

    @Test("a server without a message has no last accepted id")
    func neverHeard() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.queue(Sample.join(16))
                try journal.commit()
            }
            try folder.run {
                let standing = try #require(try $0.standing())
                #expect(standing.lastAccepted == nil)
                #expect(standing.lastSent == SequenceID(16 + SequenceReservation.block), "above every id that was used")
            }
        }
    }

    @Test("holds open observations with deadline and false proofs, and knows whether it is the same boot")
    func open() throws {
        let keyring = try TestKeys.keyring("c2_2048", of: server)
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(try Sample.opened(), try Sample.opened(Sample.exchange(1)))
                try journal.record(.mismatches(Sample.exchange, 2))
                try journal.commit()
            }
            for (boot, same) in [("boot", true), ("another", false)] {
                try folder.run(boot: boot) { journal in
                    let open = try journal.openObservations(keyring)
                    #expect(open.count == 2)
                    let first = try #require(open.first { $0.exchange == Sample.exchange })
                    #expect(first.device == device)
                    #expect(first.deadline == Instant(nanoseconds: 7_000))
                    #expect(first.mismatches == 2)
                    #expect(first.sameBoot == same)
                    try #expect(first.request?.frame == Sample.request())
                    #expect(open.first { $0.exchange == Sample.exchange(1) }?.mismatches == 0)
                }
            }
            // A server whose key has changed since then did not ask this.
            let wrong = try TestKeys.keyring("wrong_2048", of: server)
            try folder.run { try #expect($0.openObservations(wrong).allSatisfy { $0.request == nil }) }
        }
    }

    @Test("holds unsent messages in the order in which they were signed, until the broker has them")
    func outbox() throws {
        try JournalFolder.with { folder in
            let ids = try folder.run { journal in
                let ids = try [16, 32, 48].map { try journal.queue(Sample.response($0)) }
                try journal.commit()
                return ids
            }
            try folder.run { journal in
                try #expect(journal.outbox().map(\.id) == ids)
                try #expect(journal.outbox().map(\.frame) == [[16], [32], [48]])
                try #expect(journal.outbox().allSatisfy { $0.topic == Topic.of(device: us) })
                _ = try journal.delivered([ids[0], ids[2], 999], at: 3_000)
                try journal.commit()
            }
            try folder.run { journal in
                try #expect(journal.outbox().map(\.id) == [ids[1]])
                try #expect(journal.outboxCount() == 1)
                _ = try journal.delivered([ids[1]], at: 3_000)
                try #expect(journal.queue(Sample.response(64)) > ids[2], "a number is never used twice")
                try journal.commit()
            }
        }
    }

    @Test("a new join request replaces an unsent one to the same server")
    func joinsReplaced() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.queue(Sample.join(16))
                try journal.queue(Sample.join(17), to: otherServer)
                try journal.queue(Sample.response(32))
                try journal.queue(Sample.join(48))
                try journal.commit()
                try #expect(journal.outbox().map(\.frame) == [[17], [32], [48]])
            }
        }
    }

    @Test("a new request to leave replaces an earlier one to the same server, and nothing else")
    func leavingReplaced() throws {
        func signed(_ body: Body, _ sequence: UInt64) throws -> (frame: [UInt8], message: Message) {
            let message = Message(sequence: SequenceID(sequence), sender: us, token: Sample.token, body: body)
            return (try message.signed(by: TestKeys.privateKey("dev_2048")), message)
        }
        try JournalFolder.with { folder in
            try folder.run { journal in
                let messages = try [
                    signed(.resignRequest, 16), signed(.deregisterRequest, 32), signed(.response(.actionSuccess), 48),
                    signed(.resignRequest, 64),
                ]
                for (frame, message) in messages { _ = try journal.queue(frame, message, to: server) }
                try journal.commit()
                try #expect(journal.outbox().map(\.frame) == messages.dropFirst().map(\.frame))
            }
        }
    }

    @Test("holds each verdict with its evidence, the newest first, also for a reader without a beacon")
    func history() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(try Sample.opened())
                try journal.record(Sample.answered(), at: 1_000)
                try journal.record(
                    .answered(Sample.exchange(1), device: device, .failed, .silence, nil), at: 2_000)
                try journal.commit()
                try #expect(journal.openObservations(TestKeys.keyring("c2_2048", of: server)).isEmpty)
            }
            let stored = try folder.run { journal in
                try #expect(journal.verdict(of: Sample.exchange) == .valid)
                try #expect(journal.verdict(of: Sample.exchange(1)) == .failed)
                try #expect(journal.verdict(of: Sample.exchange(2)) == nil)
                try #expect(journal.verdict(of: RequestID(server: otherServer, token: Sample.token)) == nil)
                return try journal.history(limit: 10)
            }
            #expect(stored.map(\.verdict) == ["failed", "valid"])
            #expect(stored.map(\.decided) == ["1970-01-01T00:33:20Z", "1970-01-01T00:16:40Z"])
            let evidence = try #require(stored[1].evidence)
            #expect(evidence.peer == "process 1 of user 2")
            #expect(evidence.mode == "challenge" && evidence.grade == "challenged" && evidence.attempts == 2)
            #expect(evidence.signalDbm == -40 && evidence.roundTripUs == 1_234)
            #expect(stored[0].evidence == nil)
            try #expect(Journal.history(of: folder.state, limit: 10) == stored)
            try #expect(Journal.history(of: folder.state, limit: 1) == [stored[0]])
        }
    }

    @Test("a second verdict for one request is refused, and the first stays")
    func secondVerdict() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(Sample.answered())
                try journal.commit()
                let failure = try #require(throws: Journal.Failure.self) {
                    try journal.record(Sample.answered(Sample.exchange, .invalid))
                }
                #expect(!failure.isFull)
            }
            try folder.run { try #expect($0.verdict(of: Sample.exchange) == .valid) }
            try folder.run { try #expect($0.history(limit: 10).count == 1) }
        }
    }

    @Test("uncommitted changes are lost")
    func uncommitted() throws {
        try JournalFolder.with { folder in
            let before = try folder.run { journal in
                try journal.record(.membership(server, .member), try Sample.opened())
                try journal.commit()
                return try journal.content()
            }
            try folder.run { journal in
                try journal.record(.membership(server, .terminated), .accepted(server, SequenceID(9)))
                try journal.record(Sample.answered())
                try journal.queue(Sample.response(160))
                try #expect(journal.content() != before)
            }
            try folder.run { try #expect($0.content() == before) }
        }
    }

    @Test("an empty commit does nothing, and neither does a second one in a row")
    func emptyCommit() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.commit()
                try journal.record(.membership(server, .member))
                try journal.commit()
                try journal.commit()
            }
            try folder.run { try #expect($0.standing()?.membership == .member) }
        }
    }

    @Test("is on disk when a commit returns, and only its owner can read it")
    func pragmas() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                func pragma(_ name: String) throws -> Database.Value? {
                    let row = try journal.database.rows("PRAGMA \(name)").first
                    return row.flatMap { row in row.text(0).map { .text($0) } ?? .integer(row.integer(0)) }
                }
                try #expect(pragma("synchronous") == .integer(2))  // FULL
                try #expect(pragma("journal_mode") == .text("wal"))
                try #expect(pragma("locking_mode") == .text("exclusive"))
                try #expect(pragma("secure_delete") == .integer(1))
                try #expect(pragma("user_version") == .integer(Int64(JournalSchema.migrations.count)))
                #expect(!folder.names.contains("journal.sqlite-shm"), "no memory is shared")
            }
        }
    }
}
