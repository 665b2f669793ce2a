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
                "SELECT id, heard, name, site, told, told_at, mode, observer, decision, reason, grade, decided FROM fleet"
            )
            return Dictionary(rows.map { (Identifier($0.unsigned(0)), C2Facts($0)) }) { $1 }
        }
    }

    /// The last decisions, the oldest first, and when joins did not succeed after a time, of the newest entries.
    /// - Throws: `OperatorFault` if the file cannot be read.
    func lastDecisions(_ most: Int, failuresAfter wall: Int64) throws(OperatorFault) -> (
        decisions: [C2Entry], failures: [Int64]
    ) {
        let entries = try read(before: .max, limit: 5_000, of: nil).filter { $0.kind == .decision }
        let failed = entries.filter { $0.wallMilliseconds > wall && !$0.message.hasSuffix(": accepted") }
        return (entries.suffix(most), failed.map(\.wallMilliseconds))
    }

    static func notUnderstood(_ what: String) -> OperatorFault {
        OperatorFault("its entry for \(what) is not valid", hint: "restore the file from a backup")
    }

    /// Inside a commit's transaction.
    func write(_ facts: [Identifier: C2Facts]) throws {
        for (node, facts) in facts {
            let join = facts.join
            func text(_ text: String?) -> Database.Value { text.map { .text($0) } ?? .null }
            func number(_ number: Int64?) -> Database.Value { number.map { .integer($0) } ?? .null }
            try database.run(
                "INSERT OR REPLACE INTO fleet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", .unsigned(node.number),
                number(facts.heard), text(facts.name), text(facts.site), text(facts.told?.json), number(facts.told?.at),
                text(join?.mode.rawValue), join?.observer.map { .unsigned($0.number) } ?? .null,
                text(join?.decision.rawValue), text(join?.reason), text(join?.grade?.rawValue), number(join?.at))
        }
    }
}

extension C2Facts {
    fileprivate init(_ row: Database.Row) {
        func number(_ column: Int) -> Int64? { row.isNull(column) ? nil : row.integer(column) }
        (heard, name, site) = (number(1), row.text(2), row.text(3))
        if let json = row.text(4) { told = C2Told(json.utf8, at: row.integer(5)) }
        if let mode = row.text(6).flatMap(C2.JoinMode.init(rawValue:)),
            let decision = row.text(8).flatMap(C2.Decision.init(rawValue:))
        {
            join = Join(
                mode: mode, decision: decision, observer: row.isNull(7) ? nil : Identifier(row.unsigned(7)),
                reason: row.text(9) ?? "", grade: row.text(10).flatMap(C2.Grade.init(rawValue:)), at: row.integer(11))
        }
    }
}
