import Bench
import Keys
import SQLite
import SRUP

/// The registry's stored state, in SQLite. Several processes may have the file open: the service, and subcommands. To be used on one
/// thread.
final class RegistryStore {
    let database: Database

    /// Opens the file; SQLite creates it if it does not exist.
    /// - Throws: `DatabaseError`, `OperatorFault`.
    init(path: String) throws {
        database = try Database(path: path)
        try database.script("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        try RegistrySchema.migrate(database)
    }

    /// Runs `body` in a transaction that excludes other writers.
    func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        try database.script("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try database.script("COMMIT")
            return result
        } catch {
            try? database.script("ROLLBACK")
            throw error
        }
    }

    // MARK: Settings

    /// The names in the table meta.
    enum Setting: String {
        case identity, c2, broker, host
        case revocationFile = "crl"
        /// The number of the last revocation list.
        case revocationNumber = "revocations"
        /// When the last revocation list expires: seconds since 1970.
        case revocationEnd = "revocations_until"
    }

    func setting(_ what: Setting) throws(DatabaseError) -> String? {
        try database.rows("SELECT value FROM meta WHERE name = ?", .text(what.rawValue)).first?.text(0)
    }

    func set(_ what: Setting, _ value: String) throws(DatabaseError) {
        try database.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", .text(what.rawValue), .text(value))
    }

    // MARK: Identities

    func entry(_ identity: Identifier) throws(DatabaseError) -> RegistryEntry? {
        try entries("WHERE id = ?", .unsigned(identity.number)).first
    }

    func identity(withKeyHash hash: [UInt8]) throws(DatabaseError) -> Identifier? {
        try database.rows("SELECT id FROM identities WHERE key_hash = ?", .blob(hash)).first
            .map { Identifier($0.unsigned(0)) }
    }

    /// All, the newest first.
    func entries() throws(DatabaseError) -> [RegistryEntry] { try entries("ORDER BY registered DESC, id") }

    private func entries(_ clause: String, _ value: Database.Value? = nil) throws(DatabaseError) -> [RegistryEntry] {
        let query =
            "SELECT id, key, type, registered, validated, revoked, (SELECT MAX(not_after) FROM certificates"
            + " WHERE identity = id AND certificates.revoked IS NULL), rekeyed, name, site, position, token, token_label"
            + " FROM identities \(clause)"
        let rows = if let value { try database.rows(query, value) } else { try database.rows(query) }
        return rows.map { RegistryEntry($0) }
    }

    func add(_ identity: Identifier, key: [UInt8], type: String, at now: Int64) throws(DatabaseError) {
        try database.run(
            "INSERT INTO identities (id, key, key_hash, type, registered) VALUES (?, ?, ?, ?, ?)",
            .unsigned(identity.number), .blob(key), .blob(sha256(key)), .text(type), .integer(now))
    }

    /// Records that the identity has proven its key; the first time is kept.
    func setValidated(_ identity: Identifier, at now: Int64) throws(DatabaseError) {
        try database.run(
            "UPDATE identities SET validated = ? WHERE id = ? AND validated IS NULL", .integer(now),
            .unsigned(identity.number))
    }

    /// Removes identities that have not proven their key in time, and certificates and tokens that have expired. An identity that had
    /// another key before is not removed: it would be free for others.
    func forget(waitingSince: Int64, overSince: Int64) throws(DatabaseError) {
        try database.run(
            "DELETE FROM identities WHERE validated IS NULL AND revoked IS NULL AND registered < ? AND rekeyed IS NULL"
                + " AND id NOT IN (SELECT identity FROM former_keys)",
            .integer(waitingSince))
        try database.run("DELETE FROM certificates WHERE not_after < ?", .integer(overSince))
        try database.run("DELETE FROM tokens WHERE expires < ?", .integer(overSince))
    }

    func counts() throws(DatabaseError) -> (waiting: Int64, all: Int64) {
        let row = try database.rows(
            "SELECT COUNT(*) FILTER (WHERE validated IS NULL AND revoked IS NULL), COUNT(*) FROM identities"
        ).first
        return (row?.integer(0) ?? 0, row?.integer(1) ?? 0)
    }

