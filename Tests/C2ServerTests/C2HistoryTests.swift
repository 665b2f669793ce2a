import Foundation
import SQLite
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("The history of a server")
struct C2HistoryTests {
    private static let now = C2Entry.now
    private static let day: Int64 = 86_400_000

    private func store(_ change: (inout C2Store.Bounds) -> Void = { _ in }) throws -> C2Store {
        var bounds = C2Store.Bounds()
        change(&bounds)
        return try C2Store(path: nil, own: Roles.c2.id, bounds: bounds)
    }

    /// An entry of so many days ago; a decision where there is one.
    private func entry(
        _ words: String, days: Int64 = 0, of node: Identifier? = nil, _ verdict: C2.Decision? = nil
    ) -> C2Entry {
        var entry = C2Entry(
            wallMilliseconds: Self.now - days * Self.day, kind: verdict == nil ? .remark : .decision, node: node,
            message: words)
        entry.verdict = verdict
        return entry
    }

    private func keep(_ entries: [C2Entry], in store: C2Store, now: Int64 = now) throws {
        try store.commit(C2.Memory(), groups: [:], entries: entries, now: now)
    }

    private func words(_ store: C2Store, _ filter: C2Store.Filter, limit: Int = 99) throws -> [String] {
        try store.read(before: .max, limit: limit, matching: filter).map(\.message)
    }

    // MARK: - Pruning

    @Test("entries are dropped when they are too old, the oldest first, and the newest stays")
    func age() throws {
        let store = try store { $0.days = 10 }
        try keep([entry("a", days: 9), entry("b", days: 8), entry("c")], in: store)
        #expect(try words(store, .init()) == ["a", "b", "c"])
        try keep([entry("d")], in: store, now: Self.now + Self.day + 1)
        #expect(try words(store, .init()) == ["b", "c", "d"])
        try keep([entry("e")], in: store, now: Self.now + 1_000 * Self.day)
        #expect(try words(store, .init()) == ["e"])
    }

    @Test("an old entry behind a newer one waits for it, where the clock was set: only the oldest ids go")
    func clockSetBack() throws {
        let store = try store { $0.days = 10 }
        try keep([entry("ahead", days: -5), entry("old", days: 20), entry("new")], in: store)
        #expect(try words(store, .init()) == ["ahead", "old", "new"])
        try keep([entry("newest")], in: store, now: Self.now + 16 * Self.day)
        #expect(try words(store, .init()) == ["newest"])
    }

