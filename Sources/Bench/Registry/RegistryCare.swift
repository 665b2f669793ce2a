import Keys
import SQLite
import SRUP

// What the operator does beside the service, and what the service does by itself.
extension Registry {
    /// Ends an identity and all its certificates, and writes the revocation list, all in one: false where nobody has that
    /// identity. It is nobody's again.
    @discardableResult
    func revoke(_ identity: Identifier) throws -> Bool {
        guard try store.entry(identity) != nil else { return false }
        try store.transaction {
            _ = try store.revoke(identity, at: clock.seconds())
            try writeRevocations()
        }
        note("revoked \(identity.topicForm)")
        return true
    }

    /// The operator's order to end an identity.
    /// - Throws: `OperatorFault`.
    public func end(_ identity: Identifier) throws(OperatorFault) {
        let isKnown = try asOperatorFault { try revoke(identity) }
        guard isKnown else {
            throw OperatorFault(
                "nobody is registered as \(identity.topicForm)", hint: "see who is: srup-bench registry list")
        }
    }

    /// To be done at the start and each hour: forgets what is over, and renews the revocation list in good time.
    /// - Throws: `OperatorFault`.
    public func care() throws(OperatorFault) {
        let now = clock.seconds()
        try asOperatorFault {
            try store.transaction {
                try store.forget(waitingSince: now - policy.validationTime, overSince: now - RegistryPolicy.day)
                try writeRevocations()
            }
        }
    }

    /// Inside a transaction: a list is never replaced by an older one, also not by another process's.
    private func writeRevocations() throws {
        let now = clock.seconds()
        let number = (Int64(try store.setting("revocations") ?? "0") ?? 0) + 1
        try store.set("revocations", String(number))
        let list = try authority.revocationList(
            of: try store.revocations(), number: number, from: now - RegistryPolicy.clockDifference,
            until: now + policy.revocationListDays * RegistryPolicy.day)
        try replacePublicFile(standing.revocationFile, with: list)
    }
}

/// What the operator does without the CA's key.
public struct RegistryDesk {
    private let store: RegistryStore
    private let clock: RegistryClock

    /// The desk of a registry that has been made.
    /// - Throws: `OperatorFault`.
    public init(_ folder: RegistryFolder, clock: RegistryClock = .system) throws(OperatorFault) {
        store = try asOperatorFault { try RegistryStore(path: folder.database) }
        self.clock = clock
    }

    /// A new token, which is shown this once.
    /// - Parameters:
    ///   - type: for `enrol`: only this type.
    ///   - uses: for `enrol`: how often; nil: as often as wanted.
    /// - Throws: `OperatorFault`.
    public func token(
        _ role: RegistryRole, type: String? = nil, uses: Int64? = nil, hours: Int64
    ) throws(OperatorFault) -> String {
        let now = clock.seconds()
        return try asOperatorFault {
            try store.makeToken(role, type: type, uses: uses, until: now + hours * 3_600, at: now)
        }
    }

    /// Everybody who is or was registered, the newest first.
    /// - Throws: `OperatorFault`.
    public func entries() throws(OperatorFault) -> [RegistryEntry] { try asOperatorFault { try store.entries() } }
}