    /// Marks the identity and its certificates as revoked; false if there is no such identity.
    func revoke(_ identity: Identifier, at now: Int64) throws(DatabaseError) -> Bool {
        for (table, column) in [("certificates", "identity"), ("identities", "id")] {
            try database.run(
                "UPDATE \(table) SET revoked = ? WHERE \(column) = ? AND revoked IS NULL", .integer(now),
                .unsigned(identity.number))
        }
        return try entry(identity) != nil
    }

    // MARK: Certificates

    func add(
        _ certificate: Certificate, keyHash: [UInt8], of identity: Identifier, at now: Int64, by authority: Int64,
        newest: Int64
    ) throws(DatabaseError) {
        try database.run(
            "INSERT INTO certificates (serial, identity, key_hash, fingerprint, issued, not_after, authority, newest)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            .blob(certificate.serial), .unsigned(identity.number), .blob(keyHash), .blob(sha256(certificate.der)),
            .integer(now), .integer(certificate.notAfter), .integer(authority), .integer(newest))
    }

    /// Whether another identity has or had a certificate for this key.
    /// - Parameter identity: nil: any identity at all.
    func isCertified(
        keyHash: [UInt8], forOthersThan identity: Identifier? = nil
    ) throws(DatabaseError) -> Bool {
        try !database.rows(
            "SELECT 1 FROM certificates WHERE key_hash = ? AND identity IS NOT ? LIMIT 1", .blob(keyHash),
            identity.map { .unsigned($0.number) } ?? .null
        ).isEmpty
    }

    /// The times when the identity's certificates since then were issued, the oldest first.
    func issues(of identity: Identifier, since time: Int64) throws(DatabaseError) -> [Int64] {
        try database.rows(
            "SELECT issued FROM certificates WHERE identity = ? AND issued > ? ORDER BY issued",
            .unsigned(identity.number), .integer(time)
        ).map { $0.integer(0) }
    }

    /// The entries of a CA's new revocation list.
    func revocations(of authority: Int64) throws(DatabaseError) -> [CertificateAuthority.Revocation] {
        try database.rows(
            "SELECT serial, revoked FROM certificates WHERE revoked IS NOT NULL AND authority = ? ORDER BY serial",
            .integer(authority)
        )
        .map { CertificateAuthority.Revocation(serial: $0.blob(0), time: $0.integer(1)) }
    }
}

/// A registered identity.
public struct RegistryEntry: Equatable, Sendable {
    /// The identity itself.
    public let identity: Identifier
    /// Its public key, DER (SPKI).
    public let key: [UInt8]
    /// Its type, as given at registration.
    public let type: String
    /// When it registered, proved its key, and was revoked: seconds since 1970.
    public let registered: Int64, validated: Int64?, revoked: Int64?
    /// The end of its latest certificate's validity.
    public let certifiedUntil: Int64?
    /// Since when it waits for a new key: the one that it has is not valid.
    public let rekeyed: Int64?
    /// What it is called, and where it is.
    public let place: NodePlace
    /// The number and the label of the token that enrolled it; nil: none, or it was enrolled by an earlier version.
    public let token: Token?

    /// A token, as `registry tokens` lists it.
    public struct Token: Equatable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public let number: String, label: String?
    }

    init(_ row: Database.Row) {
        identity = Identifier(row.unsigned(0))
        (key, type, registered) = (row.blob(1), row.text(2) ?? "", row.integer(3))
        func time(_ column: Int) -> Int64? { row.isNull(column) ? nil : row.integer(column) }
        (validated, revoked, certifiedUntil, rekeyed) = (time(4), time(5), time(6), time(7))
        place = NodePlace(name: row.text(8), site: row.text(9), position: row.text(10))
        token = row.isNull(11) ? nil : Token(number: String(hexadecimal(row.blob(11)).prefix(8)), label: row.text(12))
    }

    /// Whether its key and certificates are valid.
    var isValid: Bool { validated != nil && revoked == nil && rekeyed == nil }
}
