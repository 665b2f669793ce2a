import Foundation
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("The shell as a member of its server", .blocking)
struct ShellMembershipTests {
    private func with(_ settings: String = "", _ body: (ShellFixture) throws -> Void) throws {
        try TemporaryFolder.with { try body(try ShellFixture($0, settings)) }
    }

    /// A token of a command to a node.
    private func command(_ number: UInt8, to node: Identifier = ShellFixture.beacon) -> Token {
        Token(random: [UInt8](repeating: number, count: 16), for: node)
    }

    private func membership(_ fixture: ShellFixture) throws -> [String] {
        try fixture.on { $0.statusReport.servers.map(\.membership.rawValue) }
    }

    @Test("an answer under an unknown token does not make the beacon a member: one line, one count")
    func foreignToken() throws {
        try with { fixture in
            let asked = try #require(try fixture.received().first)
            _ = fixture.log.take()
            try fixture.send(.response(.joinSuccess), token: command(1))
            #expect(try fixture.refused("not-now") == 1 && membership(fixture) == ["joining"])
            #expect(fixture.log.texts.count { $0.hasPrefix("refused RESPONSE from \(ShellFixture.c2)") } == 1)
            try fixture.send(.response(.joinSuccess), token: asked.token)
            #expect(try membership(fixture) == ["member"])
        }
    }

    @Test("the beacon joins by itself; with join = no only when the server names it in a JOIN_CMD")
    func calledFirst() throws {
        try with("join = no") { fixture in
            try fixture.pass(.seconds(3_600))
            #expect(try fixture.received().isEmpty)
            try fixture.send(.joinCommand(device: device), token: command(1))
            #expect(try fixture.refused("not-for-us") == 1 && fixture.received().isEmpty)
            try fixture.send(.joinCommand(device: ShellFixture.beacon), token: command(2))
            let request = try #require(try fixture.received().first)
            #expect(request.body == .joinRequest)
            #expect(fixture.log.texts.contains("server \(ShellFixture.c2) has told us to join"))
        }
    }

    @Test("after TERMINATE the server's own JOIN_CMD brings the beacon back, and one for another does not")
    func calledBack() throws {
        try with { fixture in
            try fixture.join()
            try fixture.send(.terminateCommand, token: command(1))
            #expect(try membership(fixture) == ["terminated"])
            try fixture.send(.joinCommand(device: device), token: command(2))
            #expect(try fixture.refused("not-for-us") == 1 && membership(fixture) == ["terminated"])
            try fixture.send(.joinCommand(device: ShellFixture.beacon), token: command(3))
            #expect(try fixture.received().last?.body == .joinRequest)
        }
    }

    @Test("a request to resign waits for the server's answer; after success nothing from that server is accepted")
    func resigning() throws {
        try with { fixture in
            try fixture.join()
            let name = ShellFixture.c2.topicForm
            _ = try fixture.on { $0.answer("resign \(name)") }
            let first = try #require(try fixture.received().last)
            #expect(try first.body == .resignRequest && membership(fixture) == ["resigning"])
            try fixture.send(.response(.resignFail), token: first.token)
            #expect(try membership(fixture) == ["member"])
            #expect(fixture.log.texts.contains { $0.contains("does not let this beacon leave") })
            _ = try fixture.on { $0.answer("resign \(name)") }
            let second = try #require(try fixture.received().last)
            try fixture.send(.response(.resignSuccess), token: second.token)
            #expect(try membership(fixture) == ["resigned"])
            try fixture.send(.joinCommand(device: ShellFixture.beacon), token: command(1))
            #expect(try fixture.refused("not-now") == 1)
            _ = try fixture.on { $0.answer("join \(name) configured") }
            #expect(try fixture.received().last?.body == .joinRequest)
        }
    }

    @Test("a server's ACTION for another device, copied to our topic, is refused in one line and does nothing")
    func copiedAction() throws {
        try with { fixture in
            try fixture.join()
            try fixture.send(.action(Action.pause.rawValue), token: command(1, to: device))
            #expect(try fixture.refused("not-for-us") == 1 && fixture.received().isEmpty)
            #expect(fixture.log.texts.count { $0.contains("it does not name this beacon") } == 1)
            #expect(try fixture.on { $0.statusReport.servers.first?.paused } == false)
        }
    }

