import OperatorText
import SRUP

/// Which rows are exported whole. Of the others, the file has only the digests, so that the chain can be followed through it.
package struct AuditFilter: Equatable, Sendable {
    /// In milliseconds since 1970.
    package var milliseconds = Int64.min..<Int64.max
    /// The device of a verdict, or the node of an entry; nil: any.
    package var node: Identifier?
    /// nil: any.
    package var verdict: String?

    /// Everything.
    package init() {}

    /// Whether a row is exported whole.
    package func contains(_ line: AuditLine) -> Bool {
        let (node, verdict, moment): (String?, String?, Int64)
        switch line.kind {
        case .verdict:
            let (product, overflow) = (line.decided ?? 0).multipliedReportingOverflow(by: 1_000)
            (node, verdict, moment) = (line.device, line.verdict, overflow ? .max : product)
        case .entry: (node, verdict, moment) = (line.node, line.verdict, line.wall ?? 0)
        case .audit, .key, .chain, .head, .received, .leftOut, .end, nil: return true
        }
        return milliseconds.contains(moment) && (self.node == nil || node == self.node?.description)
            && (self.verdict == nil || verdict == self.verdict)
    }
}

/// Writes the lines of a record, filtered, as JSON lines or as a table.
package final class AuditExporter {
    private let writer: AuditWriter
    private let filter: AuditFilter
    private let isTable: Bool
    private var rows: Int64 = 0

    /// - Parameter isTable: comma-separated values for people, which cannot be checked.
    package init(_ writer: AuditWriter, _ filter: AuditFilter, isTable: Bool) {
        (self.writer, self.filter, self.isTable) = (writer, filter, isTable)
    }

    /// Writes what comes before the rows.
    /// - Throws: `OperatorFault`.
    package func begin(_ header: [AuditLine]) throws(OperatorFault) {
        guard !isTable else {
            return try writer.write(AuditTable.heading(ofServer: header.first?.of == "server"))
        }
        for line in header { try writer.write(line.json) }
    }

    /// Writes a row, or one more line of what comes before them.
    /// - Throws: `OperatorFault`.
    package func add(_ row: AuditLine) throws(OperatorFault) {
        guard row.row != nil else {
            if !isTable { try writer.write(row.json) }
            return
        }
        rows += 1
        let isWanted = filter.contains(row)
        guard isTable else { return try writer.write((isWanted ? row : row.withoutContent).json) }
        if isWanted, let line = AuditTable.row(row) { try writer.write(line) }
    }

    /// Writes the end.
    /// - Parameters: see `AuditLine.end`.
    /// - Throws: `OperatorFault`.
    package func end(last: Int64, unchained: Int64, stray: Int64) throws(OperatorFault) {
        if !isTable {
            try writer.write(AuditLine.end(rows: rows, last: last, unchained: unchained, stray: stray).json)
        }
        try writer.finish()
    }
}
