import Auditing
import Foundation
import Keys
import Observing
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

/// Keeps the lines of an exported record.
struct ExportedRecord {
    var lines: [AuditLine]

    /// What the running shell tells over its control socket.
    static func of(_ fixture: ShellFixture) throws -> ExportedRecord {
        try collect { verdict in
            let line = ControlRequest.audit(after: verdict).line
            return try AuditPage.read(try fixture.on { $0.answer(line) })
        }
    }

    /// What is written of a journal that no beacon has open.
    static func of(_ folder: JournalFolder, _ identity: Identifier = us) throws -> ExportedRecord {
        try collect { try Journal.auditPage(of: folder.state, identity, after: $0, at: 5) }
    }

    private static func collect(_ page: (Int64?) throws -> AuditPage) throws -> ExportedRecord {
        var part = try page(nil)
        var (record, unchained, stray) = (ExportedRecord(lines: part.lines), Int64(0), Int64(0))
        while let next = part.next {
            part = try page(next)
            record.lines += part.lines
            (unchained, stray) = (unchained + part.unchained, stray + part.stray)
        }
        let rows = Int64(record.lines.count { $0.row != nil })
        record.lines.append(.end(rows: rows, last: part.last, unchained: unchained, stray: stray))
        return record
    }

    /// Checks it, with these keys and what a server has of it.
    func check(_ keys: [Identifier: [PublicKey]], heads: [AuditHead] = []) -> AuditReport {
        var trust = AuditVerifier.Trust()
        trust.keys = keys
        for head in heads { trust.server.add(head) }
        var verifier = AuditVerifier(trust)
        for line in lines { verifier.take(Array(line.json.utf8)) }
        return verifier.finish()
    }
}

/// A journal with verdicts whose record is kept, without a shell.
struct RecordedJournal {
    static let retention = VerdictRecord.Retention()

    /// Opens the journal and its record, as a process of the same boot does.
    @discardableResult
    static func run<Result>(
        _ folder: JournalFolder, _ retention: VerdictRecord.Retention = retention, key: String = "obs_2048",
        at seconds: Int64 = 900, _ body: (Journal) throws -> Result
    ) throws -> Result {
        try folder.run { journal in
            try journal.beginRecord(of: us, key: TestKeys.publicKey(key), retention, at: seconds)
            return try body(journal)
        }
    }

    /// A verdict with its signed response, as the shell records it.
    static func answer(_ journal: Journal, _ number: UInt8, at seconds: Int64 = 1_000) throws {
        let exchange = Sample.exchange(number)
        try journal.record(Sample.opened(exchange), Sample.answered(exchange), at: seconds)
        let message = Sample.response(UInt64(number) * 16, exchange.token)
        let frame = try message.signed(by: TestKeys.privateKey("obs_2048"))
        _ = try journal.queue(frame, message, to: server)
        try journal.add(frame, message, to: server)
        try journal.commit()
    }

    static func keys(_ own: String = "obs_2048") throws -> [Identifier: [PublicKey]] {
        [us: [try TestKeys.publicKey(own)], server: [try TestKeys.publicKey("c2_2048")]]
    }

    /// A head although nothing is new.
    static func signAgain(_ journal: Journal, at seconds: Int64) throws -> AuditHead {
        journal.verdictChain?.head = nil
        return try sign(journal, at: seconds)
    }

    static func sign(_ journal: Journal, at seconds: Int64, key: String = "obs_2048") throws -> AuditHead {
        let head = try journal.signHead(by: TestKeys.privateKey(key), at: seconds)
        try journal.commit()
        return try #require(head)
    }
}
