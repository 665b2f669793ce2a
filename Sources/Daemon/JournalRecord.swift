import Auditing
import Keys
import Observing
import SQLite
import SRUP

// The record of verdicts (docs/audit.md): each verdict's row is in the chain with the transaction that records the verdict.
extension Journal {
    private static let chainName = "audit-chain"
    static let anchorName = "audit-anchor"
    private static let announcedName = "audit-announced"
    private static let untoldName = "audit-untold"

    /// Continues the chain of verdicts, or begins one where there is none that belongs here.
    /// - Parameters:
    ///   - identity: ours.
    ///   - key: what we sign with.
    ///   - seconds: the wall clock, since 1970.
    /// - Returns: how many rows were deleted that are of no verdict: the next verdicts' would not have room beside them.
    @discardableResult
    package func beginRecord(
        of identity: Identifier, key: PublicKey, _ retention: VerdictRecord.Retention, at seconds: Int64
    ) throws(Failure) -> Int {
        var leftOver = 0
        try change { database in
            leftOver = try database.rows(
                "DELETE FROM audit WHERE verdict > (SELECT COALESCE(max(id), 0) FROM verdicts) RETURNING 1"
            ).count
            let anchor = try Journal.anchor(database)
            let last = try Journal.lastLink(database) ?? anchor
            let stored = try database.rows("SELECT value FROM meta WHERE name = ?", .text(Journal.chainName)).first?
                .text(0)
            var chain = stored.flatMap { UInt64($0, radix: 16) }
            if chain == nil {
                chain = UInt64.random(in: .min ... .max)
                try database.run(
                    "INSERT OR REPLACE INTO audit_chains (first, chain, began) VALUES (?, ?, ?)",
                    .integer((last?.number ?? 0) + 1), .unsigned(chain ?? 0), .integer(seconds))
                try database.run(
                    "INSERT OR REPLACE INTO meta VALUES (?, ?)", .text(Journal.chainName),
                    .text(Identifier(chain ?? 0).description))
                if finding != .whole || last != nil { try noteUntold(database) }
            }
            guard let chain else { preconditionFailure("a chain without a number") }
            let first =
                try database.rows("SELECT first FROM audit_chains ORDER BY first DESC LIMIT 1").first?.integer(0) ?? 1
            let isEmpty = (last?.number ?? 0) < first
            let keys = try Journal.auditKeys(database)
            let head = try Journal.heads(database, limit: 1).last.flatMap {
                $0.chain == chain && $0.keys == AuditKey.digest(of: keys) ? $0 : nil
            }
            verdictChain = VerdictRecord(
                identity: identity, chain: chain,
                link: isEmpty
                    ? AuditLink(beginning: chain, of: identity, after: first - 1)
                    : last ?? AuditLink(number: 0, digest: []),
                anchor: anchor, keys: keys, head: head,
                announced: max(first - 1, try Journal.meta(Journal.announcedName, database).flatMap { Int64($0) } ?? 0),
                isUrgent: try Journal.meta(Journal.untoldName, database) != nil, retention: retention)
        }
        try noteKey(key, at: seconds)
        try commit()
        return leftOver
    }

    private static func meta(_ name: String, _ database: Database) throws(DatabaseError) -> String? {
        try database.rows("SELECT value FROM meta WHERE name = ?", .text(name)).first?.text(0)
    }

    /// The servers must be told the end at once, also after a restart.
    private func noteUntold(_ database: Database) throws(DatabaseError) {
        try database.run("INSERT OR REPLACE INTO meta VALUES (?, 'yes')", .text(Journal.untoldName))
    }

