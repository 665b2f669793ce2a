import Keys
import SQLite
import SRUP

/// What the bearer of a token may do.
public enum RegistryRole: String, Equatable, Sendable {
    /// Register an identity.
    case enrol
    /// Read keys and types.
    case read
    /// Read keys and types, and deregister any device: for a C2 server.
    case c2
}

/// Tokens: 160 random bits that are shown once. The file has their SHA-256 only, so who reads it has none, and how long a
/// look-up takes tells nothing of a token.
extension RegistryStore {
    /// Makes a token.
    /// - Parameters:
    ///   - type: enrols only this type.
    ///   - uses: how often it may be used; nil: as often as wanted.
    func makeToken(
        _ role: RegistryRole, type: String? = nil, uses: Int64? = nil, until end: Int64, at now: Int64
    ) throws(DatabaseError) -> String {
        let token = "\(role.rawValue)-\(hexadecimal(randomBytes(20)))"
        try database.run(
            "INSERT INTO tokens (hash, role, type, uses, expires, made) VALUES (?, ?, ?, ?, ?, ?)",
            .blob(sha256(Array(token.utf8))), .text(role.rawValue), type.map { .text($0) } ?? .null,
            uses.map { .integer($0) } ?? .null, .integer(end), .integer(now))
        return token
    }

    /// Takes one use of an enrolment token; false where there is none left for this type. Inside a transaction with what it
    /// is used for.
    func useToken(_ token: String, type: String, at now: Int64) throws(DatabaseError) -> Bool {
        try database.run(
            "UPDATE tokens SET uses = uses - 1 WHERE hash = ? AND role = 'enrol' AND expires > ?"
                + " AND (uses IS NULL OR uses > 0) AND (type IS NULL OR type = ?)",
            .blob(sha256(Array(token.utf8))), .integer(now), .text(type))
        return database.changes == 1
    }

    /// What the bearer of a token that is no enrolment token may do.
    func role(of token: String, at now: Int64) throws(DatabaseError) -> RegistryRole? {
        try database.rows(
            "SELECT role FROM tokens WHERE hash = ? AND role <> 'enrol' AND expires > ?",
            .blob(sha256(Array(token.utf8))), .integer(now)
        ).first?.text(0).flatMap(RegistryRole.init)
    }
}
