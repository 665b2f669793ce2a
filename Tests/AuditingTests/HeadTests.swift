import Auditing
import Keys
import SRUP
import TestVectors
import Testing

@Suite("Heads, keys and pruning of a record")
struct HeadTests {
    private let fixture: RecordFixture

    init() throws { fixture = try RecordFixture() }

    @Test("a changed field of a head is found, each")
    func changedHead() throws {
        let changes: [@Sendable (inout AuditHead) -> Void] = [
            { $0.identity = Identifier(5) }, { $0.chain += 1 }, { $0.time += 1 }, { $0.keys[0] ^= 1 },
            { $0.link = AuditLink(number: $0.link.number - 1, digest: $0.link.digest) },
            { $0.link = AuditLink(number: $0.link.number, digest: [UInt8](repeating: 0, count: 32)) },
            { $0.anchor = AuditLink(number: 1, digest: $0.link.digest) }, { $0.signature[9] ^= 1 },
            { $0.signature = [] },
        ]
        for (index, change) in changes.enumerated() {
            var changed = fixture
            change(&changed.heads[1])
            #expect(!changed.check().holds, "change \(index)")
        }
    }

    @Test("a head as JSON is the same head again; cut, longer or with a missing field it is none")
    func json() throws {
        let head = fixture.heads[0]
        let bytes = Array(head.json.utf8)
        #expect(AuditHead(json: bytes) == head)
        for length in 0..<bytes.count { #expect(AuditHead(json: Array(bytes[..<length])) == nil) }
        #expect(AuditHead(json: bytes + [UInt8](repeating: 0x20, count: AuditHead.maximumLength)) == nil)
        for name in ["chain", "digest", "identity", "keys", "number", "signature", "time"] {
            #expect(
                AuditHead(json: Array(head.json.replacing("\"\(name)\"", with: "\"other\"").utf8)) == nil, "\(name)")
        }
    }

    @Test("rows that a filter has left out still hold the chain together, and a changed digest of one is found")
    func leftOut() throws {
        var lines = fixture.lines.map { $0.row.map { $0 % 2 == 0 } == true ? $0.withoutContent : $0 }
        let report = fixture.check(lines)
        #expect(report.holds && report.leftOut == 3 && report.rows == 3, "\(report.faults)")
        #expect(lines.allSatisfy { $0.kind != .leftOut || !$0.json.contains("token") }, "nothing of them is told")
        let index = try #require(lines.firstIndex { $0.row == 4 })
        lines[index] = fixture.rows[0].line(fixture.links[3]).withoutContent
        #expect(fixture.check(lines).faults.contains { $0.row == 4 && $0.kind == .changed })
    }

