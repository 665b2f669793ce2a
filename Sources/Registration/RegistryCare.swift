import Bench
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
        let number = (Int64(try store.setting(.revocationNumber) ?? "0") ?? 0) + 1
        try store.set(.revocationNumber, String(number))
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
    ///   - label: words by which it is known in the list: 1 to 64 printable characters.
    /// - Throws: `OperatorFault`.
    public func token(
        _ role: RegistryRole, type: String? = nil, uses: Int64? = nil, label: String? = nil, hours: Int64
    ) throws(OperatorFault) -> String {
        let now = clock.seconds()
        return try asOperatorFault {
            try store.makeToken(role, type: type, uses: uses, label: label, until: now + hours * 3_600, at: now)
        }
    }

    /// All tokens, those that are over for less than a day too, the newest first.
    /// - Throws: `OperatorFault`.
    public func tokens() throws(OperatorFault) -> [RegistryToken] { try asOperatorFault { try store.tokens() } }

    /// Takes a token away: from now on it counts for nothing. Who has registered with it stays registered.
    /// - Parameter number: the beginning of its number, as `tokens` tells it, 4 hexadecimal digits or more.
    /// - Throws: `OperatorFault` where that is no one token's.
    public func withdraw(_ number: String) throws(OperatorFault) -> RegistryToken {
        let hint = "see which there are: srup-bench registry tokens"
        guard (4...64).contains(number.utf8.count), number.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
            throw OperatorFault("a token's number is 4 hexadecimal digits or more, never the token itself", hint: hint)
        }
        let found = try asOperatorFault { try store.withdraw(number) }
        guard let token = found.first else { throw OperatorFault("no token has the number \(number)", hint: hint) }
        guard found.count == 1 else {
            throw OperatorFault("\(found.count) tokens have a number that begins with \(number)", hint: hint)
        }
        return token
    }

    /// Whether a token counts now.
    public func counts(_ token: RegistryToken) -> Bool { token.expires > clock.seconds() && token.usesLeft != 0 }

    /// Everybody who is or was registered, the newest first.
    /// - Throws: `OperatorFault`.
    public func entries() throws(OperatorFault) -> [RegistryEntry] { try asOperatorFault { try store.entries() } }
}
