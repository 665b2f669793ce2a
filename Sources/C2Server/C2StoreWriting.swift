import Auditing
import Bench
import Broker
import OperatorText
import SQLite
import SRUP

// What a commit writes: differences only. Called under the store's lock and inside its transaction.
extension C2Store {
    func write(_ memory: C2.Memory) throws {
        for (node, number) in memory.numbers where kept.numbers[node] != number {
            try database.run(
                "INSERT INTO nodes (id, sequence) VALUES (?, ?)"
                    + " ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence",
                .unsigned(node.number), .unsigned(number))
        }
        let changed = Set(memory.memberships.keys).union(kept.memberships.keys)
            .filter { memory.memberships[$0] != kept.memberships[$0] }
        for node in changed {
            try database.run(
                "INSERT INTO nodes (id, standing) VALUES (?, ?)"
                    + " ON CONFLICT (id) DO UPDATE SET standing = excluded.standing",
                .unsigned(node.number), .text((memory.memberships[node] ?? .known).rawValue))
        }
        try writeCommands(memory)
        try write(memory.staged)
        if let required = memory.required, required != kept.required {
            try database.run(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", .text(C2Schema.Setting.required.rawValue),
                .text(required.rawValue))
        }
        for node in Set(memory.given.keys).union(kept.given.keys) where memory.given[node] != kept.given[node] {
            try database.run(
                "INSERT INTO nodes (id, observer) VALUES (?, ?)"
                    + " ON CONFLICT (id) DO UPDATE SET observer = excluded.observer",
                .unsigned(node.number), memory.given[node].map { .integer($0 ? 1 : 0) } ?? .null)
        }
        for node in kept.heard.subtracting(memory.heard) {
            try database.run("UPDATE nodes SET heard = 0 WHERE id = ?", .unsigned(node.number))
        }
        for node in memory.heard.subtracting(kept.heard) {
            try database.run(
                "INSERT INTO nodes (id, heard) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET heard = 1",
                .unsigned(node.number))
        }
        for join in kept.unanswered.subtracting(memory.unanswered) {
            try database.run(
                "DELETE FROM joins WHERE token = ? AND device = ?", .blob(join.answerToken.bytes),
                .unsigned(join.device.number))
        }
        for join in memory.unanswered.subtracting(kept.unanswered) {
            try database.run(
                "INSERT OR REPLACE INTO joins (token, device, observer) VALUES (?, ?, ?)",
                .blob(join.answerToken.bytes), .unsigned(join.device.number),
                join.observer.map { .unsigned($0.number) } ?? .null)
        }
    }

    private func writeCommands(_ memory: C2.Memory) throws {
        for (node, token) in memory.updates where kept.updates[node] != token {
            try database.run(
                "INSERT INTO nodes (id, update_token) VALUES (?, ?)"
                    + " ON CONFLICT (id) DO UPDATE SET update_token = excluded.update_token",
                .unsigned(node.number), .blob(token.bytes))
        }
        for token in kept.asked.keys where memory.asked[token] == nil {
            try database.run("DELETE FROM asked WHERE token = ?", .blob(token.bytes))
        }
        for (token, asked) in memory.asked where kept.asked[token] != asked {
            try database.run(
                "INSERT OR REPLACE INTO asked VALUES (?, ?, ?)", .blob(token.bytes), .unsigned(asked.node.number),
                .text(asked.what.name))
        }
    }

    func write(_ groups: [String: [Identifier]]) throws {
        for name in Set(groups.keys).union(keptGroups.keys) where groups[name] != keptGroups[name] {
            try database.run("DELETE FROM groups WHERE name = ?", .text(name))
            for (place, node) in (groups[name] ?? []).enumerated() {
                try database.run(
                    "INSERT INTO groups VALUES (?, ?, ?)", .text(name), .integer(Int64(place)),
                    .unsigned(node.number))
            }
        }
    }

    func write(_ outgoing: [Outgoing]) throws {
        for message in outgoing {
            try database.run(
                "INSERT INTO outbox VALUES (?, ?, ?)", .integer(message.id), .text(message.topic),
                .blob(message.payload))
            try database.run("DELETE FROM outbox WHERE id <= ?", .integer(message.id - Int64(Outbox.limit)))
        }
    }

    /// Records that a broker has a session of this server.
    /// - Returns: whether it was known.
    /// - Throws: `OperatorFault` if that cannot be stored.
    func noteSession(of broker: String) throws(OperatorFault) -> Bool {
        try guarded {
            let name = Database.Value.text(C2Schema.sessionPrefix + broker)
            let isKnown = try !database.rows("SELECT 1 FROM meta WHERE name = ?", name).isEmpty
            if !isKnown { try database.run("INSERT INTO meta VALUES (?, 'kept')", name) }
            return isKnown
        }
    }

    /// The deregistered nodes of which the registry knows that.
    func toldDeregistrations() throws(OperatorFault) -> Set<Identifier> {
        try guarded {
            let prefix = C2Schema.toldPrefix
            let rows = try database.rows(
                "SELECT name FROM meta WHERE name >= ? AND name < ?", .text(prefix), .text(prefix + "~"))
            return Set(rows.compactMap { $0.text(0).flatMap { Identifier(hexadecimal: $0.dropFirst(prefix.count)) } })
        }
    }

    /// Notes that the registry knows that a node was deregistered.
    func noteTold(_ node: Identifier) throws(OperatorFault) {
        try guarded {
            try database.run(
                "INSERT OR REPLACE INTO meta VALUES (?, 'yes')", .text(C2Schema.toldPrefix + node.topicForm))
        }
    }

    func append(_ entry: C2Entry) throws {
        let line = entry.line?.json
        let size = Int64(entry.message.utf8.count + (entry.reason?.utf8.count ?? 0) + (line?.utf8.count ?? 0))
        let link = chained(
            AuditEntry(
                wall: entry.wallMilliseconds, kind: entry.kind.rawValue, node: entry.node, line: line,
                words: entry.message, grade: entry.grade?.rawValue, reason: entry.reason,
                verdict: entry.verdict?.rawValue))
        try database.run(
            """
            INSERT INTO history (wall, kind, node, line, words, bytes, grade, reason, verdict, digest)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            .integer(entry.wallMilliseconds), .text(entry.kind.rawValue),
            entry.node.map { .unsigned($0.number) } ?? .null, line.map { .text($0) } ?? .null, .text(entry.message),
            .integer(size), entry.grade.map { .text($0.rawValue) } ?? .null, entry.reason.map { .text($0) } ?? .null,
            entry.verdict.map { .text($0.rawValue) } ?? .null, link.map { .blob($0.digest) } ?? .null)
        last = database.lastRow
        if first == 0 { first = last }
        bytes += size
    }
}
