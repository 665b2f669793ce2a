import CutDisk
import Foundation
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

/// The journal on a disk that keeps what was synced, and arbitrary sectors of the rest (Tests/CutDisk). There is only one.
@Suite("A power cut at any write by SQLite", .serialized)
struct PowerCutTests {
    /// Scripts/faults asks for more.
    private static let cuts = ProcessInfo.processInfo.environment["SRUP_FAULTS_CUTS"].flatMap { Int($0) } ?? 300

    init() throws { try #require(cut_disk_install() == 0) }

    /// How a run ended.
    private struct Run {
        /// What had been committed and acknowledged when the power failed.
        var committed: [String]?
        /// What was being committed.
        var pending: [String]?
        var sent = SequenceID(0)
        var isFinished = false
    }

    /// Opens a journal on the disk and changes it, always in the same way for a seed, until the power fails.
    private func change(_ folder: JournalFolder, seed: UInt64) -> Run {
        var (run, generator) = (Run(), Seeded(seed))
        do {
            let journal = try Journal(folder.state, bootID: "boot", disk: "cut-disk")
            try journal.beginRecord(of: us, key: TestKeys.publicKey("obs_2048"), RecordedJournal.retention, at: 1)
            run.committed = try journal.content()
            var next: UInt8 = 0
            var open: [UInt8] = []
            var queued: [Int64] = []
            for _ in 0..<12 {
                for _ in 0...Int.random(in: 0..<3, using: &generator) {
                    switch Int.random(in: 0..<5, using: &generator) {
                    case 0, 1:
                        next += 1
                        open.append(next)
                        try journal.record(try Sample.opened(Sample.exchange(next)))
                    case 2 where !open.isEmpty:
                        let number = open.removeFirst()
                        try journal.record(Sample.answered(Sample.exchange(number)))
                        let response = Sample.response(UInt64(number) * 4_000, Sample.exchange(number).token)
                        queued.append(try journal.queue(response))
                        try journal.add([number], response, to: server)
                    case 3 where !queued.isEmpty: _ = try journal.delivered([queued.removeFirst()], at: 5)
                    default: try journal.record(.accepted(server, SequenceID(UInt64(next) + 1)))
                    }
                }
                run.pending = try journal.content()
                try journal.commit()
                (run.committed, run.pending) = (run.pending, nil)
                run.sent = try journal.standing()?.lastSent ?? run.sent
            }
            run.isFinished = true
        } catch {
            // Reading always succeeds: only the first write fails.
        }
        return run
    }

    /// Runs until the power fails at an operation, and then starts a beacon with what is on the disk.
    /// - Returns: what is wrong with what it finds; nil if nothing is.
    private func cut(at operation: Int, seed: UInt64, forgetfully: Bool = false) throws -> String? {
        try JournalFolder.with { folder in
            cut_disk_begin(operation, seed)
            if forgetfully { cut_disk_forget_syncs() }
            let run = change(folder, seed: seed)
            cut_disk_cut()
            return try folder.copied { copy in
                try #require(cut_disk_leave(copy.state.path) == 0)
                return try copy.run { journal in
                    let content = try journal.content()
                    guard let committed = run.committed else {
                        return content == [] ? nil : "it holds what nobody wrote"
                    }
                    guard content == committed || content == run.pending else { return "it holds something else" }
                    guard journal.finding == .whole else { return "\(journal.finding)" }
                    let ceiling = try SequenceReservation(reading: copy.state)?.ceilings[server] ?? SequenceID(0)
                    return ceiling >= run.sent ? nil : "the ceiling is below what was sent"
                }
            }
        }
    }

    @Test("nothing committed is lost, nothing is partly written, and the journal continues")
    func anywhere() throws {
        var generator = Seeded(20_261_128)
        var (operations, wrong) = (0, 0)
        for round in 0..<Self.cuts {
            let seed = UInt64(round)
            if round % 10 == 0 {
                // How long a run is, so that the power is cut everywhere in it.
                try JournalFolder.with { folder in
                    cut_disk_begin(0, seed)
                    #expect(change(folder, seed: seed).isFinished)
                }
                operations = cut_disk_operations()
                try #require(operations > 50)
            }
            let operation = Int.random(in: 1...operations, using: &generator)
            guard let fault = try cut(at: operation, seed: seed) else { continue }
            wrong += 1
            Issue.record("seed \(seed), operation \(operation): \(fault)")
        }
        print("power cuts: \(Self.cuts) simulated, \(wrong) wrong")
    }

    @Test("this test detects a disk that reports a sync that it has not done")
    func canFail() throws {
        #expect(try (0..<30).contains { try cut(at: 100, seed: $0, forgetfully: true) != nil })
    }
}
