import Auditing
import FoundationEssentials
import OperatorText
import SRUP

// The signed ends of other nodes' records of verdicts (docs/audit.md, "Heads"): compared with what was received before, so that a record
// that was cut or rewritten is noticed at once.
extension C2 {
    /// What is known of a node's record.
    struct Record: Equatable, Sendable {
        /// Chains that are remembered, so that one is recognised when it comes back.
        static let mostChains = 16

        /// The last one that agreed with those before it.
        var head: AuditHead
        /// One that did not, the first; the node's record is not believed any more until the operator forgets the node.
        var contradicting: AuditHead?
        /// The chains so far, the newest last.
        var chains: [UInt64]

        /// How the last head and the contradicting one differ, for the operator; nil: nothing contradicts.
        var fault: String? {
            guard let contradicting else { return nil }
            let (known, new) = (head.link.number, contradicting.link.number)
            let (then, now) = (Timestamp(head.time), Timestamp(contradicting.time))
            guard contradicting.chain == head.chain else {
                return
                    "it went back to an earlier chain, with row \(new) (\(now)) after row \(known) (\(then)): an old copy was put in its place"
            }
            if new < known { return "it was cut: it had \(known) rows (\(then)), and now has \(new) (\(now))" }
            return "it was rewritten: row \(new) is another one (\(now)) than before (\(then))"
        }

        init(_ head: AuditHead) { (self.head, chains) = (head, [head.chain]) }

        /// As it was stored.
        init(_ head: AuditHead, contradicting: AuditHead?, chains: [UInt64]) {
            (self.head, self.contradicting, self.chains) = (head, contradicting, chains)
        }

        /// Takes the next head.
        mutating func take(_ new: AuditHead) {
            guard contradicting == nil else { return }
            if new.chain == head.chain {
                let goesBack = new.link.number < head.link.number
                let differs = new.link.number == head.link.number && new.link != head.link
                if goesBack || differs { contradicting = new } else { head = new }
            } else if chains.contains(new.chain) {
                contradicting = new
            } else {
                chains = chains.suffix(Record.mostChains - 1) + [new.chain]
                head = new
            }
        }
    }

    /// AUDIT_HEAD of a member.
    mutating func take(
        head data: [UInt8], _ message: Message, _ frame: [UInt8], checkedBy keyring: some Keyring
    ) -> [Effect] {
        guard let head = AuditHead(json: data) else {
            return refuse(message, frame, .verdict, "the end of a record, which is not one")
        }
        guard isSigned(head, by: message.sender, keyring) else {
            return refuse(message, frame, .verdict, "the end of a record that \(message.sender) has not signed")
        }
        // A member can sign any number of new chains: each of them costs a line, entries and a write.
        guard let leftOut = rates.line(.data, of: message.sender, at: now) else { return [] }
        let more = leftOut == 0 ? "" : " (\(leftOut) earlier messages of it were not looked at)"
        return accepted(message, frame) + note(head, of: message.sender, more)
    }

    /// The end of the record in an answer to ID_REQUEST.
    mutating func note(
        headIn identification: [UInt8], of node: Identifier, checkedBy keyring: some Keyring
    ) -> [Effect] {
        guard let told = try? JSONDecoder().decode(Identification.self, from: Data(identification)).audit else {
            return []
        }
        guard let head = AuditHead(json: Array(told.json.utf8)), isSigned(head, by: node, keyring) else {
            return [.say("the end of the record of \(node) is not signed by it")]
        }
        return note(head, of: node)
    }

    /// What of an answer to ID_REQUEST is looked at.
    private struct Identification: Decodable { var audit: AuditLine? }

    private func isSigned(_ head: AuditHead, by node: Identifier, _ keyring: some Keyring) -> Bool {
        let holds: Void? = try? keyring.check(head.signature[...], over: [head.signedBytes[...]], of: node)
        return head.identity == node && holds != nil
    }

    /// - Parameter more: the end of what is said.
    private mutating func note(_ head: AuditHead, of node: Identifier, _ more: String = "") -> [Effect] {
        guard let known = records[node] else {
            records[node] = Record(head)
            return []
        }
        var record = known
        record.take(head)
        records[node] = record
        if let fault = record.fault, known.contradicting == nil {
            return [.say("the record of \(node) is contradicted: \(fault)\(more)")]
        }
        guard record.head.chain != known.head.chain else { return [] }
        let last = "row \(known.head.link.number) (\(Timestamp(known.head.time)))"
        return [
            .say(
                "\(node) has begun a new record: its journal was lost or replaced; the last signed row of the old one is \(last)\(more)"
            )
        ]
    }
}
