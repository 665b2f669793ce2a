import Bench
import Keys
import OperatorText
import SQLite
import SRUP

// Revocation, and the periodic maintenance of the service.
extension Registry {
    /// Revokes an identity and all its certificates, and writes the revocation list, in one transaction. The identity is never assigned
    /// again.
    /// - Returns: false if the identity is not registered.
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

    /// Revokes an identity by the operator's order.
    /// - Throws: `OperatorError`.
    public func end(_ identity: Identifier) throws {
        guard try revoke(identity) else {
            throw OperatorFault(
                "\(identity.topicForm) is not registered",
                hint: "list the registered identities: srup-bench registry list")
        }
    }

    /// To be called at the start and every hour: removes expired entries, and renews the revocation list in time.
    /// - Throws: `OperatorError`.
    public func maintain() throws {
        let now = clock.seconds()
        try store.transaction {
            try store.forget(waitingSince: now - policy.validationTime, overSince: now - RegistryPolicy.day)
            try writeRevocations()
        }
    }

    /// Inside a transaction, so that a list is never replaced by an older one, also not by another process.
    private func writeRevocations() throws {
        let now = clock.seconds()
        let number = (Int64(try store.setting(.revocationNumber) ?? "0") ?? 0) + 1
        try store.set(.revocationNumber, String(number))
        let list = try authority.revocationList(
            of: try store.revocations(), number: number, from: now - RegistryPolicy.clockDifference,
            until: now + policy.revocationListDays * RegistryPolicy.day)
        try replacePublicFile(own.revocationFile, with: list)
    }
}