    @Test("a JOIN_CMD of a stranger, and the server's commands to another node, are refused in one line each")
    func strangersCommands() throws {
        try with { fixture in
            try fixture.join()
            let join = Body.joinCommand(device: ShellFixture.beacon)
            try fixture.send(join, token: command(1), from: Identifier(0xde02))
            #expect(try fixture.refused("unknown-sender") == 1)
            #expect(fixture.log.texts.count { $0.hasPrefix("refused a message on t") } == 1)
            try fixture.send(.joinCommand(device: device), token: command(2, to: device))
            try fixture.send(.action(Action.pause.rawValue), token: command(3, to: device))
            #expect(try fixture.refused("not-for-us") == 2 && fixture.received().isEmpty)
            for name in ["JOIN_CMD", "ACTION"] {
                let line = "refused \(name) from \(ShellFixture.c2): it does not name this beacon"
                #expect(fixture.log.texts.count { $0.hasPrefix(line) } == 1, "\(name)")
            }
            #expect(!fixture.log.texts.contains { $0.contains("has told us to join") })
            #expect(try membership(fixture) == ["member"])
        }
    }

    @Test("IDENTIFY blinks the light for the seconds that the server has given")
    func identify() throws {
        try TemporaryFolder.with { folder in
            let light = try folder.write(Data(), to: "brightness")
            let fixture = try ShellFixture(folder, beacon: "light = \(light)")
            try fixture.join()
            let seconds = Body.data(id: Octets("IDENTIFY_SECONDS".utf8), data: Octets([1, 0, 0, 0]))
            try fixture.send(seconds, token: command(1))
            try fixture.send(.action(Action.identify.rawValue), token: command(2))
            #expect(try fixture.received().last?.body == .response(.actionSuccess))
            var seen = [try String(contentsOfFile: light, encoding: .utf8)]
            for _ in 0..<8 {
                try fixture.pass(IdentificationLight.pause)
                seen.append(try String(contentsOfFile: light, encoding: .utf8))
            }
            #expect(seen == ["1", "0", "1", "0", "0", "0", "0", "0", "0"])
        }
    }

    @Test("a server that has lost its state is refused as replayed until the beacon asks again; explain says so")
    func replayed() throws {
        try with { fixture in
            try fixture.join()
            // Its sequence ids start again.
            let early = try fixture.message(
                .joinCommand(device: ShellFixture.beacon), token: command(1), sequence: 1)
            try fixture.take(early)
            #expect(try fixture.refused("replayed") == 1)
            let name = ShellFixture.c2.topicForm
            let explained = String(decoding: try fixture.on { $0.answer("explain \(name)") }, as: UTF8.self)
            #expect(explained.contains("as replayed: sequence id 1 is not above"), "\(explained)")
            _ = try fixture.on { $0.answer("join-again \(name) configured") }
            let request = try #require(try fixture.received().last)
            #expect(request.body == .joinRequest)
            let answer = try fixture.message(
                .response(.joinSuccess), token: request.token, sequence: request.sequence.number + 1)
            try fixture.take(answer)
            let later = try fixture.message(
                .joinCommand(device: ShellFixture.beacon), token: command(2), sequence: request.sequence.number + 2)
            try fixture.take(later)
            #expect(fixture.log.texts.contains { $0.contains("has told us to join") })
        }
    }

