import Foundation
import Observing
import SRUP
import SQLite
import TestVectors
import Testing

@testable import Daemon

@Suite("The answer to ID_REQUEST")
struct IdentificationTests {
    private struct Told: Decodable {
        var accepted: Int, adapters: [[String: String]], certificateExpires: String?, configuration: String
        var name, site, position: String?
        var observing: Bool, open: Int, paused: Bool, product: String, refused: Int
        var transports: [String], uptimeSeconds: Int, version: String
    }

    private static func ask(_ fixture: ShellFixture, _ number: UInt8) throws -> Told {
        _ = fixture.link.take()
        try fixture.send(.identityRequest, token: fixture.token(number))
        let answer = try #require(try fixture.received().last)
        guard case .data(let id, let data) = answer.body else { preconditionFailure("\(answer)") }
        #expect(DataID(id) == .identification && data.bytes.count <= 4_096)
        #expect(String(decoding: data.bytes, as: UTF8.self).hasPrefix("{\"accepted\":"), "sorted keys")
        return try JSONDecoder().decode(Told.self, from: Data(data.bytes))
    }

    @Test("tells name, site, position and configuration as they are when it is asked, not as they were at the start")
    func place() throws {
        try withMember { fixture in
            let first = try Self.ask(fixture, 1)
            #expect(first.name == nil && first.site == nil && first.position == nil && first.product == "srup-beacon")
            #expect(first.version == Shell.version && first.transports == ["rfcomm", "l2cap", "le"])
            _ = try fixture.reload(
                "[beacon]\nname = North gate\nsite = harbour\nposition = 51.95,4.14\n[log]\nlevel = debug")
            try fixture.pass(.seconds(5))
            let second = try Self.ask(fixture, 2)
            #expect(second.name == "North gate" && second.site == "harbour" && second.position == "51.95,4.14")
            #expect(second.configuration != first.configuration)
            #expect(try second.configuration == fixture.report().configuration)
            #expect(second.uptimeSeconds == first.uptimeSeconds + 5)
        }
    }

    @Test("tells this server's open observations and verdicts of today, and whether it has paused the beacon")
    func counts() throws {
        try withMember { fixture in
            let device = Identifier(0xde01)
            let value = Secret.random()
            try fixture.observe(device, value, token: fixture.token(10))
            var told = try Self.ask(fixture, 1)
            #expect(told.open == 1 && told.accepted == 0 && told.refused == 0 && !told.paused)
            #expect(!told.observing, "no transport is listened on in this test")
            #expect(try fixture.connectDevice().prove(value, as: device)?.outcome == .valid)
            try fixture.observe(device, value, token: fixture.token(11))
            try fixture.pass(.seconds(121))
            try fixture.send(.action(Action.pause.rawValue), token: fixture.token(12))
            told = try Self.ask(fixture, 2)
            #expect(told.open == 0 && told.accepted == 1 && told.refused == 1 && told.paused && !told.observing)
            try fixture.reopenJournal()
            told = try Self.ask(fixture, 3)
            #expect(told.accepted == 1 && told.refused == 1, "the journal has them")
            #expect(try fixture.on { $0.verdictsToday.counts(of: Identifier(0xc3), at: wallSeconds()) } == .init())
        }
    }
}

@Suite("The verdicts of today")
struct VerdictsTodayTests {
    private let server = Identifier(0xc2)

    @Test("begin again at 00:00 UTC")
    func midnight() {
        var today = VerdictsToday()
        today.note(.valid, to: server, at: 86_399)
        today.note(.failed, to: server, at: 86_399)
        today.note(.invalid, to: Identifier(0xc3), at: 86_399)
        #expect(today.counts(of: server, at: 86_399) == .init(accepted: 1, refused: 1))
        #expect(today.counts(of: server, at: 86_400) == .init())
        today.note(.valid, to: server, at: 86_400)
        #expect(today.counts(of: server, at: 86_400) == .init(accepted: 1, refused: 0))
        #expect(VerdictsToday.day(of: -1) == -1)
    }

    @Test("are found without looking at the history before them")
    func plan() throws {
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(folder)
            let plan = try fixture.on { shell in
                try shell.journal?.database.rows("EXPLAIN QUERY PLAN " + Journal.ofToday, .integer(0)).map {
                    $0.text(3) ?? ""
                }
            }
            #expect(plan?.contains("SEARCH verdicts USING INTEGER PRIMARY KEY (rowid>?)") == true, "\(plan ?? [])")
            let sorts = plan?.filter { $0.contains("USE TEMP B-TREE FOR ORDER BY") } ?? []
            #expect(sorts.isEmpty, "the newest row that is older is found from the end")
        }
    }
}
