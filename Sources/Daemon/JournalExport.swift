import Auditing
import FoundationEssentials
import Observing
import SQLite
import SRUP

/// A part of the record, as the running beacon tells it to `srup-beacon audit export`.
package struct AuditPage: Codable, Sendable {
    /// The header, or rows.
    package var lines: [AuditLine]
    /// Where the next part begins; nil: this is the end.
    package var next: Int64?
    /// The last row of the chain.
    package var last: Int64
    /// Verdicts of this part that have no row in the chain: from before it, and others.
    package var unchained: Int64, stray: Int64

    /// As it goes over the control socket. Not by the coders of other replies, which change the names of keys.
    var json: [UInt8] { (try? Array(JSONEncoder().encode(self))) ?? [] }

    /// - Throws: what the decoder throws, of something else.
    static func read(_ json: [UInt8]) throws -> AuditPage {
        try JSONDecoder().decode(AuditPage.self, from: Data(json))
    }
}

// The record, read for an export.
extension Journal {
    /// Rows or heads in one part: more would keep the loop from its work for too long.
    static let pageLength: Int64 = 128
    /// Bytes of rows in one part, if it has more than one row.
    static let pageBytes = 262_144

    private static let rowsAfter = """
        SELECT id, server, token, device, verdicts.verdict, reason, evidence, decided, asked, mismatches,
            number, request, seal, response, evidence_frame, proof_frame, audit.proof, digest
        FROM verdicts LEFT JOIN audit ON audit.verdict = verdicts.id WHERE id > ? ORDER BY id LIMIT ?
        """

    /// The first rows in the chain, with their places, for tests.
    func auditRows(limit: Int64 = 1_000) throws -> [(AuditVerdict, AuditLink)] {
        try database.rows(Journal.rowsAfter, .integer(0), .integer(limit)).filter { !$0.isNull(10) }
            .map { (AuditVerdict($0), AuditLink(number: $0.integer(10), digest: $0.blob(17))) }
    }

    /// A part of the record.
    /// - Parameter verdict: after which of the verdicts it begins; below 0: heads, from the one with this number, negated; nil: the header.
    func auditPage(after verdict: Int64?, at seconds: Int64) throws(Failure) -> AuditPage {
        guard let identity = verdictChain?.identity else {
            return AuditPage(lines: [], next: nil, last: 0, unchained: 0, stray: 0)
        }
        return try Journal.attempt { try Journal.auditPage(database, of: identity, after: verdict, at: seconds) }
    }

    /// The same of a journal that no beacon has open; it is only read.
    static func auditPage(
        of folder: StateFolder, _ identity: Identifier, after verdict: Int64?, at seconds: Int64
    ) throws -> AuditPage {
        try attempt {
            try Database.checkAtRest(folder.journal)
            return try auditPage(try Database(lookingAt: folder.journal), of: identity, after: verdict, at: seconds)
        }
    }

    private static func auditPage(
        _ database: Database, of identity: Identifier, after verdict: Int64?, at seconds: Int64
    ) throws -> AuditPage {
        let last = try lastLink(database)?.number ?? anchor(database)?.number ?? 0
        guard let verdict else {
            let chains = try database.rows("SELECT chain, first FROM audit_chains ORDER BY first").map {
                (chain: $0.unsigned(0), first: $0.integer(1))
            }
            let header = AuditHeader(
                of: "beacon", identity: identity, exported: seconds, anchor: try anchor(database),
                keys: try auditKeys(database), chains: chains, heads: [])
            return AuditPage(lines: header.lines, next: -1, last: last, unchained: 0, stray: 0)
        }
        guard verdict >= 0 else { return try headPage(database, from: -max(verdict, .min + 1), last) }
        let read = try database.rows(rowsAfter, .integer(verdict), .integer(pageLength))
        let rows = beginning(of: read)
        let chained = rows.filter { !$0.isNull(10) }
        let begin = try database.rows("SELECT min(verdict) FROM audit").first.flatMap {
            $0.isNull(0) ? nil : $0.integer(0)
        }
        let early = rows.count { $0.isNull(10) && $0.integer(0) < begin ?? .max }
        return AuditPage(
            lines: chained.map { AuditVerdict($0).line(AuditLink(number: $0.integer(10), digest: $0.blob(17))) },
            next: rows.count == pageLength || rows.count < read.count ? rows.last?.integer(0) : nil, last: last,
            unchained: Int64(early), stray: Int64(rows.count - chained.count - early))
    }

    private static func headPage(_ database: Database, from id: Int64, _ last: Int64) throws -> AuditPage {
        let rows = try database.rows(
            "SELECT id, head FROM audit_heads WHERE id >= ? ORDER BY id LIMIT ?", .integer(id), .integer(pageLength))
        let heads = rows.compactMap { AuditHead(json: Array(($0.text(1) ?? "").utf8)) }
        let isLast = rows.count < pageLength
        return AuditPage(
            lines: heads.map { AuditLine($0, kind: .head) },
            next: isLast ? 0 : rows.last.map { -$0.integer(0) - 1 }, last: last, unchained: 0, stray: 0)
    }

    /// As many rows as a part has room for, one at least.
    private static func beginning(of rows: [Database.Row]) -> [Database.Row] {
        var bytes = 0
        let room = rows.prefix { row in
            // In base64.
            bytes +=
                512 + [2, 11, 13, 14, 15, 16].reduce(0) { $0 + row.blob($1).count } * 4 / 3
                + (row.text(6)?.utf8.count ?? 0)
            return bytes <= pageBytes
        }
        return Array(room.isEmpty ? rows.prefix(1) : room)
    }
}

extension AuditVerdict {
    /// A row as `auditPage` selects it.
    fileprivate init(_ row: Database.Row) {
        func blob(_ column: Int) -> [UInt8]? { row.isNull(column) ? nil : row.blob(column) }
        self.init(
            server: Identifier(row.unsigned(1)), device: Identifier(row.unsigned(3)), token: row.blob(2),
            verdict: row.text(4) ?? "", reason: row.text(5) ?? "", evidence: row.text(6), decided: row.integer(7),
            asked: row.isNull(8) ? nil : row.integer(8), mismatches: row.integer(9))
        if let frame = blob(11) { request = AuditRequest(frame: frame, seal: row.blob(12)) }
        (response, evidenceFrame, proofFrame, proof) = (blob(13), blob(14), blob(15), blob(16))
    }
}
