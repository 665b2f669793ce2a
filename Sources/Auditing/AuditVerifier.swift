import Keys
import OperatorText
import SRUP

/// Checks an exported record line by line (docs/audit.md, "Checking"): the chain, the heads, and the signatures of all frames. It holds
/// heads and keys in memory, and no rows.
package struct AuditVerifier {
    /// What the check is made with.
    package struct Trust: Sendable {
        /// The public keys of nodes, from another source than the record itself.
        package var keys: [Identifier: [PublicKey]] = [:]
        /// What a server has of the record's owner.
        package var server = AuditWitness()

        /// Nothing is known.
        package init() {}
    }

    var report = AuditReport()
    let trust: Trust
    var identity = Identifier(0)
    private var isBegun = false, isPrepared = false, isEnded = false
    private var lineNumber = 0
    private var keys: [AuditKey] = []
    private var chains: [(chain: UInt64, first: Int64)] = []
    private var heads: [AuditHead] = []
    private var anchor: AuditLink?
    /// The last anchor that a valid head has.
    private var signedAnchor: AuditLink?
    /// The place of the last row; nil: not known, before the first one and after a gap.
    private var place: AuditLink?
    private var lastNumber: Int64?
    /// Which heads name a row, by its number: they are compared when it comes.
    private var pending: [Int64: [(head: AuditHead, isServers: Bool)]] = [:]
    /// The keys that the owner's frames and heads may be signed with.
    var ownKeys: [PublicKey] = []

    /// A check with these keys.
    package init(_ trust: Trust) { self.trust = trust }

    /// Takes the next line of the file.
    package mutating func take(_ bytes: [UInt8]) {
        lineNumber += 1
        guard !bytes.isEmpty else { return }
        guard let line = AuditLine(json: bytes) else {
            return report.add(.unreadable, nil, "line \(lineNumber) is not a line of a record")
        }
        guard isBegun || line.kind == .audit else {
            if lineNumber == 1 { report.add(.unreadable, nil, "the file does not begin as a record does") }
            return
        }
        guard !isEnded else { return report.add(.inserted, nil, "line \(lineNumber) comes after the end") }
        switch line.kind {
        case .audit: begin(line)
        case .key:
            guard let key = line.key?.bytes, let since = line.since else { return unreadable() }
            keys.append(AuditKey(der: key, since: since, until: line.until))
        case .chain:
            guard let chain = line.chain.flatMap({ UInt64($0, radix: 16) }), let first = line.first else {
                return unreadable()
            }
            chains.append((chain, first))
        case .head:
            guard let head = AuditHead(line) else { return unreadable() }
            heads.append(head)
        case .received: break
        case .verdict, .entry, .leftOut:
            prepare()
            takeRow(line)
        case .end:
            prepare()
            end(line)
        case nil: unreadable()
        }
    }

    private mutating func unreadable() {
        report.add(.unreadable, nil, "line \(lineNumber) lacks a field, or one is not valid")
    }

    private mutating func begin(_ line: AuditLine) {
        guard !isBegun, line.version == 1, let owner = line.identity.flatMap({ Identifier(hexadecimal: $0) }) else {
            return report.add(.unreadable, nil, "line \(lineNumber) is not the header of a record of version 1")
        }
        (isBegun, identity) = (true, owner)
        (report.of, report.identity) = (line.of ?? "", owner.description)
        anchor = line.anchorLink
        (place, lastNumber, report.pruned) = (anchor, anchor?.number, anchor?.number)
        if line.anchor != nil, anchor == nil { unreadable() }
    }

    private mutating func end(_ line: AuditLine) {
        isEnded = true
        let (rows, last) = (report.rows + report.leftOut, line.last ?? 0)
        if line.rows != rows { report.add(.unreadable, nil, "the file has \(rows) rows, and says \(line.rows ?? 0)") }
        if last > lastNumber ?? 0 {
            report.add(.missing, last, "rows \((lastNumber ?? 0) + 1) to \(last), the last ones")
        }
        report.unchained = line.unchained ?? 0
        guard let stray = line.stray, stray > 0 else { return }
        report.add(
            .inserted, nil,
            "\(stray) rows of the history are not in the chain: they were inserted, or an older version has written them"
        )
    }

    // MARK: - Keys and heads

    /// All keys and heads are there before the first row.
    private mutating func prepare() {
        guard !isPrepared else { return }
        isPrepared = true
        let given = trust.keys[identity] ?? []
        let digest = AuditKey.digest(of: keys)
        // A head that a trusted key has signed vouches for the keys that it lists.
        let vouched = (heads + trust.server.heads(of: identity)).contains { head in
            head.keys == digest && given.contains { head.isSigned(by: $0) }
        }
        ownKeys = given
        if vouched { ownKeys += keys.compactMap { try? PublicKey(der: $0.der) } }
        if ownKeys.isEmpty { report.unchecked["signatures of \(identity): no key of it was given", default: 0] += 1 }
        if !vouched, !keys.isEmpty, !heads.isEmpty, !given.isEmpty {
            report.add(.changed, nil, "no signed head vouches for the list of keys in the file")
        }
        let known = AuditKey.digests(of: keys)
        for head in heads { take(head, isServers: false, keyLists: known) }
        for head in trust.server.heads(of: identity) { take(head, isServers: true, keyLists: nil) }
        checkAnchor()
    }

    /// A beacon signs a head in the transaction that deletes rows: others have deleted what is beyond the last anchor of a head.
    private mutating func checkAnchor() {
        guard let anchor else { return }
        let signed = signedAnchor?.number ?? 0
        guard report.of != "server" else {  // its heads come later
            if anchor.number > signed {
                report.unchecked["last pruned rows: no signed head has them yet", default: 0] += 1
            }
            return
        }
        if anchor.number > signed {
            report.add(
                .missing, signed + 1,
                "rows \(signed + 1) to \(anchor.number): no signed head says that they were pruned")
        } else if anchor.number == signed, anchor != signedAnchor {
            report.add(.changed, signed, "the last pruned row \(signed) has another digest than a signed head says")
        }
    }

    private mutating func take(_ head: AuditHead, isServers: Bool, keyLists: Set<[UInt8]>?) {
        let name =
            "the \(isServers ? "head that a server has received" : "head") of row \(head.link.number), \(Timestamp(head.time))"
        guard head.identity == identity else { return report.add(.changed, nil, "\(name), is another node's") }
        guard ownKeys.isEmpty || ownKeys.contains(where: { head.isSigned(by: $0) }) else {
            return report.add(.changed, head.link.number, "\(name), is not signed by a key of \(identity)")
        }
        if let keyLists, !keyLists.contains(head.keys) {
            report.add(.changed, nil, "\(name), vouches for other keys than the file lists")
        }
        guard let first = chains.first(where: { $0.chain == head.chain })?.first else {
            let chain = Identifier(head.chain)
            return report.add(
                isServers ? .contradicted : .changed, head.link.number,
                "\(name), is of chain \(chain), which the file does not have: the record was lost or replaced")
        }
        if !ownKeys.isEmpty {
            if isServers { report.serverHeads += 1 } else { report.heads += 1 }
        }
        if let pruned = head.anchor, pruned.number > signedAnchor?.number ?? 0 { signedAnchor = pruned }
        guard head.link.number >= first else {  // the chain had no row yet
            guard head.link == AuditLink(beginning: head.chain, of: identity, after: first - 1) else {
                return report.add(.changed, head.link.number, "\(name), is not of the beginning of its chain")
            }
            return
        }
        if head.link.number == anchor?.number, head.link != anchor {
            report.add(.changed, head.link.number, "\(name), has another digest than the last pruned row")
        }
        if head.link.number > anchor?.number ?? 0 { pending[head.link.number, default: []].append((head, isServers)) }
    }

    // MARK: - Rows

    private mutating func takeRow(_ line: AuditLine) {
        guard let number = line.number, let digest = line.digest.flatMap(bytes(ofHexadecimal:)),
            let (content, row) = content(of: line)
        else { return unreadable() }
        if row == nil { report.leftOut += 1 } else { report.rows += 1 }
        report.first = report.first ?? number
        let expected = (lastNumber ?? (chains.first?.first ?? 1) - 1) + 1
        if number < expected {
            return report.add(.inserted, number, "row \(number) comes again, or out of order")
        }
        if number > expected {
            report.add(.missing, expected, "rows \(expected) to \(number - 1)")
            place = nil
        }
        if let begun = chains.last(where: { $0.first == number }) {
            place = AuditLink(beginning: begun.chain, of: identity, after: number - 1)
        } else if chains.isEmpty || number < chains[0].first {
            report.add(.inserted, number, "row \(number) is of no chain")
        }
        let stated = AuditLink(number: number, digest: digest)
        if place == nil, number == expected, lastNumber == nil {
            report.add(.missing, number, "the beginning of the chain before row \(number)")
        }
        if let place, place.next(content) != stated {
            report.add(.changed, number, "row \(number), or its place in the chain")
        }
        (place, lastNumber, report.last) = (stated, number, number)
        compareHeads(stated)
        if let row { checkFrames(of: row, number) }
    }

    /// The digest of the row's fields, and the row; nil: it is not valid.
    private func content(of line: AuditLine) -> ([UInt8], AuditRowKind?)? {
        switch line.kind {
        case .verdict: AuditVerdict(line).map { ($0.content, .verdict($0)) }
        case .entry: AuditEntry(line).map { ($0.content, .entry($0)) }
        case .leftOut: line.content.flatMap(bytes(ofHexadecimal:)).map { ($0, nil) }
        case .audit, .key, .chain, .head, .received, .end, nil: nil
        }
    }

    private mutating func compareHeads(_ stated: AuditLink) {
        let chain = chains.last { $0.first <= stated.number }?.chain
        for (head, isServers) in pending.removeValue(forKey: stated.number) ?? [] {
            let who =
                isServers
                ? "the server has a head of \(Timestamp(head.time)) that" : "the head of \(Timestamp(head.time))"
            guard head.chain == chain, head.link == stated else {
                report.add(
                    isServers ? .contradicted : .changed, stated.number,
                    "\(who) signs another row \(stated.number): rows up to it were rewritten")
                continue
            }
            if !ownKeys.isEmpty { report.signedUpTo = max(report.signedUpTo ?? 0, stated.number) }
        }
    }

    /// The end of the file.
    package mutating func finish() -> AuditReport {
        guard isBegun else {
            if lineNumber == 0 { report.add(.unreadable, nil, "the file is empty") }
            return report
        }
        prepare()
        if !isEnded { report.add(.unreadable, nil, "the file ends without its last line: its end is missing") }
        let last = lastNumber ?? 0
        for (number, heads) in pending.sorted(by: { $0.key < $1.key }) {
            for (head, isServers) in heads where number > last {
                let who = isServers ? "a server has" : "the file has"
                report.add(
                    .missing, number,
                    "rows \(last + 1) to \(number): \(who) the signed head of \(Timestamp(head.time)); the tail was cut"
                )
            }
        }
        return report
    }
}

/// A row that is there whole.
enum AuditRowKind {
    case verdict(AuditVerdict)
    case entry(AuditEntry)
}
