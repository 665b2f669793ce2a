import Bench
import Keys
import OperatorText
import SQLite
import SRUP

// A new key for an identity whose machine, and with it the key, is lost (docs/operations.md, "Replacing a machine").
extension Registry {
    /// Ends the key and the certificates of an identity, which then waits for a new key.
    /// - Parameter hours: the validity of the token.
    /// - Returns: a token with which the identity can register a new key once. An earlier one is not valid any longer.
    /// - Throws: `OperatorError`.
    public func rekey(_ identity: Identifier, hours: Int64) throws -> String {
        let now = clock.seconds()
        let token = try store.transaction {
            guard let entry = try store.entry(identity) else {
                throw OperatorFault(
                    "\(identity.topicForm) is not registered",
                    hint: "list the registered identities: srup-bench registry list")
            }
            guard entry.revoked == nil else {
                throw OperatorFault(
                    "\(identity.topicForm) has been revoked, which is permanent",
                    hint: "enrol the machine under a new identity; for a token: srup-bench registry token")
            }
            try store.awaitKey(of: identity, at: now)
            try writeRevocations()
            return try store.makeToken(
                .enrol, type: entry.type, uses: 1, label: "new key of \(identity.topicForm)",
                place: entry.place,
                until: now + hours * 3_600,
                at: now, for: identity)
        }
        note("ended the key and the certificates of \(identity.topicForm): it waits for a new key")
        return token
    }

    /// The identity's new key, which must be proven as a new identity's. Inside a transaction.
    func takeNewKey(_ key: [UInt8], of entry: RegistryEntry, _ body: RegistryBody.Register) throws {
        guard body.type == entry.type else {
            throw RegistryRefusal(400, "the identity is registered with another type")
        }
        let (hash, now) = (sha256(key), clock.seconds())
        guard try store.identity(withKeyHash: hash) == nil, try !store.isCertified(keyHash: hash),
            try !store.isFormer(keyHash: hash)
        else { throw RegistryRefusal(400, "the key is or was used for something else; a new one is needed") }
        guard let token = body.token, token.utf8.count <= 128,
            try store.useToken(token, type: body.type, for: entry.identity, at: now)
        else {
            throw RegistryRefusal(
                403,
                body.token == nil
                    ? "the identity waits for a new key: its token is needed"
                    : "the token is not valid for a new key of this identity")
        }
        try store.replaceKey(of: entry, by: key, at: now)
        try store.setWaiting(entry.identity, at: now)
        try record(entry.identity, body)
    }
}

extension RegistryStore {
    /// The identity's key and certificates end, and so do tokens for a new key that were made before.
    func awaitKey(of identity: Identifier, at now: Int64) throws(DatabaseError) {
        try database.run(
            "UPDATE certificates SET revoked = ? WHERE identity = ? AND revoked IS NULL", .integer(now),
            .unsigned(identity.number))
        try database.run("UPDATE identities SET rekeyed = ? WHERE id = ?", .integer(now), .unsigned(identity.number))
        try database.run("DELETE FROM tokens WHERE identity = ?", .unsigned(identity.number))
    }

    /// The identity has a new key, which it has not proven yet.
    func setWaiting(_ identity: Identifier, at now: Int64) throws(DatabaseError) {
        try database.run(
            "UPDATE identities SET rekeyed = NULL, validated = NULL, registered = ? WHERE id = ?", .integer(now),
            .unsigned(identity.number))
    }
}
