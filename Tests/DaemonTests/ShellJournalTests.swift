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

    @Test("a journal that was lost with its sequence ids: nothing is sent before each server has a floor")
    func unknownSequences() throws {
        try TemporaryFolder.with { folder in
            let state = try StateFolder(path: folder.url.path)
            let aside = folder.url.path + "/journal.sqlite"
            do {
                let journal = try Journal(state, bootID: "boot")
                try journal.record(.membership(ShellFixture.c2, .member))
                try journal.commit()
            }
            try Data("not a journal, for long enough\n".utf8).write(to: URL(filePath: aside))
            try FileManager.default.removeItem(atPath: state.sequences)
            let fixture = try ShellFixture(folder)
            #expect(fixture.log.texts.contains { $0.contains("sequence-floor") })
            let findings = try fixture.report().journal.findings
            #expect(findings.contains { $0.contains("set aside as") } && findings.contains { $0.contains("not known") })
            try fixture.observe(device, value, token: fixture.token(1))
            #expect(try fixture.received().isEmpty, "nothing is sent")
            #expect(try fixture.reload("sequence-floor = 5000") == "reloaded")
            let request = try #require(try fixture.received().first)
            #expect(request.body == .joinRequest && request.sequence.number > 5_000)
            try fixture.send(.response(.joinSuccess), token: request.token)
            #expect(try fixture.report().servers.map(\.membership) == [.known(.member)])
            #expect(try !fixture.report().journal.findings.contains { $0.contains("not known") })
        }
    }
}
