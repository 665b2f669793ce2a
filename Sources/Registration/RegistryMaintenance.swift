import Bench
import Files
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

    /// To be called at the start and every hour: removes expired entries, and renews the revocation list long before it expires.
    /// - Parameter writesList: whether a new list is written even if the old one is not due.
    /// - Throws: `OperatorError`.
    public func maintain(writesList: Bool = false) throws {
        let now = clock.seconds()
        try store.transaction {
            try store.forget(waitingSince: now - policy.validationTime, overSince: now - RegistryPolicy.day)
            if try writesList || isListDue(at: now) { try writeRevocations() }
        }
    }

    private func isListDue(at now: Int64) throws -> Bool {
        guard let end = try list()?.end, RegistryFolder.exists(own.revocationFile) else { return true }
        return now >= end - (policy.revocationListDays - policy.revocationListAge) * RegistryPolicy.day
    }

    /// The last revocation list that was written, by this process or by another one.
    /// - Throws: `OperatorError`.
    public func list() throws -> RegistryList? {
        guard let number = try store.setting(.revocationNumber).flatMap({ Int64($0) }),
            let end = try store.setting(.revocationEnd).flatMap({ Int64($0) })
        else { return nil }
        return RegistryList(file: own.revocationFile, number: number, end: end)
    }

    /// The lists of all CAs that are trusted, in one file. Inside a transaction, so that a list is never replaced by an older one, also not
    /// by another process.
    func writeRevocations() throws {
        let now = clock.seconds()
        let number = (Int64(try store.setting(.revocationNumber) ?? "0") ?? 0) + 1
        try store.set(.revocationNumber, String(number))
        let end = now + policy.revocationListDays * RegistryPolicy.day
        try store.set(.revocationEnd, String(end))
        let present = try authorities()
        let lists = try present.members.flatMap { member in
            try member.authority.revocationList(
                of: try store.revocations(of: member.number), number: number,
                from: now - RegistryPolicy.clockDifference, until: end)
        }
        try replacePublicFile(own.revocationFile, with: lists)
        // The list of a CA is of no use to a broker that does not know the CA.
        if (try? File.read(folder.authority)) != present.pem {
            try replacePublicFile(folder.authority, with: present.pem)
        }
    }
}

/// A revocation list on disk.
public struct RegistryList: Equatable, Sendable {
    /// Its path.
    public let file: String
    /// Rises with each list.
    public let number: Int64
    /// When it expires: seconds since 1970.
    public let end: Int64
}
