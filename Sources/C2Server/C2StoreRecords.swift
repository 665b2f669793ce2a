import Auditing
import FoundationEssentials
import Keys
import OperatorText
import SQLite
import SRUP

/// The chain over a server's own history, as far as it is in memory (docs/audit.md, "A server's record").
struct C2Chain: Sendable {
    let chain: UInt64
    /// The last entry.
    var link: AuditLink
    /// The last one that was dropped.
    var anchor: AuditLink?
    var keys: [AuditKey]
    /// The last one that was signed.
    var head: AuditHead?
}

// Heads of nodes' records, and the chain over the history. Called under the store's lock.
extension C2Store {
    /// Heads that are kept for each node.
    private static let keptHeads = 256
    private static let anchorName = "audit-anchor"

    /// Writes what has changed of the nodes' records.
    func write(records: [Identifier: C2.Record], at seconds: Int64) throws {
        for node in Set(kept.records.keys).subtracting(records.keys) {
            try database.run("DELETE FROM audit_records WHERE node = ?", .unsigned(node.number))
        }
        for (node, record) in records where kept.records[node] != record {
            let known = kept.records[node]
            if known?.head != record.head { try insert(record.head, of: node, contradicts: false, at: seconds) }
            if let other = record.contradicting, known?.contradicting != other {
                try insert(other, of: node, contradicts: true, at: seconds)
            }
            try database.run(
                "INSERT OR REPLACE INTO audit_records (node, head, contradicting, chains) VALUES (?, ?, ?, ?)",
                .unsigned(node.number), .text(record.head.json), record.contradicting.map { .text($0.json) } ?? .null,
                .text(record.chains.map { Identifier($0).description }.joined(separator: " ")))
        }
    }

    private func insert(_ head: AuditHead, of node: Identifier, contradicts: Bool, at seconds: Int64) throws {
        try database.run(
            "INSERT INTO audit_heads (node, head, received, contradicts) VALUES (?, ?, ?, ?)", .unsigned(node.number),
            .text(head.json), .integer(seconds), .integer(contradicts ? 1 : 0))
        // What contradicts, and what it contradicts, is evidence.
        guard !contradicts else { return }
        try database.run(
            """
            DELETE FROM audit_heads WHERE node = ? AND contradicts = 0 AND id <= (
                SELECT id FROM audit_heads WHERE node = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
            """, .unsigned(node.number), .unsigned(node.number), .integer(Int64(C2Store.keptHeads)))
    }

    /// The records that were known at the end of the last run.
    func loadRecords() throws -> [Identifier: C2.Record] {
        var records: [Identifier: C2.Record] = [:]
        for row in try database.rows("SELECT node, head, contradicting, chains FROM audit_records") {
            func head(_ column: Int) -> AuditHead? { row.text(column).flatMap { AuditHead(json: Array($0.utf8)) } }
            let chains = (row.text(3) ?? "").split(separator: " ").compactMap { UInt64($0, radix: 16) }
            guard let last = head(1) else { continue }
            records[Identifier(row.unsigned(0))] = C2.Record(last, contradicting: head(2), chains: chains)
        }
        return records
    }

    // MARK: - The chain over the history

    /// Continues the chain, or begins it after the entries that are there.
    func loadChain(_ own: Identifier) throws {
        let stored = try database.rows("SELECT chain FROM audit_chains ORDER BY first DESC LIMIT 1").first
        let anchor = try C2Store.anchor(database)
        let end = try database.rows("SELECT id, digest FROM history WHERE digest IS NOT NULL ORDER BY id DESC LIMIT 1")
            .first
        let link = end.map { AuditLink(number: $0.integer(0), digest: $0.blob(1)) }
        let chain = stored?.unsigned(0) ?? UInt64.random(in: .min ... .max)
        if stored == nil {
            try database.run(
                "INSERT INTO audit_chains (first, chain) VALUES (?, ?)", .integer(last + 1), .unsigned(chain))
        }
        let first =
            try database.rows("SELECT first FROM audit_chains ORDER BY first DESC LIMIT 1").first?.integer(0) ?? 1
        self.chain = C2Chain(
            chain: chain,
            link: link ?? anchor ?? AuditLink(beginning: chain, of: own, after: first - 1), anchor: anchor,
            keys: try C2Store.keys(database), head: try C2Store.ownHeads(database, own, limit: 1).last)
    }

    static func anchor(_ database: Database) throws(DatabaseError) -> AuditLink? {
        let text = try database.rows("SELECT value FROM meta WHERE name = ?", .text(anchorName)).first?.text(0) ?? ""
        let words = text.split(separator: " ")
        guard words.count == 2, let number = Int64(words[0]), let digest = SRUP.bytes(hexadecimal: words[1].utf8) else {
            return nil
        }
        return AuditLink(number: number, digest: digest)
    }

    static func keys(_ database: Database) throws(DatabaseError) -> [AuditKey] {
        try database.rows("SELECT key, since, until FROM audit_keys ORDER BY id").map {
            AuditKey(der: $0.blob(0), since: $0.integer(1), until: $0.isNull(2) ? nil : $0.integer(2))
        }
    }

