import Auditing
import Keys
import SRUP
import TestVectors
import Testing

@Suite("Checking a record")
struct TamperingTests {
    private let fixture: RecordFixture

    init() throws { fixture = try RecordFixture() }

    @Test("an untouched record holds, and tells what it could not check without the server's record")
    func untouched() throws {
        let report = fixture.check()
        #expect(report.holds, "\(report.faults)")
        #expect(report.rows == 6 && report.heads == 2 && report.signedUpTo == 6)
        #expect(
            report.checked == ["messages signed by \(RecordFixture.beacon)": 11, "proofs signed by their device": 2])
        #expect(report.unchecked == ["requests: their sealed value is only in the server's record": 6])
        #expect(report.lines.last == "the record holds")
    }

    @Test(
        "with the server's record, each request carries the server's signature again, and the record has no sealed value"
    )
    func requests() throws {
        var fixture = fixture
        fixture.trust.server = fixture.witnessed
        let report = fixture.check()
        #expect(report.holds && report.unchecked.isEmpty, "\(report)")
        #expect(report.checked["messages signed by \(RecordFixture.server)"] == 6)
        fixture.trust.keys[RecordFixture.server] = [try TestKeys.publicKey("wrong_2048")]
        #expect(fixture.check().faults.map(\.row) == [1, 2, 3, 4, 5, 6])
    }

    /// A change of each field of a row.
    static let changes: [(name: String, change: @Sendable (inout AuditVerdict) -> Void)] = [
        ("server", { $0.server = Identifier(0xc3) }), ("device", { $0.device = Identifier(0xd2) }),
        ("token", { $0.token[0] ^= 1 }), ("verdict", { $0.verdict = $0.verdict == "valid" ? "failed" : "valid" }),
        ("reason", { $0.reason = "mismatches" }), ("evidence", { $0.evidence = "{}" }),
        ("no evidence", { $0.evidence = nil }), ("decided", { $0.decided += 1 }), ("asked", { $0.asked = nil }),
        ("mismatches", { $0.mismatches += 1 }),
        (
            "request",
            { $0.request = $0.request.map { AuditRequest(frame: $0.frame.dropLast(3) + [0, 0, 0], seal: $0.seal) } }
        ),
        ("seal", { $0.request = $0.request.map { AuditRequest(frame: $0.frame, seal: Array($0.seal.reversed())) } }),
        ("no request", { $0.request = nil }), ("response", { $0.response?[100] ^= 1 }),
        ("no response", { $0.response = nil }),
        ("evidence frame", { $0.evidenceFrame?[200] ^= 1 }), ("no evidence frame", { $0.evidenceFrame = nil }),
        ("proof frame", { $0.proofFrame?[400] ^= 1 }), ("no proof frame", { $0.proofFrame = nil }),
        ("proof", { $0.proof?[300] ^= 1 }), ("no proof", { $0.proof = nil }),
    ]

    @Test("a changed field of any row is found, and the row is named", arguments: changes.indices)
    func changedField(index: Int) throws {
        let (name, change) = Self.changes[index]
        for row in 0..<6 {
            var changed = fixture
            change(&changed.rows[row])
            guard changed.rows[row] != fixture.rows[row] else { continue }
            let report = changed.check()
            #expect(!report.holds && report.faults.allSatisfy { $0.row == Int64(row + 1) }, "\(name): \(report.faults)")
            #expect(report.faults.contains { $0.kind == .changed }, "\(name): \(report.faults)")
        }
    }

    @Test(
        "a changed field is found also where all digests were computed again: by the next signed head",
        arguments: changes.indices)
    func chainedAgain(index: Int) throws {
        let (name, change) = Self.changes[index]
        for row in 0..<6 {
            var changed = fixture
            change(&changed.rows[row])
            guard changed.rows[row] != fixture.rows[row] else { continue }
            changed.chainAgain()
            let head = Int64(row < 3 ? 3 : 6)
            let report = changed.check()
            #expect(
                report.faults.contains { $0.kind == .changed && $0.row == head }, "\(name) of \(row): \(report.faults)")
        }
    }

    @Test("each deleted row is found, wherever it was, and is named")
    func deleted() throws {
        let lines = fixture.lines
        for (index, line) in lines.enumerated() where line.row != nil {
            var left = lines
            left.remove(at: index)
            left[left.count - 1] = .end(rows: 5, last: 6)
            let report = fixture.check(left)
            let row = try #require(line.row)
            #expect(
                report.faults.contains { $0.kind == .missing && $0.message.hasPrefix("rows \(row) to ") },
                "\(report.faults)")
        }
    }

    @Test("a deleted row is found also where the rest was numbered and chained again")
    func deletedAndChained() throws {
        for row in 0..<6 {
            var changed = fixture
            changed.rows.remove(at: row)
            changed.chainAgain()
            #expect(!changed.check().holds, "row \(row + 1)")
        }
    }

    @Test("an inserted row is found: a copy, a new one, and one behind which all was chained again")
    func inserted() throws {
        let lines = fixture.lines
        for (index, line) in lines.enumerated() where line.row != nil {
            var more = lines
            more.insert(line, at: index)
            more[more.count - 1] = .end(rows: 7, last: 6)
            #expect(fixture.check(more).faults.contains { $0.kind == .inserted && $0.row == line.row })
        }
        for row in 0...4 {  // a copy of the last row behind it comes after the last head
            var changed = fixture
            changed.rows.insert(changed.rows[5], at: row)
            changed.chainAgain()
            #expect(!changed.check().holds, "before row \(row + 1)")
        }
    }

    @Test("rows of the history that are not in the chain are told: those from before it, and, as a fault, others")
    func stray() throws {
        var lines = fixture.lines
        lines[lines.count - 1] = .end(rows: 6, last: 6, unchained: 3)
        #expect(fixture.check(lines).holds && fixture.check(lines).unchained == 3)
        lines[lines.count - 1] = .end(rows: 6, last: 6, stray: 1)
        #expect(fixture.check(lines).faults.map(\.kind) == [.inserted])
        lines[lines.count - 1] = .end(rows: 6, last: 7)
        #expect(fixture.check(lines).faults.map(\.message) == ["rows 7 to 7, the last ones"])
    }

    @Test("two rows in each other's place are found")
    func swapped() throws {
        for row in 0..<5 {
            var lines = fixture.lines
            let index = try #require(lines.firstIndex { $0.row == Int64(row + 1) })
            lines.swapAt(index, index + 1)
            #expect(!fixture.check(lines).holds)
            var changed = fixture
            changed.rows.swapAt(row, row + 1)
            changed.chainAgain()
            #expect(!changed.check().holds)
        }
    }

    @Test(
        "a tail that was cut is found by the head in the file; without it, by the server's; and by nothing where no head was signed"
    )
    func tailCut() throws {
        for rows in 0..<6 {
            var cut = fixture
            (cut.rows, cut.links) = (Array(cut.rows[..<rows]), Array(cut.links[..<rows]))
            #expect(cut.check().faults.contains { $0.kind == .missing }, "\(rows) rows left")
            cut.heads = cut.heads.filter { $0.link.number <= rows }
            #expect(cut.check().holds, "nothing in the file tells")
            cut.trust.server.add(fixture.heads[1])
            let report = cut.check()
            #expect(report.faults.map(\.kind) == [.missing], "\(rows) rows left: \(report.faults)")
            #expect(
                report.faults.first?.message.contains("rows \(rows + 1) to 6: a server has the signed head") == true)
        }
    }

    @Test("a record that was rewritten from some row on, with heads of its own, contradicts the server's head")
    func rewritten() throws {
        var other = fixture
        other.rows[2].reason = "silence"
        other.chainAgain()
        other.heads = try [other.links[2], other.links[5]].map { try fixture.head($0, at: 5_000) }
        #expect(other.check().signedUpTo == 6, "anyone who has the key can sign it")
        other.trust.server.add(fixture.heads[0])
        let faults = other.check().faults
        #expect(faults.contains { $0.kind == .contradicted && $0.row == 3 }, "\(faults)")
    }

    @Test("a record that begins again after a loss is told from one that was rewritten")
    func lost() throws {
        var other = fixture
        other.trust.server.add(try fixture.head(fixture.links[3], at: 1_500, chain: 77))
        let fault = try #require(other.check().faults.first)
        #expect(fault.kind == .contradicted && fault.message.contains("the record was lost or replaced"))
    }
}
