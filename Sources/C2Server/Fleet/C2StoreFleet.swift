import Bench
import OperatorText
import SQLite
import SRUP

// What is kept of the nodes for the operator. Under the store's lock.
extension C2Store {
    /// What is kept of each node.
    /// - Throws: `OperatorFault` if the file cannot be read.
    func facts() throws(OperatorFault) -> [Identifier: C2Facts] {
        try guarded {
            let rows = try database.rows(
                "SELECT id, heard, name, site, told, told_at, mode, observer, decision, reason, grade, decided, verdict, paused "
                    + "FROM fleet"
            )
            return Dictionary(rows.map { (Identifier($0.unsigned(0)), C2Facts($0)) }) { $1 }
        }
    }

    /// The last decisions, the oldest first, and when joins did not succeed after a time, of the newest entries.
    /// - Throws: `OperatorFault` if the file cannot be read.
    func lastDecisions(_ most: Int, failuresAfter wall: Int64) throws(OperatorFault) -> (
        decisions: [C2Entry], failures: [Int64]
    ) {
        let entries = try read(before: .max, limit: C2Store.mostFailures, matching: Filter(isDecision: true))
        let failed = entries.filter { $0.wallMilliseconds > wall && !$0.message.hasSuffix(": accepted") }
        return (entries.suffix(most), failed.map(\.wallMilliseconds))
    }

    /// Bound on the decisions that are read at the start, to count those of the last hour that did not succeed.
    private static let mostFailures = 2_000

    /// Inside a commit's transaction.
    func write(_ facts: [Identifier: C2Facts]) throws {
        for (node, facts) in facts {
            let join = facts.join
            func text(_ text: String?) -> Database.Value { text.map { .text($0) } ?? .null }
            func number(_ number: Int64?) -> Database.Value { number.map { .integer($0) } ?? .null }
            func truth(_ truth: Bool?) -> Database.Value { number(truth.map { $0 ? 1 : 0 }) }
            try database.run(
                "INSERT OR REPLACE INTO fleet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                .unsigned(node.number),
                number(facts.heard), text(facts.name), text(facts.site), text(facts.told?.json), number(facts.told?.at),
                text(join?.mode.rawValue), join?.observer.map { .unsigned($0.number) } ?? .null,
                text(join?.decision.rawValue), text(join?.reason), text(join?.grade?.rawValue), number(join?.at),
                truth(join?.hasVerdict), truth(facts.paused))
        }
    }
}

extension C2Facts {
    fileprivate init(_ row: Database.Row) {
        func number(_ column: Int) -> Int64? { row.isNull(column) ? nil : row.integer(column) }
        paused = number(13).map { $0 == 1 }
        (heard, name, site) = (number(1), row.text(2), row.text(3))
        if let json = row.text(4) { told = C2Told(json.utf8, at: row.integer(5)) }
        if let mode = row.text(6).flatMap(C2.JoinMode.init(rawValue:)),
            let decision = row.text(8).flatMap(C2.Decision.init(rawValue:))
        {
            join = Join(
                mode: mode, decision: decision, observer: row.isNull(7) ? nil : Identifier(row.unsigned(7)),
                reason: row.text(9) ?? "", grade: row.text(10).flatMap(C2.Grade.init(rawValue:)), at: row.integer(11),
                hasVerdict: row.integer(12) == 1)
        }
    }
}