    @Test("a lower bound applies at the start already")
    func atStart() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("c2.sqlite")
            do {
                let store = try C2Store(path: path, own: Roles.c2.id)
                try keep((0..<50).map { entry("\($0)", days: 300) } + [entry("last")], in: store)
            }
            var bounds = C2Store.Bounds()
            bounds.days = 30
            let store = try C2Store(path: path, own: Roles.c2.id, bounds: bounds)
            #expect(try words(store, .init()) == ["last"])
            try keep([entry("next")], in: store)
            #expect(store.entries(after: 0, limit: 9).map(\.id) == [51, 52], "ids are not used again")
        }
    }

    @Test("a commit deletes a bounded number of old entries")
    func bounded() throws {
        let store = try store()
        try keep((0..<600).map { entry("\($0)") } + [entry("last")], in: store)
        let later = Self.now + 400 * Self.day
        for left in [601 + 1 - 256, 602 + 1 - 512, 1] {
            try keep([entry("next", days: -400)], in: store, now: later)
            #expect(try words(store, .init(), limit: 1_000).count >= left)
        }
        #expect(try words(store, .init(), limit: 1_000) == ["next", "next", "next"])
    }

    @Test("a clock that is far ahead of the newest entry at the start deletes nothing for an hour")
    func clockAhead() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("c2.sqlite")
            do {
                let store = try C2Store(path: path, own: Roles.c2.id)
                try keep([entry("a", days: 400), entry("b", days: 399)], in: store, now: Self.now - 399 * Self.day)
            }
            let store = try C2Store(path: path, own: Roles.c2.id)
            try keep([entry("c")], in: store)
            #expect(try words(store, .init()) == ["a", "b", "c"])
            try keep([entry("d")], in: store, now: Self.now - 40 * Self.day)
            #expect(try words(store, .init()) == ["a", "b", "c", "d"], "it was set back: they are not too old")
            try keep([entry("e")], in: store, now: C2Entry.now + C2Store.pauseOfAging)
            #expect(try words(store, .init()) == ["c", "d", "e"])
        }
    }

    // MARK: - Filters

    @Test("by node, time and verdict, alone and together; the newest ones, in order")
    func filters() throws {
        let store = try store()
        let (device, other) = (Roles.device.id, Roles.stranger.id)
        try keep(
            [
                entry("1", days: 5, of: device), entry("2", days: 4, of: device, .accepted),
                entry("3", days: 3, of: other, .refused), entry("4", days: 2, of: device, .refused),
                entry("5", days: 1, of: other), entry("6", of: device, .accepted),
            ], in: store)
        let times = Self.now - 4 * Self.day..<Self.now
        #expect(try words(store, .init()) == ["1", "2", "3", "4", "5", "6"])
        #expect(try words(store, .init(), limit: 2) == ["5", "6"])
        #expect(try words(store, .init(node: device)) == ["1", "2", "4", "6"])
        #expect(try words(store, .init(times: times)) == ["2", "3", "4", "5"], "the first is in it, the end is not")
        #expect(try words(store, .init(times: times), limit: 2) == ["4", "5"])
        #expect(try words(store, .init(verdict: .accepted)) == ["2", "6"])
        #expect(try words(store, .init(verdict: .failed)) == [])
        #expect(try words(store, .init(times: times, verdict: .refused)) == ["3", "4"])
        #expect(try words(store, .init(node: device, times: times)) == ["2", "4"])
        #expect(try words(store, .init(node: device, verdict: .refused)) == ["4"])
        #expect(try words(store, .init(node: other, times: times, verdict: .refused)) == ["3"])
        #expect(try store.read(before: 6, limit: 9, matching: .init(verdict: .accepted)).map(\.verdict) == [.accepted])
    }

    private static let allFilters: [C2Store.Filter] = [nil, Roles.device.id].flatMap { node in
        [nil, 1..<5].flatMap { times in
            [nil, C2.Decision.failed].map { C2Store.Filter(node: node, times: times, verdict: $0) }
        }
    }

    @Test(
        "no filter reads the whole history: each goes by an index", arguments: allFilters)
    func plans(filter: C2Store.Filter) throws {
        let store = try store()
        try store.database.script(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            INSERT INTO history (wall, kind, node, words, bytes, verdict)
            SELECT i, CASE i % 10 WHEN 0 THEN 'decision' ELSE 'message' END, i % 1000, 'words', 5,
                CASE i % 10 WHEN 0 THEN CASE i % 30 WHEN 0 THEN 'failed' ELSE 'accepted' END END FROM n
            """)
        for isAscending in [true, false] {
            let query = C2Store.Query(filter, version: store.version, isAscending: isAscending)
            let rows = try store.database.rows(
                "EXPLAIN QUERY PLAN " + query.text, query.values + [.integer(50_000), .integer(100)])
            let steps = rows.compactMap { $0.text(3) }
            #expect(!steps.isEmpty)
            for step in steps where step.hasPrefix("SCAN") { Issue.record("\(filter): \(steps)") }
            let isByIndex = steps.contains { $0.contains("INDEX history_") } || filter == .init()
            #expect(isByIndex, "\(steps)")
        }
    }

    @Test("a file of an earlier version is filtered by the words of its decisions, and migrated with its verdicts")
    func earlier() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("c2.sqlite")
            let database = try Database(path: path)
            try database.script("PRAGMA application_id = \(C2Schema.application)")
            for migration in C2Schema.migrations.prefix(3) { try database.script(migration) }
            let server = Roles.c2.id
            try database.script(
                """
                PRAGMA user_version = 3;
                INSERT INTO meta VALUES ('server', '\(server)');
                INSERT INTO history (wall, kind, node, words, bytes) VALUES
                    (\(Self.now), 'decision', 7, 'observed join of 7 by 8: accepted', 1),
                    (\(Self.now), 'decision', 7, 'observed join of 7 by 8: failed', 1),
                    (\(Self.now), 'remark', 7, 'not one: accepted', 1);
                """)
            #expect(chmod(path, 0o600) == 0)
            let before = try C2Store(lookingInto: path)
            let expected = ["observed join of 7 by 8: accepted"]
            let filter = C2Store.Filter(node: Identifier(7), times: 0..<Int64.max, verdict: .accepted)
            #expect(try words(before, .init(verdict: .accepted)) == expected)
            #expect(try words(before, filter) == expected)
            let after = try C2Store(path: path, own: server)
            #expect(try words(after, .init(verdict: .accepted)) == expected)
            #expect(try words(after, filter) == expected)
            #expect(try words(after, .init(verdict: .failed)).count == 1)
        }
    }
}
