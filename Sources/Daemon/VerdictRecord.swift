import Auditing
import Observing
import SRUP

/// The chain of verdicts as far as it is in memory: its end, and what the next head needs (docs/audit.md). The rows are in the journal.
package struct VerdictRecord {
    /// How long verdicts are kept: as long as both allow.
    package struct Retention: Equatable, Sendable {
        /// How many, the newest ones. More: more disk, in keyed mode about 2,500 bytes each.
        package var verdicts: Int64 = 250_000
        /// In days, by the wall clock; nil: any age.
        package var days: Int?

        /// The default.
        package init() {}

        /// Verdicts from before this moment are deleted, in seconds since 1970.
        func oldest(at seconds: Int64) -> Int64? { days.map { seconds - Int64($0) * 86_400 } }
    }

    /// Verdicts that are deleted with a head at most, where more are kept than may be: more would keep the loop from its work.
    static let prunedAtOnce: Int64 = 2_048
    /// Nothing is deleted before it is as old, by the boot clock: a server that repeats its request gets the same verdict.
    static let youngest = Duration.seconds(3_600)
    /// How long after a request for a part of the record nothing is deleted: an export is of one state.
    static let exportHold = Duration.seconds(60)
    /// Signed heads that are kept.
    static let keptHeads: Int64 = 4_096

    /// Ours.
    let identity: Identifier
    /// The chain's own random number.
    let chain: UInt64
    /// The last row.
    var link: AuditLink
    /// The last one that was pruned.
    var anchor: AuditLink?
    /// Ours, the oldest first; the last one is in use.
    var keys: [AuditKey]
    /// The last one that was signed in this chain.
    var head: AuditHead?
    /// The last row of which the servers were told the head.
    var announced: Int64
    /// The servers must be told the end at once: it is of a new chain, or signed with another key.
    var isUrgent = false
    var retention: Retention
    /// The row whose frames are being signed: it is in the chain with the response, or with the commit.
    var pending: Pending?

    struct Pending {
        let exchange: RequestID
        /// Its id among the verdicts.
        let verdict: Int64
        var row: AuditVerdict
    }

    /// Whether rows have come or were pruned after the last signed head, or there is none.
    var needsHead: Bool { head?.link != link || head?.anchor != anchor }

    /// How many rows the servers have not been told of; at least 1 where a head is due without a new row.
    /// - Parameter hasMembers: there is a server that can be told.
    func untold(hasMembers: Bool) -> Int64 {
        let isDue = (needsHead && link.number > 0) || (isUrgent && hasMembers)
        return max(link.number - announced, isDue ? 1 : 0)
    }
}
