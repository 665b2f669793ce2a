import FoundationEssentials
import OperatorText
import SRUP

/// What a check of an exported record has found.
package struct AuditReport: Codable, Equatable, Sendable {
    /// What is wrong with it.
    package struct Fault: Codable, Equatable, Sendable {
        /// How a record is wrong.
        package enum Kind: String, Codable, CaseIterable, Sendable {
            /// A row, a head or a frame is not what was signed or chained.
            case changed
            /// Rows that were there are not.
            case missing
            /// A row that has no place in the chain.
            case inserted
            /// What a server has says otherwise.
            case contradicted
            /// The file is not a whole export.
            case unreadable
        }

        /// How it is wrong.
        package var kind: Kind
        /// The row; nil: no single one.
        package var row: Int64?
        /// One line.
        package var message: String
    }

    /// More faults are counted and not kept.
    static let mostFaults = 1_000

    /// `beacon` or `server`.
    package var of = ""
    /// Whose record it is.
    package var identity = ""
    /// Rows, without those that a filter has left out.
    package var rows: Int64 = 0
    /// Rows of which the file has only the digest.
    package var leftOut: Int64 = 0
    /// The first and the last row.
    package var first: Int64?, last: Int64?
    /// The last row that was pruned before the export; nil: none was.
    package var pruned: Int64?
    /// Heads with a signature that holds, of its owner and of those that a server has.
    package var heads = 0, serverHeads = 0
    /// The last row up to which such a head vouches; nil: there is none.
    package var signedUpTo: Int64?
    /// Signatures of frames that hold, by what they are of.
    package var checked: [String: Int] = [:]
    /// What could not be checked, by what it lacks.
    package var unchecked: [String: Int] = [:]
    /// Verdicts or entries from before the chain.
    package var unchained: Int64 = 0
    /// The first thousand.
    package var faults: [Fault] = []
    /// All of them.
    package var faultCount = 0

    /// Whether everything that could be checked holds.
    package var holds: Bool { faultCount == 0 }

    mutating func add(_ kind: Fault.Kind, _ row: Int64?, _ message: String) {
        faultCount += 1
        guard faults.count < AuditReport.mostFaults else { return }
        faults.append(Fault(kind: kind, row: row, message: message))
    }

    /// For a person: what the record is, what holds, what could not be checked, and what is wrong.
    package var lines: [String] {
        let range = first.flatMap { first in last.map { ", \(first) to \($0)" } } ?? ""
        var lines = ["\(of) \(identity): \(rows + leftOut) rows\(range)"]
        if leftOut > 0 { lines.append("  left out by a filter, digests only: \(leftOut)") }
        if let pruned { lines.append("  pruned before: all up to row \(pruned)") }
        if unchained > 0 { lines.append("  from before the chain, which proves nothing of them: \(unchained)") }
        if heads + serverHeads > 0 {
            lines.append("holds: \(heads) signed heads, and \(serverHeads) that a server has received")
        }
        for (what, count) in checked.sorted(by: { $0.key < $1.key }) { lines.append("holds: \(count) \(what)") }
        if let last, signedUpTo ?? 0 < last {
            lines.append("not covered by a signed head: rows \((signedUpTo ?? (first ?? 1) - 1) + 1) to \(last)")
        }
        for (what, count) in unchecked.sorted(by: { $0.key < $1.key }) { lines.append("not checked: \(count) \(what)") }
        lines += faults.map { "\($0.kind.rawValue): \($0.message)" }
        if faultCount > faults.count { lines.append("and \(faultCount - faults.count) more") }
        return lines + [holds ? "the record holds" : "the record does not hold"]
    }

    /// One JSON object, for machines.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
