import Foundation
import Keys
import Observing
import ProofLink
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

/// What the record costs with each verdict, beside the same journal without it. Measured are the bytes of the journal's file, and the time
/// from the verdict's change to the commit of its acknowledgement, which includes two commits; not the opening, signing and publishing.
/// SRUP_MEASURE_RECORD=N does it with N verdicts.
@Suite("The cost of the record", .blocking)
struct RecordCostTests {
    /// Its times are printed for more verdicts than the bound on the bytes needs.
    private static let verdicts =
        ProcessInfo.processInfo.environment["SRUP_MEASURE_RECORD"].flatMap { Int($0) } ?? 64

    private struct Cost {
        var microseconds: Double
        var bytes: Double
    }

    /// Frames as long as real ones: the journal does not look into them.
    private let request: [UInt8], response: [UInt8], proofFrame: [UInt8], proof: [UInt8]

    init() throws {
        let key = try TestKeys.privateKey("c2_2048")
        let token = RecordCostTests.exchange(0).token
        func frame(_ body: Body) throws -> [UInt8] {
            try Message(sequence: SequenceID(1), sender: us, token: token, body: body).signed(by: key)
        }
        let sealed = Octets(try key.publicKey.seal(.random()))
        request = try Message(
            sequence: SequenceID(1), sender: server, token: token,
            body: .observationRequest(joining: device, sealed: sealed)
        ).signed(by: key)
        response = try frame(.response(.observedJoinValid))
        proof = [UInt8](repeating: 1, count: KeyedContext.length + 3 * 32 + 256)
        proofFrame = try frame(.data(id: DataID.observationProof.octets, data: Octets(proof)))
    }

    private static func exchange(_ number: Int) -> RequestID {
        var bytes = [UInt8](repeating: 0, count: 16)
        withUnsafeBytes(of: UInt64(number)) { bytes.replaceSubrange(0..<8, with: $0) }
        return RequestID(server: server, token: Token(random: bytes, server: server, beacon: us))
    }

    /// One verdict after another, each opened and decided in transactions of their own, and its messages delivered.
    private func cost(recorded: Bool, keyed: Bool) throws -> Cost {
        try JournalFolder.with { folder in
            try folder.run { journal in
                if recorded {
                    try journal.beginRecord(
                        of: us, key: TestKeys.publicKey("obs_2048"), VerdictRecord.Retention(), at: 1)
                }
                var taken = Duration.zero
                for number in 0..<RecordCostTests.verdicts {
                    let exchange = RecordCostTests.exchange(number)
                    try journal.record(.opened(exchange, device: device, frame: request, deadline: 7_000), at: 1)
                    try journal.commit()
                    taken += try ContinuousClock().measure { try answer(exchange, keyed, journal) }
                }
                try journal.database.script("PRAGMA wal_checkpoint(TRUNCATE)")
                return Cost(
                    microseconds: taken / .microseconds(1) / Double(RecordCostTests.verdicts),
                    bytes: Double(folder.journalLength) / Double(RecordCostTests.verdicts))
            }
        }
    }

    private func answer(_ exchange: RequestID, _ keyed: Bool, _ journal: Journal) throws {
        try journal.record(.answered(exchange, device: device, .valid, .matched, Sample.evidence), at: 2)
        var ids: [Int64] = []
        func send(_ body: Body, _ frame: [UInt8]) throws {
            let message = Message(sequence: SequenceID(1), sender: us, token: exchange.token, body: body)
            ids.append(try journal.queue(frame, message, to: exchange.server))
            try journal.add(frame, message, to: exchange.server)
        }
        if keyed {
            try journal.record(.proof(exchange, proof), at: 2)
            try send(.data(id: DataID.observationProof.octets, data: Octets(proof)), proofFrame)
        }
        try send(.response(.observedJoinValid), response)
        try journal.commit()
        _ = try journal.delivered(ids, at: 3)
        try journal.commit()
    }

    @Test("a verdict takes at most 1,500 bytes more in challenge mode, and 2,400 in keyed mode")
    func bytes() throws {
        for (keyed, most) in [(false, 1_500.0), (true, 2_400.0)] {
            let (without, with) = (try cost(recorded: false, keyed: keyed), try cost(recorded: true, keyed: keyed))
            #expect(with.bytes - without.bytes <= most)
            print(
                """
                record, \(keyed ? "keyed" : "challenge") mode: \(Int(with.bytes - without.bytes)) bytes and \
                \(Int(with.microseconds - without.microseconds)) µs more for each of \(RecordCostTests.verdicts) verdicts; \
                without it \(Int(without.bytes)) bytes and \(Int(without.microseconds)) µs
                """)
        }
    }

    @Test(
        "what is written with a verdict is written in its transaction: none of it is there before the commit, and all of it after"
    )
    func commits() throws {
        try JournalFolder.with { folder in
            try RecordedJournal.run(folder) { journal in
                try journal.record(Sample.opened(), Sample.answered())
                let message = Sample.response(16)
                _ = try journal.queue(response, message, to: server)
                try journal.add(response, message, to: server)
                try folder.copied { copy in
                    try copy.run { try #expect($0.auditRows().isEmpty && $0.history(limit: 1).isEmpty) }
                }
                try journal.commit()
                try folder.copied { copy in
                    try copy.run { try #expect($0.auditRows().count == 1 && $0.history(limit: 1).count == 1) }
                }
            }
        }
    }
}
