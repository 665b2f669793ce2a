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
    public func maintain() throws(OperatorFault) {
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
        try replacePublicFile(own.revocationFile, with: list)
    }
}
