import Enrolling
import Keys
import OperatorText
import SQLite
import SRUP

// Registering a device: status, register, validate (the reference's wire, section 6; the paper's §4.4).
extension Registry {
    func status() -> RegistryReply {
        struct Reply: Encodable {
            let active: Bool
            let identity: String
            let statements: String
        }
        return .json(
            200, Reply(active: policy.isActive, identity: own.identity.topicForm, statements: "named"))
    }

    /// Registers an identity and its key. A repeated request gets the same answer, so that an interrupted enrolment can continue.
    func register(_ body: RegistryBody.Register) throws -> RegistryReply {
        guard policy.isActive else { throw RegistryRefusal(403, "registration is closed") }
        let identity = try RegistryBody.identity(body.identity)
        guard body.type.isPrintable(1...RegistryPolicy.maximumType, spaces: true) else {
            throw RegistryRefusal(400, "the type is not 1 to \(RegistryPolicy.maximumType) printable ASCII characters")
        }
        if let fault = body.place.fault { throw RegistryRefusal(400, fault) }
        let key = try publicKey(body.key).der
        guard !own.isReserved(identity), try !isReserved(key) else {
            throw RegistryRefusal(400, "the identity or the key is the service's own or the C2 server's")
        }
        let isNew = try store.transaction {
            try store.forget(
                waitingSince: clock.seconds() - policy.validationTime, overSince: clock.seconds() - RegistryPolicy.day)
            return try isNewAfterChecks(identity, key, body)
        }
        if isNew { note("registered \(identity.topicForm), type \"\(body.type)\"; it has not proven its key yet") }
        return .json(201, own.registered)
    }

    /// Adds the identity if it is not registered. Inside a transaction.
    private func isNewAfterChecks(
        _ identity: Identifier, _ key: [UInt8], _ body: RegistryBody.Register
    ) throws -> Bool {
        if let known = try store.entry(identity) {
            guard known.revoked == nil else { throw RegistryRefusal(400, "the identity has been revoked") }
            if known.rekeyed != nil {
                try takeNewKey(key, of: known, body)
                return true
            }
            guard known.key == key, known.type == body.type else {
                throw RegistryRefusal(400, "the identity is already registered with another key or type")
            }
            return false
        }
        let hash = sha256(key)
        guard try store.identity(withKeyHash: hash) == nil,
            try !store.isCertified(keyHash: hash, forOthersThan: identity), try !store.isFormer(keyHash: hash)
        else { throw RegistryRefusal(400, "the key belongs or belonged to another identity") }
        let counts = try store.counts()
        guard counts.all < policy.mostIdentities else {
            throw RegistryRefusal(503, "too many identities are registered", retryAfter: Int(policy.validationTime))
        }
        // Those of a mass enrolment prove their keys within seconds.
        guard counts.waiting < policy.mostWaiting else {
            throw RegistryRefusal(503, "too many identities wait for validation", retryAfter: RegistryPolicy.pause)
        }
        if policy.needsToken || body.token != nil {
            guard let token = body.token, token.utf8.count <= 128,
                try store.useToken(token, type: body.type, at: clock.seconds())
            else {
                throw RegistryRefusal(
                    403, body.token == nil ? "an enrolment token is needed" : "the enrolment token is not valid")
            }
        }
        try store.add(identity, key: key, type: body.type, at: clock.seconds())
        try record(identity, body)
        return true
    }

    /// Which token enrolled it, and what it is called: the operator's words, with the token, before its own.
    func record(_ identity: Identifier, _ body: RegistryBody.Register) throws(DatabaseError) {
        let token = try body.token.flatMap { token throws(DatabaseError) in try store.token(token) }
        let place = token.map { $0.place.over(body.place) } ?? body.place
        try store.setOrigin(of: identity, RegistryOrigin(place: place, token: token))
    }

    func publicKey(_ text: String) throws -> PublicKey {
        let bytes = try RegistryBody.bytes(text, "key")
        guard bytes.count <= RegistryPolicy.maximumKey else {
            throw RegistryRefusal(400, "the key has more than 8192 bits")
        }
        do { return try PublicKey(der: bytes) } catch { throw RegistryRefusal(400, "the key: \(error.message)") }
    }

    /// The device proves its private key, and the service proves its own in the reply.
    func validate(_ body: RegistryBody.Validate) throws -> RegistryReply {
        let identity = try RegistryBody.identity(body.identity)
        let entry = try entry(of: identity)
        try check(body.signature, over: try statement(of: body, identity), by: entry)
        if entry.validated == nil {
            try store.setValidated(identity, at: clock.seconds())
            note("validated \(identity.topicForm)")
        }
        struct Reply: Encodable {
            let identity: String
            let signature: String
        }
        let name = own.identity.topicForm
        return .json(
            200, Reply(identity: name, signature: base64(try own.key.pssSignature(over: Array(name.utf8)))))
    }

    /// The statement that a validation signs: it names this service, unless the device is one of the reference.
    private func statement(of body: RegistryBody.Validate, _ identity: Identifier) throws -> [UInt8] {
        guard let named = body.registry else {
            guard !policy.needsNamedStatements else {
                throw RegistryRefusal(400, "the signature is not over a statement that names this registry")
            }
            return Array(body.identity.utf8)
        }
        guard named == own.service.name else { throw RegistryRefusal(400, "the statement names another registry") }
        return Statement.validate(identity).bytes(for: own.service)
    }

    /// A registered identity that is not revoked and was validated in time.
    func entry(of identity: Identifier) throws -> RegistryEntry {
        guard let entry = try store.entry(identity),
            entry.validated != nil || entry.registered >= clock.seconds() - policy.validationTime
        else { throw RegistryRefusal(400, "the identity is not registered") }
        guard entry.revoked == nil else { throw RegistryRefusal(400, "the identity has been revoked") }
        guard entry.rekeyed == nil else { throw RegistryRefusal(400, "the identity waits for a new key") }
        return entry
    }

    /// The only place where a device's signature is checked.
    func check(_ signature: String, over message: [UInt8], by entry: RegistryEntry) throws {
        let signature = try RegistryBody.bytes(signature, "signature")
        guard try PublicKey(storedDER: entry.key).verifiesPSS(signature, over: message) else {
            throw RegistryRefusal(400, "the signature is not by the identity's key")
        }
    }
}
