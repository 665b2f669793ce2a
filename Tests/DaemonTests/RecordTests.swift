import Auditing
import Foundation
import Keys
import Observing
import ProofLink
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

/// docs/audit.md.
@Suite("The record of verdicts", .blocking)
struct RecordTests {
    private let value = Secret.random()

    private func withMember(_ settings: String = "", _ body: (ShellFixture) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(folder, settings)
            try fixture.join()
            try body(fixture)
        }
    }

    private func keys() throws -> [Identifier: [PublicKey]] {
        [
            ShellFixture.beacon: [try TestKeys.publicKey("obs_2048")],
            ShellFixture.c2: [try TestKeys.publicKey("c2_2048")],
            device: [try TestKeys.publicKey("dev_2048")],
        ]
    }

    private func observeKeyed(_ fixture: ShellFixture, _ number: UInt8) throws {
        try fixture.observe(device, value, token: fixture.token(number))
        let key = try TestKeys.privateKey("dev_2048")
        _ = try fixture.connectDevice().prove(value, as: device, mode: .keyed, signedBy: key)
    }

    @Test(
        "has with a keyed verdict the request without its sealed value, the proof, and the messages as they were published"
    )
    func keyed() throws {
        for settings in ["proof = yes", "proof = no"] {
            try withMember(settings + "\n[observation]\nreport-evidence = yes") { fixture in
                let request = try fixture.request(device, value, token: fixture.token(1))
                try fixture.take(request)
                let key = try TestKeys.privateKey("dev_2048")
                _ = try fixture.connectDevice().prove(value, as: device, mode: .keyed, signedBy: key)
                let record = try ExportedRecord.of(fixture)
                let row = try #require(record.lines.first { $0.row == 1 }?.json)
                let sent = fixture.link.takeMessages().map { Data($0.payload).base64EncodedString() }
                #expect(sent.count == (settings == "proof = yes" ? 3 : 2) && sent.allSatisfy { row.contains($0) })
                guard
                    case .observationRequest(_, let sealed)? = try? UnverifiedFrame(request.payload).unverifiedMessage
                        .body
                else { return }
                let withoutSeal = Array(request.payload.dropLast(sealed.bytes.count))
                #expect(row.contains("\"request\":\"\(Data(withoutSeal).base64EncodedString())\""))
                #expect(row.contains("\"seal\":\"\(hexadecimal(sha256(sealed.bytes)))\""))
                let report = record.check(try keys())
                #expect(report.holds && report.checked["proofs signed by their device"] == 1, "\(report)")
                #expect(report.checked["messages signed by \(ShellFixture.beacon)"] == sent.count)
            }
        }
    }

    @Test("has the request also of a verdict that is given at once, and after a restart")
    func atOnce() throws {
        try withMember { fixture in
            try fixture.observe(ShellFixture.beacon, value, token: fixture.token(1))
            try fixture.observe(device, value, token: fixture.token(2))
            try fixture.reopenJournal()
            try fixture.pass(.seconds(121))
            let record = try ExportedRecord.of(fixture)
            #expect(record.lines.count { $0.row != nil } == 2)
            #expect(record.lines.allSatisfy { $0.row == nil || $0.json.contains("\"request\":") })
            let report = record.check(try keys())
            #expect(report.holds && report.unchecked.keys.allSatisfy { $0.hasPrefix("requests:") }, "\(report)")
        }
    }

    @Test("a repeated request gets the same verdict, and no second row")
    func repeated() throws {
        try withMember { fixture in
            try observeKeyed(fixture, 1)
            try fixture.observe(device, value, token: fixture.token(1))
            #expect(try ExportedRecord.of(fixture).lines.count { $0.row != nil } == 1)
        }
    }

    static func heads(_ messages: [Message]) throws -> [(head: AuditHead, token: Token)] {
        try messages.compactMap { message in
            guard case .data(let id, let data) = message.body, DataID(id) == .auditHead else { return nil }
            return (try #require(AuditHead(json: data.bytes)), message.token)
        }
    }

    @Test(
        "its end is signed and told after so many verdicts, at once, and otherwise after the interval; not again without a new verdict"
    )
    func heads() throws {
        try withMember("[history]\nhead-verdicts = 2\nhead-interval = 600") { fixture in
            try observeKeyed(fixture, 1)
            #expect(try RecordTests.heads(fixture.received()).isEmpty)
            try observeKeyed(fixture, 2)
            try fixture.pass(.milliseconds(1))
            let first = try #require(try RecordTests.heads(fixture.received()).first)
            #expect(first.head.link.number == 2 && first.token.parties?.server == ShellFixture.c2)
            #expect(first.head.isSigned(by: try TestKeys.publicKey("obs_2048")))
            try fixture.pass(.seconds(700))
            #expect(try RecordTests.heads(fixture.received()).isEmpty, "nothing is new")
            try observeKeyed(fixture, 3)
            try fixture.pass(.seconds(599))
            #expect(try RecordTests.heads(fixture.received()).isEmpty)
            try fixture.pass(.seconds(2))
            let second = try #require(try RecordTests.heads(fixture.received()).first)
            #expect(second.head.link.number == 3 && second.head.chain == first.head.chain)
            let report = try ExportedRecord.of(fixture).check(try keys(), heads: [first.head, second.head])
            #expect(report.holds && report.heads == 2 && report.serverHeads == 2, "\(report.faults)")
        }
    }

    @Test("a server that takes no data is told nothing; the answer to ID_REQUEST has the end as it is now")
    func identification() throws {
        try withMember("data = no\n[history]\nhead-verdicts = 1") { fixture in
            try observeKeyed(fixture, 1)
            fixture.loop.turn()
            #expect(try RecordTests.heads(fixture.received()).isEmpty)
            try observeKeyed(fixture, 2)
            _ = fixture.link.takeMessages()
            try fixture.send(
                .identityRequest, token: Token(random: [UInt8](repeating: 9, count: 16), for: ShellFixture.beacon))
            guard case .data(_, let data)? = try fixture.received().first?.body else { throw Fault.noAnswer }
            struct Identification: Decodable { var audit: AuditLine }
            let told = try JSONDecoder().decode(Identification.self, from: Data(data.bytes)).audit
            let head = try #require(AuditHead(json: Array(told.json.utf8)))
            let key = try TestKeys.publicKey("obs_2048")
            #expect(head.link.number == 2 && head.isSigned(by: key))
        }
    }

    private enum Fault: Error { case noAnswer }

    @Test("the chain goes on after a restart and after a failed write, from the last row that is on disk")
    func restart() throws {
        try withMember("[history]\nhead-verdicts = 1000") { fixture in
            try observeKeyed(fixture, 1)
            try fixture.on { shell in
                _ = shell.transact { _ in
                    try shell.journal?.record(
                        .answered(
                            RequestID(server: ShellFixture.c2, token: self.token), device: device, .failed, .silence,
                            nil),
                        at: 1)
                    throw Journal.Failure.database(DatabaseError(code: 10, words: "disk I/O error"))
                }
            }
            try fixture.pass(.seconds(1))
            try observeKeyed(fixture, 2)
            let report = try ExportedRecord.of(fixture).check(try keys())
            #expect(report.holds && report.rows == 2, "\(report.faults)")
        }
    }

    private let token = Token(random: [UInt8](repeating: 77, count: 16))

    @Test("verdicts from before the chain are told as such")
    func unchained() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try journal.record(Sample.answered())
                try journal.commit()
            }
            try RecordedJournal.run(folder) { try RecordedJournal.answer($0, 2) }
            let report = try ExportedRecord.of(folder).check(try RecordedJournal.keys())
            #expect(report.holds && report.unchained == 1 && report.rows == 1, "\(report)")
        }
    }
}
