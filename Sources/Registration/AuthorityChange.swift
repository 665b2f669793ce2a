import Bench
import Files
import Keys
import OperatorText
import SRUP

// Replacing the registry's CA while nodes are connected: begin, switch, finish (docs/operations.md, "Changing the broker's CA"). Each is
// one transaction: if it is killed, the database has changed completely or not at all. Files that were written before are written again
// with the next list.
extension Registry {
    /// Makes a second CA. From now on nodes and the broker get both certificates; the first one signs, as before.
    /// - Parameter bits: of its key; at least 3,072.
    /// - Throws: `OperatorError`.
    public func beginAuthority(bits: Int, days: Int64 = 3_650) throws {
        let present = try authorities()
        guard present.members.count == 1 else { throw Registry.isUnderWay }
        let number = try store.nextAuthorityNumber()
        let file = folder.authorityKey(number)
        let key = try IdentityKey.make(bits: max(3_072, bits))
        let isEncrypted = (try? IdentityKey(pemFile: folder.authorityKey(present.signing.number))) == nil
        let now = clock.seconds()
        // Its name differs from the first one's: programs look for CAs by their names.
        let made = try CertificateAuthority.make(
            key: key, named: "SRUP registration \(own.identity.topicForm) \(number)",
            from: now - RegistryPolicy.clockDifference, until: now + days * RegistryPolicy.day)
        try store.transaction {
            guard try store.authorities() == present.stored else { throw Registry.isUnderWay }
            // Of a run that was killed: no certificate was made with it. In here, so that two runs do not take each other's.
            do throws(FileError) { try File.destroy(file) } catch { throw unwritable(file, error) }
            try key.write(pemFile: file, passphrase: isEncrypted ? passphrase : nil)
            try store.addAuthority(number, made.certificate, .next)
            knownAuthorities = nil
            try writeRevocations()
        }
        note("made CA \(number); CA \(present.signing.number) signs until: srup-bench registry ca switch")
    }

    /// The second CA signs from now on, and the registry's own certificates are renewed with it. The first one stays trusted.
    /// - Parameter isForced: even if some nodes have not got its certificate: they lose the broker and the registry.
    /// - Returns: the certificates that were renewed.
    /// - Throws: `OperatorError`.
    public func switchAuthority(isForced: Bool) throws -> [String] {
        let made = try store.transaction {
            let present = try authorities()
            guard let next = present.next else {
                throw OperatorFault(
                    present.old == nil ? "no new CA has been made" : "the new CA signs already",
                    hint: present.old == nil
                        ? "make it: srup-bench registry ca begin" : "go on: srup-bench registry ca finish")
            }
            let without = try store.holders(at: clock.seconds()).filter { $0.newest < next.number }
            guard isForced || without.isEmpty else {
                throw OperatorFault(
                    Registry.text(without, "not got the new CA's certificate yet"),
                    hint: "renew there: srup-beacon renew; or continue without them, and they lose the broker: --force")
            }
            try store.setAuthority(present.signing.number, .old)
            try store.setAuthority(next.number, .signing)
            knownAuthorities = nil
            let made = try certifyServers(by: next.authority)
            try writeRevocations()
            return made
        }
        note("CA \(try authorities().signing.number) signs from now on")
        return made
    }

    /// Ends the first CA: it is not trusted any longer, and its key is destroyed.
    /// - Parameter isForced: even if some nodes still have a certificate of it.
    /// - Throws: `OperatorError`.
    public func finishAuthority(isForced: Bool) throws {
        let ended = try store.transaction {
            let present = try authorities()
            guard let old = present.old else {
                // A run that was killed before it destroyed the key.
                if present.next == nil, let left = try endedKey() { return left }
                throw OperatorFault(
                    present.next == nil ? "no change of the CA is under way" : "the old CA still signs",
                    hint: present.next == nil
                        ? "begin one: srup-bench registry ca begin" : "go on: srup-bench registry ca switch")
            }
            let holders = try store.holders(at: clock.seconds()).filter { $0.authority <= old.number }
            guard isForced || holders.isEmpty else {
                throw OperatorFault(
                    Registry.text(holders, "no certificate of the new CA yet"),
                    hint: "renew there: srup-beacon renew; or end the old CA without them: --force")
            }
            try store.setAuthority(old.number, .ended)
            knownAuthorities = nil
            try writeRevocations()
            return old.number
        }
        let file = folder.authorityKey(ended)
        do throws(FileError) { try File.destroy(file) } catch { throw unwritable(file, error) }
        note("ended CA \(ended); its key is destroyed")
    }

    /// The number of a CA that has ended and whose key is still there.
    private func endedKey() throws -> Int64? {
        try store.endedAuthorities().last { RegistryFolder.exists(folder.authorityKey($0)) }
    }

    /// How far a change of the CA is: a line for each CA and each node, and what comes next.
    /// - Throws: `OperatorError`.
    public func authorityStatus() throws -> [String] {
        let present = try authorities()
        var lines = present.members.map { member in
            let state =
                switch member.state {
                case .signing: "signs"
                case .next: "will sign"
                case .old: "still trusted"
                case .ended: "ended"
                }
            return "CA \(member.number)  \(state)  valid until \(Timestamp(member.certificate.notAfter))"
        }
        let holders = try store.holders(at: clock.seconds())
        for holder in holders {
            let has = holder.newest >= present.newest ? "has" : "has not got"
            lines.append(
                "\(holder.identity.topicForm)  \(has) the certificate of CA \(present.newest)"
                    + "  its own is of CA \(holder.authority), until \(Timestamp(holder.end))")
        }
        if present.next != nil {
            let left = holders.count { $0.newest < present.newest }
            lines.append(
                left == 0
                    ? "next: srup-bench registry ca switch"
                    : "next: srup-beacon renew on \(left) \(left == 1 ? "node" : "nodes")")
        } else if let old = present.old {
            let left = holders.count { $0.authority <= old.number }
            lines.append(
                left == 0
                    ? "next: srup-bench registry ca finish"
                    : "next: srup-beacon renew on \(left) \(left == 1 ? "node" : "nodes")")
        }
        return lines
    }

    private static let isUnderWay = OperatorFault(
        "a change of the CA is under way", hint: "see how far it is: srup-bench registry ca status")

    /// `3 nodes have WHAT: a, b, c`, or the first of many.
    private static func text(_ holders: [RegistryStore.Holder], _ what: String) -> String {
        let names = holders.prefix(8).map(\.identity.topicForm).joined(separator: ", ")
        return "\(holders.count) \(holders.count == 1 ? "node has" : "nodes have") \(what): \(names)"
            + (holders.count > 8 ? ", ..." : "")
    }

    private func unwritable(_ file: String, _ error: FileError) -> OperatorFault {
        OperatorFault(
            "\(file) cannot be destroyed: \(error)", hint: "see what it is: ls -l \(file); then run this again")
    }
}
