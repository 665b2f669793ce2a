import Bench
import Broker
import Glibc
import Keys
import OperatorText
import SQLite
import SRUP
import Synchronization

/// The stored state of a C2 server: nodes, sequence numbers, groups, open joins and history, in an SQLite file, or in memory if no
/// file is given. It may be used from any thread.
///
/// `@unchecked Sendable`: mutable state is used under `lock` only.
public final class C2Store: @unchecked Sendable {
    /// The history's bounds; the oldest entries are dropped first. The newest is always kept.
    public struct Bounds: Sendable {
        /// Entries.
        public var entries: Int64 = 100_000
        /// Bytes of their messages and texts: without this bound, long messages could fill the disk.
        public var bytes: Int64 = 268_435_456
        /// Their age by the wall clock, in days.
        public var days: Int64 = 365

        /// The default bounds.
        public init() {}
    }

    let lock = Mutex(())
    let database: Database
    let path: String?
    private let file: C2StateFile?
    let bounds: Bounds
    /// The file's version. A reader does not migrate it: older ones have no grounds and no verdicts in columns of their own, and no chain.
    let version: Int
    /// Whether the history has a chain.
    var hasChain: Bool { version >= C2Schema.versionWithChain }
    /// nil: the file is only looked at.
    var chain: C2Chain?
    /// The content of the file, so that a commit writes differences only.
    var kept = C2.Memory()
    var keptGroups: [String: [Identifier]] = [:]
    var first: Int64 = 0
    var last: Int64 = 0
    var bytes: Int64 = 0
    /// When nothing is deleted for its age: milliseconds since 1970.
    var agingPause: Range<Int64> = 0..<0

