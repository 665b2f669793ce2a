import Foundation
import Observing
import ProofLink
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Broker
@testable import Daemon

@Suite("The shell and its journal", .blocking)
struct ShellJournalTests {
    private let ioError = Journal.Failure.database(DatabaseError(code: 10, words: "disk I/O error"))
    private let value = Secret([UInt8](repeating: 7, count: Secret.length)) ?? .random()

    private func metrics(_ fixture: ShellFixture) throws -> String { try fixture.on { $0.exposition } }

    @Test("while the journal cannot be written nothing is taken, links are closed, and devices come back later")
    func journalFails() throws {
        try withMember { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            let link = try fixture.connectDevice()
            _ = try link.receive()
            let fault = ioError
            #expect(try fixture.on { $0.transact { _ in throw fault } } == false)
            #expect(link.isClosed)
            #expect(try fixture.send(.identityRequest, token: fixture.token(2)) == false)
            #expect(try fixture.connectDevice().receive() == .outcome(.busy, tag: LinkFrame.noTag))
            #expect(try fixture.report().journal.state == .failing)
            #expect(try metrics(fixture).contains("srup_beacon_journal_writable 0\n"))
            #expect(try fixture.on { $0.statusLine } == fault.message)
            #expect(fixture.log.texts.count { $0.contains("nothing is acted on until it can") } == 1)
        }
    }

    @Test("a second later it continues with what is on disk, and tells the broker link")
    func journalRecovers() throws {
        try withMember { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            let fault = ioError
            try fixture.on { _ = $0.transact { _ in throw fault } }
            _ = (fixture.link.take(), fixture.log.take())
            try fixture.pass(.seconds(1))
            #expect(fixture.link.take().last == "hurry")
            #expect(fixture.log.texts.last == "the journal can be written again")
            #expect(try fixture.report().journal.state == .ok)
            #expect(try fixture.connectDevice().prove(value, as: device)?.outcome == .valid)
        }
    }

    @Test("a full disk and damage are told apart; damage sets the journal aside, and servers are asked again")
    func damage() throws {
        try withMember { fixture in
            let full = Journal.Failure.database(DatabaseError(code: 13, words: "database or disk is full"))
            try fixture.on { _ = $0.transact { _ in throw full } }
            #expect(try fixture.report().journal.state == .full)
            try fixture.pass(.seconds(1))
            let damaged = Journal.Failure.database(DatabaseError(code: 11, words: "malformed"))
            try fixture.on { _ = $0.transact { _ in throw damaged } }
            _ = fixture.link.takeMessages()
            try fixture.pass(.seconds(1))
            #expect(try fixture.report().journal.findings.count == 1)
            #expect(fixture.log.texts.contains { $0.contains("was damaged and has been set aside") })
            #expect(try fixture.received().last?.body == .joinRequest)
            #expect(try fixture.report().servers.map(\.membership) != [.known(.member)])
        }
    }

    /// A state folder whose journal and sequence ids are lost.
    private func withLostFolder(
        _ wall: WallClock, _ settings: String = "", _ body: (ShellFixture) throws -> Void
    ) throws {
        try TemporaryFolder.with { folder in
            let state = try StateFolder(path: folder.url.path)
            do {
                let journal = try Journal(state, bootID: "boot")
                try journal.record(.membership(ShellFixture.c2, .member))
                try journal.commit()
            }
            try Data("not a journal, for long enough\n".utf8).write(to: URL(filePath: state.journal))
            try FileManager.default.removeItem(atPath: state.sequences)
            try body(try ShellFixture(folder, settings, wall: wall))
        }
    }

    @Test(
        "a journal that was lost with its sequence ids: the beacon joins again by itself, above all that it can have used"
    )
    func unknownSequences() throws {
        let wall = WallClock()
        try withLostFolder(wall) { fixture in
            let request = try #require(try fixture.received().first)
            #expect(
                request.body == .joinRequest
                    && request.sequence == SequenceID(UInt64(wall.microseconds) + Observer.sequenceStep))
            try fixture.send(.response(.joinSuccess), token: request.token)
            #expect(try fixture.report().servers.map(\.membership) == [.known(.member)])
            wall.microseconds += 5_000_000
            try fixture.reopenJournal()
            let sent = try #require(try fixture.report().servers.first?.lastSent)
            #expect(sent < UInt64(WallClock.newYear) + 2_000_000, "where ids are known the clock decides nothing")
        }
    }

    @Test("the same with a wrong clock: nothing is sent until it is right; that is told, and so is what to do")
    func wrongClock() throws {
        let wall = WallClock()
        wall.microseconds = 3_600_000_000
        try withLostFolder(wall) { fixture in
            #expect(fixture.log.texts.contains { $0.contains("1970-01-01") && $0.contains("sequence-floor") })
            let findings = try fixture.report().journal.findings
            #expect(findings.contains { $0.contains("set aside as") } && findings.contains(SequenceStarts.finding))
            try fixture.observe(device, value, token: fixture.token(1))
            let order = try fixture.on { String(decoding: $0.answer("join c2 configured"), as: UTF8.self) }
            #expect(order.contains("clock is wrong"), "\(order)")
            try fixture.pass(.seconds(30))
            #expect(try fixture.received().isEmpty, "nothing is sent")
            wall.microseconds = WallClock.newYear
            try fixture.pass(.seconds(10))
            #expect(
                try fixture.received().map(\.sequence) == [
                    SequenceID(UInt64(WallClock.newYear) + Observer.sequenceStep)
                ])
            #expect(try !fixture.report().journal.findings.contains(SequenceStarts.finding))
        }
    }

    @Test("the same with a floor in place of a clock")
    func floor() throws {
        let wall = WallClock()
        wall.microseconds = 0
        try withLostFolder(wall) { fixture in
            let reply = try fixture.reload("sequence-floor = 5000")
            let sent = try fixture.received().map(\.sequence)
            #expect(reply == "reloaded" && sent == [SequenceID(5_000 + Observer.sequenceStep)])
            #expect(try !fixture.report().journal.findings.contains(SequenceStarts.finding))
        }
    }

    @Test("a server that is new in the configuration may have heard this beacon before: ids begin at the clock as well")
    func newServer() throws {
        let wall = WallClock()
        try withMember(wall: wall) { fixture in
            wall.microseconds += 7_000_000
            let second = "[server c3]\nkey = \(fixture.file)"
            #expect(try fixture.reload(second) == "reloaded")
            let requests = try fixture.received()
            #expect(requests.map(\.sequence) == [SequenceID(UInt64(wall.microseconds) + Observer.sequenceStep)])
        }
    }

    @Test("a state folder that was emptied beside a key that was in use is told as lost, and the first start is not")
    func mark() throws {
        try TemporaryFolder.with { folder in
            let state = try StateFolder(path: folder.url.path)
            let first = try ShellFixture(folder)
            #expect(try first.report().journal.findings.isEmpty)
            try first.close()
            try FileManager.default.removeItem(atPath: state.journal)
            try FileManager.default.removeItem(atPath: state.sequences)
            let second = try ShellFixture(folder)
            #expect(try second.report().journal.findings.count == 1)
            #expect(second.log.texts.contains { $0.contains("the journal is missing") })
            try second.close()
        }
    }
}
