import BootTime
import Observing
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Broker
@testable import Daemon

/// With the connection: BrokerPortTests. With brokers: SystemTests/FailoverTests.
@Suite("What brokers have acknowledged, in the journal")
struct RepublishTests {
    private let one = BrokerAddress(host: "one.example", port: 8883)
    private let other = BrokerAddress(host: "two.example", port: 8883)
    private let start = Instant(.seconds(5_000))

    private func receipt(_ broker: BrokerAddress, after delay: Duration = .zero) -> Journal.Receipt {
        Journal.Receipt(by: broker, at: start + delay, kept: .seconds(600))
    }

    private func queue(_ count: Int, _ journal: Journal, from first: UInt64 = 1) throws -> [Int64] {
        try (0..<count).map {
            try journal.queue(Sample.response(first + UInt64($0), Sample.exchange(UInt8($0 % 250)).token))
        }
    }

    @Test("stays for the other brokers for ten minutes, over restarts, and does not count as waiting")
    func kept() throws {
        try JournalFolder.with { folder in
            let ids = try folder.run { journal in
                let ids = try queue(3, journal)
                _ = try journal.delivered([ids[0], ids[1]], at: 1, by: receipt(one))
                try journal.commit()
                return ids
            }
            try folder.run { journal in
                try #expect(journal.outboxCount() == 1 && journal.outbox().map(\.id) == [ids[2]])
                try #expect(journal.outbox(for: receipt(one)).map(\.id) == [ids[2]])
                try #expect(journal.outbox(for: receipt(other)).map(\.id) == ids)
                try #expect(journal.outbox(for: receipt(other, after: .seconds(600))).map(\.id) == ids)
                try #expect(journal.outbox(for: receipt(other, after: .seconds(601))).map(\.id) == [ids[2]])
                // Another broker's acknowledgement does not keep it longer.
                _ = try journal.delivered([ids[0]], at: 1, by: receipt(other, after: .seconds(500)))
                try journal.commit()
                try #expect(journal.outbox(for: receipt(other, after: .seconds(500))).map(\.id) == [ids[1], ids[2]])
                let third = BrokerAddress(host: "three.example", port: 1)
                try #expect(journal.outbox(for: receipt(third, after: .seconds(601))).map(\.id) == [ids[2]])
            }
            try #expect(Journal.outboxCount(of: folder.state) == 1)
        }
    }

    @Test("is looked up by an index, and not at all once a broker has everything")
    func plan() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                func plan(_ sql: String, _ values: [Database.Value]) throws -> [String] {
                    try journal.database.rows("EXPLAIN QUERY PLAN " + sql, values).map { $0.text(3) ?? "" }
                }
                try #expect(
                    plan(Journal.waiting, []) == ["SEARCH outbox USING INDEX outbox_acknowledged (acknowledged=?)"])
                try #expect(
                    plan(Journal.acknowledgedByOthers, [.integer(1), .text("x")])
                        == ["SEARCH outbox USING INDEX outbox_acknowledged (acknowledged>?)"])
                let ids = try queue(2, journal)
                _ = try journal.delivered(ids, at: 1, by: receipt(one))
                try #expect(journal.outbox(for: receipt(other)).map(\.id) == ids && journal.published == nil)
                _ = try journal.delivered(ids, at: 1, by: receipt(other))
                try #expect(journal.outbox(for: receipt(other)).isEmpty && journal.published?.broker == other)
                // Then the connection is to the first one again, and it gets something that the other must have as well.
                let more = try queue(1, journal, from: 50)
                _ = try journal.delivered(more, at: 1, by: receipt(one))
                try #expect(journal.outbox(for: receipt(other)).map(\.id) == more)
                _ = try journal.delivered(more, at: 1, by: receipt(other))
                try #expect(journal.outbox(for: receipt(other)).isEmpty)
                try journal.forgetAcknowledgements(of: other)
                try #expect(journal.outbox(for: receipt(other)).map(\.id) == ids + more)
            }
        }
    }

    @Test("a broker whose name is a part of another's is another broker")
    func names() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let ids = try queue(1, journal)
                _ = try journal.delivered(ids, at: 1, by: receipt(BrokerAddress(host: "a.one.example", port: 8883)))
                try #expect(journal.outbox(for: receipt(one)).map(\.id) == ids)
                try #expect(
                    journal.outbox(for: receipt(BrokerAddress(host: "a.one.example", port: 88))).map(\.id) == ids)
            }
        }
    }

    @Test("after a restart of the machine, whose clock begins again, it is kept as if acknowledged at its start")
    func anotherBoot() throws {
        try JournalFolder.with { folder in
            let ids = try folder.run { journal in
                let ids = try queue(1, journal)
                _ = try journal.delivered(ids, at: 1, by: receipt(one))
                try journal.commit()
                return ids
            }
            for _ in 0..<2 {
                try folder.run(boot: "next boot") { journal in
                    let early = Journal.Receipt(by: other, at: Instant(.seconds(590)), kept: .seconds(600))
                    try #expect(journal.outbox(for: early).map(\.id) == ids)
                    let late = Journal.Receipt(by: other, at: Instant(.seconds(601)), kept: .seconds(600))
                    try #expect(journal.outbox(for: late).isEmpty)
                }
            }
        }
    }

    @Test("is deleted with a later acknowledgement, once it was kept long enough; at most some thousand are kept")
    func pruned() throws {
        func rows(_ journal: Journal) throws -> Int64 {
            try journal.database.rows("SELECT count(*) FROM outbox").first?.integer(0) ?? 0
        }
        try JournalFolder.with { folder in
            try folder.run { journal in
                _ = try journal.delivered(try queue(5, journal), at: 1, by: receipt(one))
                let later = receipt(one, after: .seconds(700))
                _ = try journal.delivered(try queue(1, journal), at: 1, by: later)
                try #expect(rows(journal) == 1, "only the newest is left")
                let many = try queue(Int(Journal.mostAcknowledged) + 600, journal, from: 100)
                for start in stride(from: 0, to: many.count, by: 20) {
                    let batch = Array(many[start..<min(start + 20, many.count)])
                    _ = try journal.delivered(batch, at: 1, by: later)
                }
                try #expect(rows(journal) <= Journal.mostAcknowledged + 300)
                let oldest = try journal.database.rows("SELECT min(id) FROM outbox").first?.integer(0)
                #expect(oldest ?? 0 > many[0], "the oldest go")
                try journal.commit()
            }
        }
    }

    @Test("nothing is kept where republish is 0")
    func off() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let off = Journal.Receipt(by: one, at: start, kept: .zero)
                _ = try journal.delivered(try queue(2, journal), at: 1, by: off)
                let other = Journal.Receipt(by: other, at: start, kept: .zero)
                try #expect(journal.outbox(for: other).isEmpty && journal.outboxCount() == 0)
            }
        }
    }
}