    /// Opens the state of a server; creates the file if it does not exist.
    /// - Parameters:
    ///   - path: of the file, mode 0600; nil: in memory.
    ///   - own: the server. A file permanently belongs to one server.
    /// - Throws: `OperatorFault` if the file belongs to another server or another program, is damaged, accessible to others, in use by
    ///   another process, or cannot be written. No new file is created then.
    public init(path: String?, own: Identifier, bounds: Bounds = Bounds()) throws(OperatorFault) {
        (self.path, self.bounds, version) = (path, bounds, C2Schema.migrations.count)
        do {
            if let path {
                if !C2StateFile.exists(path) { try C2StateFile.make(path) { try C2Store.found($0, own) } }
                file = try C2StateFile(path)
                database = try Database(path: path)
                try database.script(
                    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
                try C2Store.check(database, own)
            } else {
                file = nil
                database = try Database(path: ":memory:")
                try C2Store.found(database, own)
            }
            try load()
            try loadChain(own)
            try checkClock(now: C2Entry.now)
            try transaction { try dropOldest(now: C2Entry.now) }
        } catch {
            throw C2Store.fault(error, path)
        }
    }

    /// Opens the state of any server, to read its history; the server may be running.
    /// - Throws: `OperatorFault`.
    public init(lookingInto path: String) throws(OperatorFault) {
        (self.path, file, bounds) = (path, nil, Bounds())
        do {
            database = try Database(path: path, readOnly: true)
            try database.script("PRAGMA busy_timeout = 5000")
            try C2Store.check(database, nil)
            version = try C2Schema.version(database)
        } catch {
            throw C2Store.fault(error, path)
        }
    }

    // MARK: - State

    /// The state at the end of the last commit.
    var memory: C2.Memory { lock.withLock { _ in kept } }

    /// The operator's groups.
    var groups: [String: [Identifier]] { lock.withLock { _ in keptGroups } }

    /// Stores all of this or, if it throws, nothing.
    /// - Throws: `OperatorFault`; then nothing of it may be carried out.
    func commit(
        _ memory: C2.Memory, groups: [String: [Identifier]], entries: [C2Entry], outgoing: [Outgoing] = [],
        facts: [Identifier: C2Facts] = [:], now: Int64 = C2Entry.now
    ) throws(OperatorFault) {
        guard memory != kept || groups != keptGroups || !entries.isEmpty || !outgoing.isEmpty || !facts.isEmpty
        else { return }
        try guarded {
            let before = (first, last, bytes, chain)
            do {
                try transaction {
                    try write(memory)
                    try write(records: memory.records, at: C2Entry.now / 1_000)
                    if groups != keptGroups { try write(groups) }
                    for entry in entries { try append(entry) }
                    try write(outgoing)
                    try write(facts)
                    try dropOldest(now: now)
                }
            } catch {
                (first, last, bytes, chain) = before
                throw error
            }
            (kept, keptGroups) = (memory, groups)
        }
    }

    /// The messages that no broker has acknowledged, in order.
    /// - Throws: `OperatorFault` if the file cannot be read.
    func outbox() throws(OperatorFault) -> [Outgoing] {
        try guarded {
            try database.rows("SELECT id, topic, frame FROM outbox ORDER BY id").map { row in
                Outgoing(id: row.integer(0), topic: row.text(1) ?? "", payload: row.blob(2))
            }
        }
    }

    /// The broker has acknowledged these messages.
    /// - Throws: `OperatorFault` if that cannot be stored.
    func delivered(_ ids: [Int64]) throws(OperatorFault) {
        try guarded {
            try transaction {
                for id in ids { try database.run("DELETE FROM outbox WHERE id = ?", .integer(id)) }
            }
        }
    }

    // MARK: - Opening

    private static func found(_ database: Database, _ own: Identifier) throws {
        try database.script("PRAGMA application_id = \(C2Schema.application)")
        try database.script("BEGIN IMMEDIATE")
        try C2Schema.migrate(database)
        try database.run(
            "INSERT INTO meta VALUES (?, ?)", .text(C2Schema.Setting.server.rawValue), .text(own.description))
        try database.script("COMMIT")
    }

    /// - Parameter own: nil: any server.
    private static func check(_ database: Database, _ own: Identifier?) throws {
        guard try database.rows("PRAGMA application_id").first?.integer(0) == C2Schema.application else {
            throw OperatorFault("it is not the state of a C2 server", hint: "give --state a file that c2 has created")
        }
        try database.script(own == nil ? "BEGIN" : "BEGIN IMMEDIATE")
        defer { try? database.script("ROLLBACK") }
        // A reader must not write.
        if own == nil { _ = try C2Schema.version(database) } else { try C2Schema.migrate(database) }
        let server = try C2Schema.Setting.server.value(in: database)
        if let own, server != own.description {
            throw OperatorFault(
                "it belongs to server \(server ?? "(unknown)"), and this server is \(own)",
                hint: "give each server its own file")
        }
        try database.script("COMMIT")
    }

    static func notUnderstood(_ what: String) -> OperatorFault {
        OperatorFault("its entry for \(what) is not valid", hint: "restore the file from a backup")
    }

    private func load() throws {
        for row in try database.rows("SELECT id, standing, sequence, observer, heard FROM nodes") {
            let node = Identifier(row.unsigned(0))
            guard let membership = row.text(1).flatMap(C2.MembershipState.init(rawValue:)) else {
                throw C2Store.notUnderstood("\(node)")
            }
            if membership != .known { kept.memberships[node] = membership }
            if row.unsigned(2) != 0 { kept.numbers[node] = row.unsigned(2) }
            if !row.isNull(3) { kept.given[node] = row.integer(3) != 0 }
            if row.integer(4) != 0 { kept.heard.insert(node) }
        }
        if let required = try C2Schema.Setting.required.value(in: database) {
            // An unknown grade must not lower the requirement.
            guard let grade = C2.Grade(rawValue: required) else { throw C2Store.notUnderstood("the required grade") }
            kept.required = grade
        }
        for row in try database.rows("SELECT name, node FROM groups ORDER BY name, place") {
            keptGroups[row.text(0) ?? "", default: []].append(Identifier(row.unsigned(1)))
        }
        for row in try database.rows("SELECT id, update_token FROM nodes WHERE update_token IS NOT NULL") {
            kept.updates[Identifier(row.unsigned(0))] = Token(row.blob(1))
        }
        for row in try database.rows("SELECT token, node, what FROM asked") {
            guard let token = Token(row.blob(0)), let what = C2.Asked.What(name: row.text(2) ?? "") else {
                throw C2Store.notUnderstood("a command that waits")
            }
            kept.asked[token] = C2.Asked(node: Identifier(row.unsigned(1)), what: what)
        }
        kept.staged = try loadStaged()
        for row in try database.rows("SELECT token, device, observer FROM joins") {
            guard let token = Token(row.blob(0)) else { throw C2Store.notUnderstood("an open join") }
            kept.unanswered.insert(
                C2.Unanswered(
                    device: Identifier(row.unsigned(1)),
                    observer: row.isNull(2) ? nil : Identifier(row.unsigned(2)), answerToken: token))
        }
        kept.records = try loadRecords()
        let row = try database.rows("SELECT MIN(id), MAX(id), SUM(bytes) FROM history").first
        (first, last, bytes) = (row?.integer(0) ?? 0, row?.integer(1) ?? 0, row?.integer(2) ?? 0)
    }

    // MARK: - Faults

    func transaction(_ body: () throws -> Void) throws {
        try database.script("BEGIN IMMEDIATE")
        do {
            try body()
            try database.script("COMMIT")
        } catch {
            try? database.script("ROLLBACK")
            throw error
        }
    }

    func guarded<Result>(_ body: () throws -> Result) throws(OperatorFault) -> Result {
        let path = path
        let result: Swift.Result<Result, OperatorFault> = lock.withLock { _ in
            do { return .success(try body()) } catch { return .failure(C2Store.fault(error, path)) }
        }
        return try result.get()
    }

    private static func fault(_ error: any Error, _ path: String?) -> OperatorFault {
        let file = path.map { "the state file \($0)" } ?? "the state in memory"
        switch error {
        case let fault as OperatorFault: return OperatorFault("\(file): \(fault.message)", hintOf: fault)
        case let error as DatabaseError:
            let hint =
                switch error.kind {
                case .damaged:
                    "restore it from a backup; with a new file every node must join again under new sequence ids"
                case .full: "free space on the disk, and start again"
                case .readOnly: "give --state a place that is writable"
                case .locked: "check that no other process uses the file"
                case .inputOutput, .other: "check the disk, and start again"
                }
            return OperatorFault("\(file) cannot be used: \(error.words)", hint: hint)
        default: preconditionFailure("unexpected error: \(error)")
        }
    }
}
