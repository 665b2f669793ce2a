import Enrolling
import Keys
import SRUP

// Key rotation: a new key for the same identity (our extension; docs/registry.md, "rotate").
extension Registry {
    /// Replaces the key by a new one; the request is signed with both. A repeated request gets the same answer, so that an interrupted
    /// rotation can continue.
    func rotate(_ body: RegistryBody.Rotate) throws -> RegistryReply {
        let identity = try RegistryBody.identity(body.identity)
        let entry = try entry(of: identity)
        guard entry.validated != nil else { throw RegistryRefusal(400, "the identity has not been validated") }
        let newKey = try publicKey(body.key)
        let key = newKey.der
        let statement = Statement.rotate(identity, newKey: newKey).bytes(for: own.service)
        guard newKey.verifiesPSS(try RegistryBody.bytes(body.proof, "proof"), over: statement) else {
            throw RegistryRefusal(400, "the proof is not by the new key")
        }
        if entry.key != key {
            try check(body.signature, over: statement, by: entry)
            try replaceKey(of: entry, by: key)
            note("rotated the key of \(identity.topicForm)")
        }
        return .json(200, ["identity": identity.topicForm])
    }

    private func replaceKey(of entry: RegistryEntry, by key: [UInt8]) throws {
        guard try !isReserved(key) else {
            throw RegistryRefusal(400, "the key is the service's own or the C2 server's")
        }
        let (hash, now) = (sha256(key), clock.seconds())
        try store.transaction {
            // Checked again, in one transaction with the change: another process may have revoked it in the meantime.
            guard let still = try store.entry(entry.identity), still.isValid, still.key == entry.key else {
                throw RegistryRefusal(400, "the identity has been revoked or has another key now")
            }
            guard try store.identity(withKeyHash: hash) == nil, try !store.isCertified(keyHash: hash),
                try !store.isFormer(keyHash: hash)
            else { throw RegistryRefusal(400, "the key is or was used for something else") }
            let rotations = try store.rotations(of: entry.identity, since: now - 3_600)
            guard rotations.count < policy.certificatesAnHour else {
                throw RegistryRefusal(
                    429, "too many new keys for this identity in an hour",
                    retryAfter: Int(max(1, (rotations.first ?? now) + 3_600 - now)))
            }
            try store.replaceKey(of: entry, by: key, at: now)
        }
    }
}

extension RegistryStore {
    /// The old key can never be registered again.
    func replaceKey(of entry: RegistryEntry, by key: [UInt8], at now: Int64) throws {
        try database.run(
            "INSERT INTO former_keys VALUES (?, ?, ?)", .blob(sha256(entry.key)), .unsigned(entry.identity.number),
            .integer(now))
        try database.run(
            "UPDATE identities SET key = ?, key_hash = ? WHERE id = ?", .blob(key), .blob(sha256(key)),
            .unsigned(entry.identity.number))
    }

    /// Whether a key belonged to an identity and was replaced.
    func isFormer(keyHash: [UInt8]) throws -> Bool {
        try !database.rows("SELECT 1 FROM former_keys WHERE key_hash = ?", .blob(keyHash)).isEmpty
    }

    /// The times of the identity's rotations since then, the oldest first.
    func rotations(of identity: Identifier, since time: Int64) throws -> [Int64] {
        try database.rows(
            "SELECT replaced FROM former_keys WHERE identity = ? AND replaced > ? ORDER BY replaced",
            .unsigned(identity.number), .integer(time)
        ).map { $0.integer(0) }
    }
}
