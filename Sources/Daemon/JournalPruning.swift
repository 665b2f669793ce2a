import Auditing
import BootTime
import Observing
import SQLite
import SRUP

// Which verdicts are kept no longer (docs/audit.md, "Retention").
extension Journal {
    /// What pruning reads and deletes. Each is bounded by a range of keys.
    enum PruneStatement: String, CaseIterable {
        // One by one: both in one query would be a scan of the table.
        case range = "SELECT (SELECT min(id) FROM verdicts), (SELECT max(id) FROM verdicts)"
        case times = "SELECT id, decided FROM verdicts WHERE id <= ? ORDER BY id"
        case anchor = "SELECT number, digest FROM audit WHERE verdict <= ? ORDER BY verdict DESC LIMIT 1"
        case verdicts = "DELETE FROM verdicts WHERE id <= ?"
        case rows = "DELETE FROM audit WHERE verdict <= ?"
    }

    /// Deletes verdicts that are kept no longer, the oldest first. The last one's place in the chain is kept, as the anchor. Not those of
    /// the last hour, nor those whose answer no broker has acknowledged. Sign a head in the same transaction: an anchor that none has
    /// is taken for the work of someone else.
    /// - Parameters:
    ///   - seconds: the wall clock, since 1970.
    ///   - now: the boot clock.
    ///   - most: how many are deleted at most.
    func prune(at seconds: Int64, now: Instant, atMost most: Int64) throws(Failure) {
        guard let retention = verdictChain?.retention else { return }
        try finishRow()
        try change { database in
            let range = try database.rows(PruneStatement.range.rawValue).first
            guard let range, !range.isNull(0) else { return }
            let (first, last) = (range.integer(0), range.integer(1))
            guard let settled = try lastSettled(last, now, database), now >= heldUntil else { return }
            let bound = min(settled, first + most - 1)
            var end = min(last - retention.verdicts, bound)
            if let oldest = retention.oldest(at: seconds) {
                let ids = try database.rows(PruneStatement.times.rawValue, .integer(bound))
                end = max(end, ids.prefix { $0.integer(1) < oldest }.last?.integer(0) ?? 0)
            }
            guard end >= first else { return }
            let anchor = try database.rows(PruneStatement.anchor.rawValue, .integer(end)).first
                .map { AuditLink(number: $0.integer(0), digest: $0.blob(1)) }
            try database.run(PruneStatement.verdicts.rawValue, .integer(end))
            try database.run(PruneStatement.rows.rawValue, .integer(end))
            guard let anchor else { return }
            verdictChain?.anchor = anchor
            try database.run(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", .text(Journal.anchorName),
                .text("\(anchor.number) \(hexadecimal(anchor.digest))"))
        }
    }

    /// The last verdict that is an hour old at least and before all that no broker has acknowledged; nil: there is none.
    private func lastSettled(_ last: Int64, _ now: Instant, _ database: Database) throws(DatabaseError) -> Int64? {
        // One a minute at most: what is not noted counts as younger.
        if ages.last.map({ now - $0.at >= .seconds(60) }) ?? true { ages.append((now, last)) }
        while ages.count > 1, now - ages[1].at >= VerdictRecord.youngest { ages.removeFirst() }
        guard let aged = ages.first, now - aged.at >= VerdictRecord.youngest else { return nil }
        let waiting = try database.rows("SELECT min(verdict) FROM outbox WHERE acknowledged IS NULL").first
            .flatMap { $0.isNull(0) ? nil : $0.integer(0) }
        // Not the newest one either: its id would be given again.
        return min(aged.last, (waiting ?? .max) - 1, last - 1)
    }

    /// Somebody reads the record part by part: nothing is deleted meanwhile.
    func holdPruning(from now: Instant) { heldUntil = now + VerdictRecord.exportHold }
}
