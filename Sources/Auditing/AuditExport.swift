import OperatorText
import SRUP

/// What an exported record has before its rows.
package struct AuditHeader: Equatable, Sendable {
    /// Whose record it is: `beacon` or `server`.
    package var of: String
    /// Its identity.
    package var identity: Identifier
    /// Seconds since 1970, by the wall clock of the machine that exports it.
    package var exported: Int64
    /// The last row that was pruned.
    package var anchor: AuditLink?
    /// The keys that it has signed with, the oldest first.
    package var keys: [AuditKey]
    /// The chains, each with its first row, the oldest first.
    package var chains: [(chain: UInt64, first: Int64)]
    /// The heads that it has signed, the oldest first.
    package var heads: [AuditHead]
    /// Of a server's record: the heads that other nodes have sent, with when they came, in seconds since 1970.
    package var received: [(head: AuditHead, at: Int64)] = []

    /// A header of these parts.
    package init(
        of: String, identity: Identifier, exported: Int64, anchor: AuditLink?, keys: [AuditKey],
        chains: [(chain: UInt64, first: Int64)], heads: [AuditHead]
    ) {
        (self.of, self.identity, self.exported) = (of, identity, exported)
        (self.anchor, self.keys, self.chains, self.heads) = (anchor, keys, chains, heads)
    }

    /// The lines of the file before its rows.
    package var lines: [AuditLine] {
        var header = AuditLine(.audit)
        (header.version, header.of, header.identity) = (1, of, identity.description)
        header.exported = exported
        (header.anchor, header.anchorDigest) = (anchor?.number, anchor.map { hexadecimal($0.digest) })
        let keys = keys.map { key in
            var line = AuditLine(.key)
            (line.key, line.since, line.until) = (.init(key.der), key.since, key.until)
            return line
        }
        let chains = chains.map { chain, first in
            var line = AuditLine(.chain)
            (line.chain, line.first) = (Identifier(chain).description, first)
            return line
        }
        let received = received.map { head, at in
            var line = AuditLine(head, kind: .received)
            line.received = at
            return line
        }
        return [header] + keys + chains + heads.map { AuditLine($0, kind: .head) } + received
    }

    package static func == (left: AuditHeader, right: AuditHeader) -> Bool { left.lines == right.lines }
}

extension AuditLine {
    /// The last line of a file.
    /// - Parameters:
    ///   - rows: how many the file has.
    ///   - last: the number of the chain's last row.
    ///   - unchained: rows of the history from before the chain.
    ///   - stray: other rows of the history that are not in the chain.
    package static func end(rows: Int64, last: Int64, unchained: Int64 = 0, stray: Int64 = 0) -> AuditLine {
        var line = AuditLine(.end)
        (line.rows, line.last, line.unchained, line.stray) = (rows, last, unchained, stray)
        return line
    }

    /// The row's number; nil: the line is not a row.
    package var row: Int64? {
        switch kind {
        case .verdict, .entry, .leftOut: number
        case .audit, .key, .chain, .head, .received, .end, nil: nil
        }
    }

    /// The row with its digest in place of its fields: for what a filter leaves out.
    package var withoutContent: AuditLine {
        guard let content = AuditVerdict(self)?.content ?? AuditEntry(self)?.content else { return self }
        var line = AuditLine(.leftOut)
        (line.number, line.digest, line.content) = (number, digest, hexadecimal(content))
        return line
    }
}

/// The same rows as a table for people; what it has not is in the lines only.
package enum AuditTable {
    /// The first line, of a beacon's record and of a server's.
    package static func heading(ofServer isServer: Bool) -> String {
        isServer
            ? "row,time,kind,node,text,grade,reason,verdict,digest"
            : "row,time,server,device,token,verdict,reason,false_proofs,evidence,request,response,proof,digest"
    }

    /// A row; nil: the line is not one, or a filter has left it out.
    package static func row(_ line: AuditLine) -> String? {
        let fields: [String?]
        switch line.kind {
        case .verdict:
            let token = line.token.flatMap { Token($0.bytes) }?.description
            let has = [line.request, line.response, line.proofFrame ?? line.proof].map { $0 == nil ? "no" : "yes" }
            fields =
                [
                    "\(line.number ?? 0)", Timestamp(line.decided ?? 0).description, line.server, line.device, token,
                    line.verdict, line.reason, "\(line.mismatches ?? 0)", line.evidence,
                ] + has + [line.digest]
        case .entry:
            fields = [
                "\(line.number ?? 0)", Timestamp((line.wall ?? 0) / 1_000).description, line.entry, line.node,
                line.words, line.grade, line.reason, line.verdict, line.digest,
            ]
        case .audit, .key, .chain, .head, .received, .leftOut, .end, nil: return nil
        }
        return fields.map { cell($0 ?? "") }.joined(separator: ",")
    }

    /// Quoted where it has to be; a spreadsheet must not take a text for a formula.
    private static func cell(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let text = (isFormula ? "'" : "") + text
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
