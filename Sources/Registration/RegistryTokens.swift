import Keys
import SQLite
import SRUP

/// What the holder of a token may do.
public enum RegistryRole: String, CaseIterable, Equatable, Sendable {
    /// Register an identity.
    case enrol
    /// Read keys and types.
    case read
    /// Read keys and types, and deregister any device: for a C2 server.
    case c2
}

/// Tokens: 160 random bits that are shown once. The file contains only their SHA-256, so reading it reveals no token, and neither does the
/// time of a look-up.
extension RegistryStore {
    /// Creates a token.
    /// - Parameters:
    ///   - type: the only type that it enrols; nil: any.
    ///   - uses: how often it may be used; nil: without limit.
    ///   - label: the operator's description.
    ///   - place: name and place of the node that it enrols.
    ///   - identity: it gives this identity a new key; nil: it registers new identities.
    func makeToken(
        _ role: RegistryRole, type: String? = nil, uses: Int64? = nil, label: String? = nil,
        place: NodePlace = NodePlace(), until end: Int64, at now: Int64, for identity: Identifier? = nil
    ) throws(DatabaseError) -> String {
        let token = "\(role.rawValue)-\(hexadecimal(randomBytes(20)))"
        try database.run(
            "INSERT INTO tokens (hash, role, type, uses, expires, made, label, identity, name, site, position)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            .blob(sha256(Array(token.utf8))), .text(role.rawValue), type.map { .text($0) } ?? .null,
            uses.map { .integer($0) } ?? .null, .integer(end), .integer(now), label.map { .text($0) } ?? .null,
            identity.map { .unsigned($0.number) } ?? .null, .optional(place.name), .optional(place.site),
            .optional(place.position))
        return token
    }

    /// An enrolment token, whether or not it is still valid.
    func token(_ token: String) throws(DatabaseError) -> RegistryToken? {
        try database.rows(
            "SELECT hash, role, type, uses, expires, made, label, used, identity, name, site, position FROM tokens"
                + " WHERE hash = ?", .blob(sha256(Array(token.utf8)))
        ).first.flatMap { RegistryToken($0) }
    }

    /// Uses an enrolment token once; false if it is not valid for this type. Inside the transaction of the registration.
    /// - Parameter identity: which gets a new key; nil: a new identity is registered.
    func useToken(
        _ token: String, type: String, for identity: Identifier? = nil, at now: Int64
    ) throws(DatabaseError) -> Bool {
        try database.run(
            "UPDATE tokens SET uses = uses - 1, used = used + 1 WHERE hash = ? AND role = ? AND expires > ?"
                + " AND (uses IS NULL OR uses > 0) AND (type IS NULL OR type = ?) AND identity IS ?",
            .blob(sha256(Array(token.utf8))), .text(RegistryRole.enrol.rawValue), .integer(now), .text(type),
            identity.map { .unsigned($0.number) } ?? .null)
        return database.changes == 1
    }

    /// The role of a token that is not an enrolment token.
    func role(of token: String, at now: Int64) throws(DatabaseError) -> RegistryRole? {
        try database.rows(
            "SELECT role FROM tokens WHERE hash = ? AND role <> ? AND expires > ?",
            .blob(sha256(Array(token.utf8))), .text(RegistryRole.enrol.rawValue), .integer(now)
        ).first?.text(0).flatMap(RegistryRole.init)
    }

    /// All stored tokens, the newest first.
    func tokens() throws(DatabaseError) -> [RegistryToken] {
        try database.rows(
            "SELECT hash, role, type, uses, expires, made, label, used, identity, name, site, position FROM tokens"
                + " ORDER BY made DESC, hash"
        ).compactMap { RegistryToken($0) }
    }

    /// Withdraws the token whose number begins with this text, if there is exactly one.
    /// - Returns: the matching tokens; if there are several, none is withdrawn.
    func withdraw(_ number: String) throws -> [RegistryToken] {
        try transaction {
            let found = try tokens().filter { $0.hash.hasPrefix(number) }
            if found.count == 1, let hash = bytes(hexadecimal: found[0].hash.utf8) {
                try database.run("DELETE FROM tokens WHERE hash = ?", .blob(hash))
            }
            return found
        }
    }
}

/// A token as the registry stores it: without the token itself.
public struct RegistryToken: Equatable, Sendable {
    /// SHA-256 of it, in hexadecimal.
    let hash: String
    /// What its holder may do.
    public let role: RegistryRole
    /// The only type that it enrols; nil: any.
    public let type: String?
    /// The identity that it gives a new key; nil: it registers new identities.
    public let identity: Identifier?
    /// How often it may still be used; nil: without limit.
    public let usesLeft: Int64?
    /// How often it has been used to register.
    public let used: Int64
    /// When it was created, and when it expires: seconds since 1970.
    public let made: Int64, expires: Int64
    /// The operator's description.
    public let label: String?
    /// Name and place of the node that it enrols.
    public let place: NodePlace

    /// SHA-256 of it.
    var hashBytes: [UInt8] { bytes(hexadecimal: hash.utf8) ?? [] }

    /// Its number in lists: the beginning of its hash, which reveals nothing about the token.
    public var number: String { String(hash.prefix(8)) }

    init?(_ row: Database.Row) {
        guard let role = row.text(1).flatMap(RegistryRole.init) else { return nil }
        (hash, self.role, type) = (hexadecimal(row.blob(0)), role, row.text(2))
        usesLeft = row.isNull(3) ? nil : row.integer(3)
        (expires, made, label, used) = (row.integer(4), row.integer(5), row.text(6), row.integer(7))
        identity = row.isNull(8) ? nil : Identifier(row.unsigned(8))
        place = NodePlace(name: row.text(9), site: row.text(10), position: row.text(11))
    }
}