    @Test(
        "a chain that begins again goes on with the numbers, and a head of a chain without a row is one of its beginning"
    )
    func secondChain() throws {
        let (next, rows) = (UInt64(99), fixture.lines.filter { $0.row != nil })
        let begin = AuditLink(beginning: next, of: RecordFixture.beacon, after: 6)
        let row = fixture.rows[0].line(begin.next(fixture.rows[0].content))
        func lines(_ heads: [AuditHead]) -> [AuditLine] {
            AuditHeader(
                of: "beacon", identity: RecordFixture.beacon, exported: 1, anchor: nil, keys: fixture.keys,
                chains: [(RecordFixture.chain, 1), (next, 7)], heads: heads
            ).lines + rows + [row, .end(rows: 7, last: 7)]
        }
        let empty = try fixture.head(begin, at: 2_010, chain: next)
        let last = try fixture.head(begin.next(fixture.rows[0].content), at: 2_020, chain: next)
        let report = fixture.check(lines(fixture.heads + [empty, last]))
        #expect(report.holds && report.heads == 4 && report.signedUpTo == 7, "\(report.faults)")
        let other = try fixture.head(AuditLink(number: 6, digest: fixture.links[5].digest), at: 2_010, chain: next)
        #expect(!fixture.check(lines([other])).holds)
        #expect(
            try !fixture.check(lines([fixture.head(fixture.links[5], at: 1), fixture.head(last.link, at: 2)])).holds)
    }

    @Test(
        "a record whose oldest rows were pruned holds from the anchor on, if a signed head has it; without, they are missing"
    )
    func pruned() throws {
        for last in 1...5 {
            var pruned = fixture
            pruned.anchor = fixture.links[last - 1]
            let missing = pruned.check().faults
            #expect(missing.map(\.kind) == [.missing] && missing.first?.row == 1, "\(missing)")
            pruned.heads.append(try fixture.head(fixture.links[5], at: 2_010, anchor: pruned.anchor))
            let report = pruned.check()
            #expect(report.holds && report.pruned == Int64(last) && report.first == Int64(last + 1), "\(report.faults)")
            pruned.anchor = AuditLink(number: Int64(last), digest: [UInt8](repeating: 9, count: 32))
            #expect(!pruned.check().holds)
            pruned.anchor = fixture.links[last]
            let more = pruned.check().faults.first
            #expect(more?.kind == .missing && more?.row == Int64(last + 1), "\(String(describing: more))")
        }
    }

    @Test("rows after a pruned beginning, without the anchor, do not hold")
    func noAnchor() throws {
        let lines = fixture.lines.filter { $0.row.map { $0 > 2 } ?? true }
        #expect(fixture.check(lines).faults.contains { $0.kind == .missing && $0.message == "rows 1 to 2" })
    }

    @Test("after a rotation, a head of the new key vouches for the old one, with which old rows and heads hold")
    func rotated() throws {
        let new = try TestKeys.privateKey("wrong_2048")
        var rotated = fixture
        let keys = [
            AuditKey(der: fixture.beaconKey.publicKey.der, since: 900, until: 2_500),
            AuditKey(der: new.publicKey.der, since: 2_500),
        ]
        let head = try AuditHead(
            identity: RecordFixture.beacon, chain: RecordFixture.chain, link: fixture.links[5], time: 2_600,
            anchor: nil,
            keys: AuditKey.digest(of: keys)
        ).signed(by: new)
        rotated.trust.keys[RecordFixture.beacon] = [new.publicKey]
        func lines(_ heads: [AuditHead], _ keys: [AuditKey]) -> [AuditLine] {
            let header = AuditHeader(
                of: "beacon", identity: RecordFixture.beacon, exported: 1, anchor: nil, keys: keys,
                chains: [(RecordFixture.chain, 1)], heads: heads)
            return header.lines + fixture.lines.filter { $0.row != nil } + [.end(rows: 6, last: 6)]
        }
        let report = rotated.check(lines(fixture.heads + [head], keys))
        #expect(report.holds && report.heads == 3, "\(report.faults)")
        #expect(report.checked["messages signed by \(RecordFixture.beacon)"] == 11)
        #expect(!rotated.check(lines(fixture.heads, keys)).holds, "nothing vouches for the old key")
        var other = keys
        other[0].der = try TestKeys.publicKey("c2_2048").der
        #expect(!rotated.check(lines(fixture.heads + [head], other)).holds, "another old key in its place")
    }

    @Test("a file that is cut at any line, or empty, or of something else, is not taken for a whole record")
    func cutFile() throws {
        let lines = fixture.lines
        for count in 0..<lines.count { #expect(!fixture.check(Array(lines[..<count])).holds, "\(count) lines") }
        var verifier = AuditVerifier(fixture.trust)
        verifier.take(Array("a,table,of,commas".utf8))
        #expect(verifier.finish().faults.map(\.kind) == [.unreadable])
    }

    @Test("without any key, the chain is still checked, and what could not be checked is told")
    func noKeys() throws {
        var blind = fixture
        blind.trust = AuditVerifier.Trust()
        let report = blind.check()
        #expect(report.holds && report.heads == 0 && report.checked.isEmpty && report.signedUpTo == nil)
        #expect(report.unchecked["messages of \(RecordFixture.beacon): no key of it was given"] == 11)
        #expect(report.lines.contains("not covered by a signed head: rows 1 to 6"))
        blind.rows[3].reason = "x"
        #expect(!blind.check().holds)
    }

    @Test("a table for people has one row each, with texts that a spreadsheet cannot take for formulas")
    func table() throws {
        let rows = fixture.lines.compactMap(AuditTable.row)
        let columns = AuditTable.heading(ofServer: false).split(separator: ",").count
        #expect(rows.count == 6 && rows[4].split(separator: ",", omittingEmptySubsequences: false).count == columns)
        #expect(rows[0].contains("1970-01-01T00:16:41Z,00000000000000c2,00000000000000d1,"), "\(rows[0])")
        var row = fixture.rows[4]
        row.reason = "=HYPERLINK(\"x\")"
        #expect(AuditTable.row(row.line(fixture.links[4]))?.contains("\"'=HYPERLINK(\"\"x\"\")\"") == true)
    }
}
