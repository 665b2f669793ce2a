import Auditing
import BootTime
import Foundation
import Keys
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon

let (server, otherServer) = (Identifier(0x9a8b_7c6d_5e4f_3021), Identifier(.max))
let (us, device) = (Identifier(0x2f0e_1d2c_3b4a_5968), Identifier(0x5f1e_2d3c_4b5a_6978))

/// A state folder whose journal the test opens and closes.
struct JournalFolder {
    let files: TemporaryFolder
    let state: StateFolder

    static func with<Result>(_ body: (JournalFolder) throws -> Result) throws -> Result {
        try TemporaryFolder.with { files in
            try body(JournalFolder(files: files, state: try StateFolder(path: files.url.path)))
        }
    }

    /// Opens the journal as a process of that boot does, passes it to a closure, and closes it again.
    @discardableResult
    func run<Result>(boot: String = "boot", _ body: (Journal) throws -> Result = { _ in }) throws -> Result {
        let journal = try Journal(state, bootID: boot)
        defer { withExtendedLifetime(journal) {} }
        return try body(journal)
    }

    /// A copy of this folder as it is now, open journal or not: what a power cut would leave.
    func copied<Result>(_ body: (JournalFolder) throws -> Result) throws -> Result {
        try JournalFolder.with { copy in
            for name in try FileManager.default.contentsOfDirectory(atPath: files.url.path) where name != "reserve" {
                try FileManager.default.copyItem(atPath: files.path(name), toPath: copy.files.path(name))
            }
            return try body(copy)
        }
    }

    /// Overwrites bytes of the journal, starting at an offset.
    func overwrite(at offset: UInt64, with bytes: [UInt8]) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: state.journal))
        defer { try? handle.close() }
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data(bytes))
    }

    var journalLength: Int { (try? Data(contentsOf: URL(filePath: state.journal)).count) ?? 0 }

    var names: Set<String> { Set((try? FileManager.default.contentsOfDirectory(atPath: files.url.path)) ?? []) }
}

/// Messages and changes to record.
enum Sample {
    /// A response of ours with a sequence id. Its signature is not checked here.
    static func response(_ sequence: UInt64, _ token: Token = Sample.token) -> Message {
        Message(
            sequence: SequenceID(sequence), sender: us, token: token, body: .response(.observedJoinValid))
    }

    static func join(_ sequence: UInt64) -> Message {
        Message(sequence: SequenceID(sequence), sender: us, token: Sample.token, body: .joinRequest)
    }

    static let token = Token(random: Array(0..<16))
    static let exchange = RequestID(server: server, token: token)
    static func exchange(_ number: UInt8) -> RequestID {
        RequestID(server: server, token: Token(random: Array(repeating: number, count: 16)))
    }

    /// A request from the server, signed with its key from the vectors.
    static func request(_ exchange: RequestID = Sample.exchange) throws -> [UInt8] {
        let body = Body.observationRequest(joining: device, sealed: Octets([1, 2, 3]))
        return try Message(sequence: SequenceID(1), sender: server, token: exchange.token, body: body)
            .signed(by: TestKeys.privateKey("c2_2048"))
    }

    static let evidence = Evidence(
        peer: Peer(transport: .local, address: "process 1 of user 2", security: LinkSecurity.none, signal: -40),
        mode: .challenge,
        roundTrip: .microseconds(1_234), attempts: 2, grade: .challenged, isTimed: false)

    static func opened(_ exchange: RequestID = Sample.exchange, deadline: Int64 = 7_000) throws -> Change {
        .opened(exchange, device: device, frame: try request(exchange), deadline: Instant(nanoseconds: deadline))
    }

    static func answered(_ exchange: RequestID = Sample.exchange, _ verdict: Verdict = .valid) -> Change {
        .answered(exchange, device: device, verdict, .matched, evidence)
    }
}

extension Journal {
    /// Queues a message; what its bytes are does not matter to the journal.
    @discardableResult
    func queue(_ message: Message, to server: Identifier = server) throws -> Int64 {
        try queue([UInt8(truncatingIfNeeded: message.sequence.number)], message, to: server)
    }

    func record(_ changes: Change..., at seconds: Int64 = 1_000) throws {
        for change in changes { try record(change, at: seconds) }
    }

    /// What it knows about a server.
    func standing(_ server: Identifier = server) throws -> StoredServer? { try servers().first { $0.server == server } }

    /// Everything it holds, for comparison, except the last id sent, which increases each time it is opened.
    func content() throws -> [String] {
        let keyring = try TestKeys.keyring("c2_2048", of: server)
        return try servers().sorted { $0.server.number < $1.server.number }.map {
            "\($0.server) \($0.membership) \($0.lastAccepted?.number ?? 0)"
        }
            + openObservations(keyring).map { "\($0.exchange) \($0.device) \($0.deadline) \($0.mismatches)" }.sorted()
            + outbox().map { "\($0.id) \($0.topic) \($0.frame)" } + history(limit: 1_000).map(\.text) + chainContent()
    }

    /// Its rows in the chain; each must have the digest that follows from the one before it.
    private func chainContent() throws -> [String] {
        let pages = try AuditContent.lines(of: self)
        guard let chain = verdictChain else { return pages }
        #expect(
            chain.pending != nil || pages.count == chain.link.number,
            "\(pages.count) rows, \(chain.link.number) in memory")
        return pages
    }
}

/// The rows of a chain, checked against each other.
private enum AuditContent {
    static func lines(of journal: Journal) throws -> [String] {
        var place: AuditLink?
        return try journal.database.rows("SELECT chain, first FROM audit_chains ORDER BY first").flatMap { chain in
            place = place ?? AuditLink(beginning: chain.unsigned(0), of: us)
            return try journal.auditRows().map { row, link in
                place = place?.next(row.content)
                #expect(place == link, "row \(link.number) is not in its place")
                return "\(link.number) \(hexadecimal(row.content))"
            }
        }
    }
}

extension Publishing.Queued {
    var id: Int64 { message.id }
    var topic: String { message.topic }
    var frame: [UInt8] { message.payload }
}