    @Test(
        "an update without an updater is answered; from a server that may not, and under a token for nobody, it is refused and counted"
    )
    func updates() throws {
        let digest = Octets(terminated: String(repeating: "07", count: 32))
        let order = Body.initiate(url: Octets(terminated: "https://localhost/file"), digest: digest)
        try with { fixture in
            try fixture.join()
            try fixture.send(order, token: command(1))
            try fixture.send(.activate, token: command(1))
            #expect(try fixture.refused("not-allowed") == 0)
            #expect(try fixture.received().map(\.body) == [.response(.updateFailFile), .response(.activateFail)])
            #expect(
                try fixture.report().update == nil
                    && fixture.log.texts.contains { $0.contains("is answered: update failed") })
        }
        try with("update-command = no\n[update]\nupdater = /usr/lib/updater") { fixture in
            try fixture.join()
            try fixture.send(order, token: command(1))
            try fixture.send(.activate, token: command(1))
            #expect(try fixture.refused("not-allowed") == 2)
            try fixture.send(order, token: Token(random: [UInt8](repeating: 9, count: 16)))
            #expect(try fixture.refused("not-for-us") == 1)
            #expect(try fixture.received().isEmpty && fixture.report().update == nil)
        }
    }

    @Test("ID_REQUEST is answered with product, version and transports; unknown DATA with 3F")
    func identity() throws {
        try with("[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = /nowhere/link") { fixture in
            try fixture.join()
            try fixture.send(.identityRequest, token: command(1))
            guard case .data(let id, let data)? = try fixture.received().last?.body else {
                Issue.record("no DATA")
                return
            }
            #expect(id.bytes == Array("IDENTIFICATION".utf8))
            let answer = try JSONSerialization.jsonObject(with: Data(data.bytes)) as? [String: Any]
            #expect(answer?["product"] as? String == "srup-beacon" && answer?["version"] as? String == Shell.version)
            #expect(answer?["transports"] as? [String] == ["local"])
            try fixture.send(.data(id: Octets("NOBODY".utf8), data: Octets([1])), token: command(2))
            #expect(try fixture.received().map(\.body) == [.response(.dataTypeUnknown)])
        }
        try with("recipient = broker") { fixture in
            try fixture.join()
            try fixture.send(.identityRequest, token: command(1))
            guard case .data(let id, _)? = try fixture.received().last?.body else {
                Issue.record("no DATA")
                return
            }
            #expect(id.bytes == Array("IDENTIFICATION_RESPONSE".utf8), "as the reference knows it")
        }
    }

    @Test("ACTION: a missing light and an unused radio are answered with 2F, an unknown action with 2E")
    func actions() throws {
        try with("[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = /nowhere/link") { fixture in
            try fixture.join()
            for (code, status) in [(0x03, Status.actionFail), (0x04, .actionFail), (0x63, .actionUnknown)] {
                try fixture.send(.action(UInt8(code)), token: command(UInt8(code)))
                #expect(try fixture.received().map(\.body) == [.response(status)])
            }
        }
    }

    @Test("requests of a paused server are answered fail, and its other messages are processed")
    func paused() throws {
        try with { fixture in
            try fixture.join()
            try fixture.send(.action(Action.pause.rawValue), token: command(1))
            try fixture.observe(device, .random(), token: fixture.token(2))
            #expect(try fixture.received().map(\.body) == [.response(.actionSuccess), .response(.observedJoinFail)])
            #expect(try fixture.on { $0.statusReport.servers.map(\.text) }.first?.contains("member, paused") == true)
            try fixture.send(.action(Action.resume.rawValue), token: command(3))
            try fixture.observe(device, .random(), token: fixture.token(4))
            #expect(try fixture.received().map(\.body) == [.response(.actionSuccess)])
        }
    }

    @Test("a server that does not answer for a minute is told in status and explain, and asked again above the clock")
    func silent() throws {
        try TemporaryFolder.with { folder in
            let wall = WallClock()
            let fixture = try ShellFixture(folder, wall: wall)
            let name = ShellFixture.c2.topicForm
            let first = try #require(try fixture.received().last)
            wall.microseconds += 61_000_000
            try fixture.pass(.seconds(61))
            let report = try fixture.report()
            #expect(report.text.contains("joining, not answered") && report.text.contains("higher sequence ids"))
            let explained = String(decoding: try fixture.on { $0.answer("explain \(name)") }, as: UTF8.self)
            #expect(explained.contains("SRUP/servers/\(name)/#") && explained.contains("forget"), "\(explained)")
            #expect(fixture.log.texts.count { $0.contains("has not answered for a minute") } == 1)
            let again = try #require(try fixture.received().last)
            #expect(again.body == .joinRequest && again.token == first.token)
            #expect(again.sequence == SequenceID(UInt64(wall.microseconds) + Observer.sequenceStep))
            try fixture.send(.response(.joinSuccess), token: again.token)
            #expect(try fixture.report().servers.first?.text.contains("member, sequence ids") == true)
        }
    }

    @Test(
        "after join --again everything has ids above the clock, which is above those of an older copy that was restored"
    )
    func aboveClock() throws {
        let wall = WallClock()
        try withMember(wall: wall) { fixture in
            wall.microseconds += 3_600_000_000
            _ = try fixture.on { $0.answer("join-again \(ShellFixture.c2.topicForm) configured") }
            #expect(
                try fixture.received().map(\.sequence) == [
                    SequenceID(UInt64(wall.microseconds) + Observer.sequenceStep)
                ])
        }
    }

    @Test("an operator's order to join in another mode sends another request")
    func human() throws {
        try with("join = no") { fixture in
            let name = ShellFixture.c2.topicForm
            _ = try fixture.on { $0.answer("join \(name) human") }
            let request = try #require(try fixture.received().last)
            #expect(request.body == .humanJoinRequest)
            let standing = try fixture.on { $0.answer("standing \(name)") }
            let told = try decoder().decode(StandingReport.self, from: Data(standing))
            #expect(told.membership == .joining && told.joinMode == .human && told.value == nil)
        }
    }
}