    /// The servers are told the end up to this row, with the commit.
    /// - Parameter toMembers: there is a server that is told; otherwise what is urgent stays so.
    func noteAnnounced(_ number: Int64, toMembers: Bool) throws(Failure) {
        try change { database in
            try database.run(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", .text(Journal.announcedName), .text(String(number)))
            if toMembers { try database.run("DELETE FROM meta WHERE name = ?", .text(Journal.untoldName)) }
        }
        verdictChain?.announced = number
        if toMembers { verdictChain?.isUrgent = false }
    }

    /// The journal is not the one that belongs here: its chain does not go on.
    func forgetChain(_ database: Database) throws(DatabaseError) {
        try database.run("DELETE FROM meta WHERE name = ?", .text(Journal.chainName))
    }

    /// Notes which key we sign with from now on; the one before stays known.
    func noteKey(_ key: PublicKey, at seconds: Int64) throws(Failure) {
        guard let last = verdictChain?.keys.last, last.der == key.der else {
            return try change { database in
                try database.run("UPDATE audit_keys SET until = ? WHERE until IS NULL", .integer(seconds))
                try database.run("INSERT INTO audit_keys (key, since) VALUES (?, ?)", .blob(key.der), .integer(seconds))
                let isReplaced = verdictChain?.keys.isEmpty == false
                verdictChain?.keys = try Journal.auditKeys(database)
                verdictChain?.head = nil  // the next one vouches for the list as it is now
                guard isReplaced else { return }
                try noteUntold(database)
                verdictChain?.isUrgent = true
            }
        }
    }

    // MARK: - Rows

    /// The request of an exchange: of its open observation, or the message that is being handled.
    func request(of exchange: RequestID, _ frame: [UInt8]?) -> AuditRequest? {
        if let frame { return AuditRequest(of: frame) }
        guard let arrived, let message = (try? UnverifiedFrame(arrived))?.unverifiedMessage,
            message.sender == exchange.server, message.token == exchange.token
        else { return nil }
        return AuditRequest(of: arrived)
    }

    /// A verdict has been recorded: its messages are added until its response is there.
    func beginRow(_ row: AuditVerdict, of exchange: RequestID, verdict: Int64) {
        verdictChain?.pending = VerdictRecord.Pending(exchange: exchange, verdict: verdict, row: row)
    }

    func add(proof: [UInt8], of exchange: RequestID) {
        if verdictChain?.pending?.exchange == exchange { verdictChain?.pending?.row.proof = proof }
    }

    /// Adds a signed message to the verdict that it is about, if that is the last one. With its response, the row is in the chain.
    package func add(_ frame: [UInt8], _ message: Message, to server: Identifier) throws(Failure) {
        guard verdictChain?.pending?.exchange == RequestID(server: server, token: message.token) else { return }
        if case .data(let id, let data) = message.body {
            switch DataID(id) {
            case .observationEvidence: verdictChain?.pending?.row.evidenceFrame = frame
            case .observationProof:
                verdictChain?.pending?.row.proofFrame = frame
                if verdictChain?.pending?.row.proof == data.bytes { verdictChain?.pending?.row.proof = nil }
            case .identifySeconds, .identification, .identificationResponse, .auditHead, .updateHTTPStatus,
                .updateHTTPContents, nil:
                break
            }
        }
        guard message.tellsVerdict else { return }
        verdictChain?.pending?.row.response = frame
        try finishRow()
    }

    /// Puts the last verdict's row into the chain, if it is not there yet.
    func finishRow() throws(Failure) {
        guard let record = verdictChain, let pending = record.pending else { return }
        let (row, link) = (pending.row, record.link.next(pending.row.content))
        func blob(_ bytes: [UInt8]?) -> Database.Value { bytes.map { .blob($0) } ?? .null }
        try Journal.attempt {
            try database.run(
                """
                INSERT INTO audit (verdict, number, request, seal, response, evidence_frame, proof_frame, proof, digest)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                .integer(pending.verdict), .integer(link.number), blob(row.request?.frame), blob(row.request?.seal),
                blob(row.response), blob(row.evidenceFrame), blob(row.proofFrame), blob(row.proof), .blob(link.digest))
        }
        verdictChain?.pending = nil
        verdictChain?.link = link
    }

    // MARK: - Heads

    /// Signs the end of the chain, unless that is done.
    /// - Throws: `Failure`, and `IdentityKey.SigningError`.
    /// - Returns: the signed end; nil: there is no chain.
    @discardableResult
    func signHead(by key: IdentityKey, at seconds: Int64) throws -> AuditHead? {
        try finishRow()
        guard let record = verdictChain, record.needsHead else { return verdictChain?.head }
        let head = try AuditHead(
            identity: record.identity, chain: record.chain, link: record.link, time: seconds, anchor: record.anchor,
            keys: AuditKey.digest(of: record.keys)
        ).signed(by: key)
        try change { database in
            try database.run("INSERT INTO audit_heads (head) VALUES (?)", .text(head.json))
            try database.run(
                "DELETE FROM audit_heads WHERE id <= ?", .integer(database.lastRow - VerdictRecord.keptHeads))
        }
        verdictChain?.head = head
        return head
    }

    // MARK: - Reading

    static func anchor(_ database: Database) throws(DatabaseError) -> AuditLink? {
        let text = try database.rows("SELECT value FROM meta WHERE name = ?", .text(anchorName)).first?.text(0)
        let words = (text ?? "").split(separator: " ")
        guard words.count == 2, let number = Int64(words[0]), let digest = bytes(hexadecimal: words[1].utf8) else {
            return nil
        }
        return AuditLink(number: number, digest: digest)
    }

    static func lastLink(_ database: Database) throws(DatabaseError) -> AuditLink? {
        try database.rows("SELECT number, digest FROM audit ORDER BY verdict DESC LIMIT 1").first
            .map { AuditLink(number: $0.integer(0), digest: $0.blob(1)) }
    }

    static func auditKeys(_ database: Database) throws(DatabaseError) -> [AuditKey] {
        try database.rows("SELECT key, since, until FROM audit_keys ORDER BY id").map {
            AuditKey(der: $0.blob(0), since: $0.integer(1), until: $0.isNull(2) ? nil : $0.integer(2))
        }
    }

    /// The newest heads, the oldest of them first.
    static func heads(_ database: Database, limit: Int64) throws(DatabaseError) -> [AuditHead] {
        try database.rows("SELECT head FROM audit_heads ORDER BY id DESC LIMIT ?", .integer(limit)).reversed()
            .compactMap { AuditHead(json: Array(($0.text(0) ?? "").utf8)) }
    }
}