    static func ownHeads(_ database: Database, _ own: Identifier, limit: Int64) throws(DatabaseError) -> [AuditHead] {
        try database.rows(
            "SELECT head FROM audit_heads WHERE node = ? ORDER BY id DESC LIMIT ?", .unsigned(own.number),
            .integer(limit)
        ).reversed().compactMap { AuditHead(json: Array(($0.text(0) ?? "").utf8)) }
    }

    /// The digest of the next entry, whose place it takes.
    func chained(_ entry: AuditEntry) -> AuditLink? {
        guard let link = chain?.link.next(entry.content) else { return nil }
        chain?.link = link
        return link
    }

    /// The oldest entries were dropped, the last of them with this place.
    func noteDropped(_ link: AuditLink) throws {
        chain?.anchor = link
        try database.run(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", .text(C2Store.anchorName),
            .text("\(link.number) \(hexadecimal(link.digest))"))
    }

    /// Signs the end of the chain, unless that is done.
    /// - Parameters:
    ///   - key: the server's; it is noted where it is a new one.
    ///   - seconds: since 1970.
    /// - Returns: the last signed end.
    /// - Throws: `OperatorFault` if it cannot be stored.
    @discardableResult
    func signHead(of own: Identifier, by key: IdentityKey, at seconds: Int64) throws(OperatorFault) -> AuditHead? {
        try guarded {
            guard let chain else { return nil }
            let der = key.publicKey.der
            let isNew = chain.keys.last?.der != der
            guard isNew || chain.head?.link != chain.link else { return chain.head }
            try transaction {
                if isNew {
                    try database.run("UPDATE audit_keys SET until = ? WHERE until IS NULL", .integer(seconds))
                    try database.run("INSERT INTO audit_keys (key, since) VALUES (?, ?)", .blob(der), .integer(seconds))
                }
                let keys = try C2Store.keys(database)
                let head = try AuditHead(
                    identity: own, chain: chain.chain, link: chain.link, time: seconds, anchor: chain.anchor,
                    keys: AuditKey.digest(of: keys)
                ).signed(by: key)
                try insert(head, of: own, contradicts: false, at: seconds)
                self.chain?.keys = keys
                self.chain?.head = head
            }
            return self.chain?.head
        }
    }

    /// Entries since the last signed head.
    var unsignedEntries: Int64 {
        lock.withLock { _ in chain.map { $0.link.number - ($0.head?.link.number ?? 0) } ?? 0 }
    }

    // MARK: - Export

    /// Writes the record: the history, and the heads of other nodes' records.
    /// - Throws: `OperatorFault`.
    package func export(to exporter: AuditExporter, at seconds: Int64) throws(OperatorFault) {
        guard hasChain else {
            throw OperatorFault(
                "its history has no chain yet: an older srup-bench has written it",
                hint: "run srup-bench c2 --state with it first")
        }
        // One state of the file, whatever a running server writes meanwhile.
        try guarded { try database.script("BEGIN") }
        defer { try? guarded { try database.script("COMMIT") } }
        let (header, first) = try guarded { try auditHeader(at: seconds) }
        try exporter.begin(header.lines)
        var (place, end, unchained, stray) = (Int64(0), Int64(0), Int64(0), Int64(0))
        while true {
            let rows = try guarded {
                try database.rows(
                    "SELECT id, wall, kind, node, line, words, grade, reason, digest, verdict FROM history WHERE id > ? ORDER BY id LIMIT 256",
                    .integer(place))
            }
            guard let last = rows.last?.integer(0) else { break }
            for row in rows {
                guard !row.isNull(8) else {
                    if row.integer(0) < first { unchained += 1 } else { stray += 1 }
                    continue
                }
                try exporter.add(AuditEntry(row).line(AuditLink(number: row.integer(0), digest: row.blob(8))))
                end = row.integer(0)
            }
            place = last
        }
        try exporter.end(last: end, unchained: unchained, stray: stray)
    }

    private func auditHeader(at seconds: Int64) throws -> (AuditHeader, first: Int64) {
        guard let own = try C2Schema.Setting.server.value(in: database).flatMap({ Identifier(hexadecimal: $0) }) else {
            throw OperatorFault("it does not say whose it is", hint: "restore the file from a backup")
        }
        let chains = try database.rows("SELECT chain, first FROM audit_chains ORDER BY first").map {
            (chain: $0.unsigned(0), first: $0.integer(1))
        }
        var header = AuditHeader(
            of: "server", identity: own, exported: seconds, anchor: try C2Store.anchor(database),
            keys: try C2Store.keys(database), chains: chains, heads: try C2Store.ownHeads(database, own, limit: 4_096))
        header.received = try database.rows(
            "SELECT head, received FROM audit_heads WHERE node != ? ORDER BY id", .unsigned(own.number)
        ).compactMap { row in
            AuditHead(json: Array((row.text(0) ?? "").utf8)).map { ($0, row.integer(1)) }
        }
        return (header, chains.first?.first ?? 1)
    }
}

extension AuditEntry {
    /// A row as `export` selects it.
    fileprivate init(_ row: Database.Row) {
        self.init(
            wall: row.integer(1), kind: row.text(2) ?? "", node: row.isNull(3) ? nil : Identifier(row.unsigned(3)),
            line: row.text(4), words: row.text(5) ?? "", grade: row.text(6), reason: row.text(7), verdict: row.text(9))
    }
}
