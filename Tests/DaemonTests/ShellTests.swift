import Foundation
import Glibc
import Observing
import ProofLink
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import Daemon
@testable import Broker

@Suite("The shell", .blocking)
struct ShellTests {
    private let value = Secret([UInt8](repeating: 7, count: Secret.length)) ?? .random()

    private func report(_ fixture: ShellFixture) throws -> StatusReport { try fixture.on { $0.statusReport } }

    private func metrics(_ fixture: ShellFixture) throws -> String { try fixture.on { $0.exposition } }

    @Test("sends a join request as soon as a broker is connected, and is a member when the server accepts it")
    func joins() throws {
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(folder)
            let request = try #require(try fixture.received().first)
            #expect(request.body == .joinRequest && request.sender == ShellFixture.beacon)
            #expect(
                try fixture.on { $0.statusLine } == "connected to broker.example.org:8883; joined to 0 of 1 servers")
            try fixture.send(.response(.joinSuccess), token: request.token)
            #expect(try report(fixture).servers.map(\.membership) == [.known(.member)])
            #expect(try fixture.on { $0.statusLine }.hasSuffix("joined to 1 of 1 servers"))
            #expect(try metrics(fixture).contains("srup_beacon_server_member{server=\"\(ShellFixture.c2)\"} 1\n"))
        }
    }

    @Test("a right proof is answered valid, and the verdict is published before the device hears of it")
    func valid() throws {
        let waiting = Mutex<[Bool]>([])
        let end = Mutex<Int32?>(nil)
        let peek: @Sendable () -> Void = {
            guard let socket = end.withLock({ $0 }) else { return }
            var byte: UInt8 = 0
            let hasFrame = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) > 0
            waiting.withLock { $0.append(hasFrame) }
        }
        try withMember(willPublish: peek) { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            let link = try fixture.connectDevice()
            end.withLock { $0 = link.socket }
            let ended = try #require(try link.prove(value, as: device))
            #expect(ended.outcome == .valid && ended.isProved && link.isClosed)
            #expect(waiting.withLock { $0 } == [false])
            let answer = try #require(try fixture.received().last)
            #expect(answer.body == .response(.observedJoinValid) && answer.token == fixture.token(1))
            let events = fixture.log.lines.compactMap { $0.fields["event"] }
            #expect(events == ["opened", "ready", "challenged", "answered", "ended"])
        }
    }

    @Test("a proof's latency ends when its verdict is written to the broker's connection")
    func latency() throws {
        try withMember { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            _ = try fixture.connectDevice().prove(value, as: device)
            let answer = try #require(fixture.link.takeMessages().last)
            #expect(try metrics(fixture).contains("proof_to_publish_seconds_count 0\n"))
            try fixture.pass(.milliseconds(40))
            answer.isWritten?()
            let text = try metrics(fixture)
            #expect(text.contains("proof_to_publish_seconds_count 1\n"))
            #expect(text.contains("proof_to_publish_seconds_bucket{le=\"0.05\"} 1\n"))
            #expect(text.contains("proof_to_publish_seconds_bucket{le=\"0.02\"} 0\n"))
        }
    }

    @Test("a deadline's verdict that is given while a frame is handled does not count as a proof's latency")
    func deadlineUnderFrame() throws {
        try withMember("[observation]\nwindow = 5") { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            let link = try fixture.connectDevice()
            guard case .hello? = try link.receive() else { throw ShellFault.noHello }
            link.send(.ready(mode: .challenge, device: device))
            fixture.clock.jump(by: .seconds(6))
            fixture.loop.turn()
            let answer = try #require(fixture.link.takeMessages().last)
            #expect(try UnverifiedFrame(answer.payload).unverifiedMessage.body == .response(.observedJoinFail))
            #expect(answer.isWritten == nil)
        }
    }

    private enum ShellFault: Error { case noHello }

    @Test("without a proof, fail is sent at the deadline and not before, and a right proof after it does not count")
    func silence() throws {
        try withMember("[observation]\nwindow = 5") { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            try fixture.pass(.milliseconds(4_999))
            #expect(try fixture.received().isEmpty)
            try fixture.pass(.milliseconds(1))
            #expect(try fixture.received().map(\.body) == [.response(.observedJoinFail)])
            #expect(try fixture.connectDevice().prove(value, as: device)?.outcome != .valid)
            #expect(try fixture.received().isEmpty)
            try fixture.observe(device, value, token: fixture.token(1))
            #expect(try fixture.received().map(\.body) == [.response(.observedJoinFail)])
        }
    }

    @Test("a wrong value closes its link, and the observation is invalid at its deadline")
    func wrongValue() throws {
        try withMember("[observation]\nwindow = 5") { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            #expect(try fixture.connectDevice().prove(.random(), as: device)?.outcome == .invalid)
            #expect(try fixture.received().isEmpty)
            try fixture.pass(.seconds(5))
            #expect(try fixture.received().map(\.body) == [.response(.observedJoinInvalid)])
        }
    }

    @Test("a frame that arrives a second time is refused and has no effect")
    func replayed() throws {
        try withMember { fixture in
            let request = try fixture.request(device, value, token: fixture.token(1))
            let now = fixture.clock.now
            try fixture.on { _ = $0.take([request], arrivedAt: now) }
            _ = try fixture.connectDevice().prove(value, as: device)
            _ = fixture.link.take()
            #expect(try fixture.on { $0.take([request], arrivedAt: now) } == 1, "it is accepted, and acknowledged")
            #expect(fixture.link.take() == [])
            #expect(try report(fixture).refused["replayed"] == 1)
        }
    }

    @Test("the same request under a new sequence id gets the same verdict under a new sequence id")
    func askedAgain() throws {
        try withMember { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            _ = try fixture.connectDevice().prove(value, as: device)
            try fixture.observe(device, .random(), token: fixture.token(1))
            let answers = try fixture.received()
            #expect(answers.map(\.body) == [.response(.observedJoinValid), .response(.observedJoinValid)])
            #expect(answers[0].sequence < answers[1].sequence)
            #expect(try Inquiry.history(try fixture.on { $0.answer("observations 5") }).count == 1)
        }
    }

    @Test("a device that is ready first waits on its link and is challenged when the server's request arrives")
    func deviceFirst() throws {
        try withMember("[link]\nvalue-mode = yes") { fixture in
            let link = try fixture.connectDevice()
            guard case .hello(_, let modes, let id, let nonce)? = try link.receive() else { throw ShellFault.noHello }
            #expect(id == ShellFixture.beacon && modes == [.challenge, .value, .keyed])
            #expect(nonce.count == LinkFrame.linkNonceLength)
            link.send(.ready(mode: .value, device: device))
            let answer = try link.receive()
            if case .wait? = answer {} else { Issue.record("no WAIT: \(String(describing: answer))") }
            try fixture.observe(device, value, token: fixture.token(1))
            let question = try link.receive()
            if case .challenge? = question {} else { Issue.record("no CHALLENGE: \(String(describing: question))") }
            link.send(.value(value))
            #expect(try link.receive() == .outcome(.valid, tag: LinkFrame.noTag))
            #expect(link.isClosed)
        }
    }

    @Test("report-evidence sends the evidence just before the verdict")
    func evidence() throws {
        try withMember("[observation]\nreport-evidence = yes") { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            _ = try fixture.connectDevice().prove(value, as: device)
            let answers = try fixture.received()
            #expect(answers.map(\.body.type) == [.data, .response])
            guard case .data(let id, let data)? = answers.first?.body else { return }
            #expect(id == Octets("OBSERVATION_EVIDENCE".utf8))
            let object = try JSONSerialization.jsonObject(with: Data(data.bytes)) as? [String: Any]
            #expect(object?["mode"] as? String == "challenge")
        }
    }

    @Test("a value that arrives before the server's request for it is proved again when the request is there")
    func overtaken() throws {
        try withMember { fixture in
            try fixture.observe(device, .random(), token: fixture.token(1))
            #expect(try fixture.connectDevice().prove(value, as: device)?.outcome == .invalid)
            try fixture.observe(device, value, token: fixture.token(2))
            #expect(try fixture.received().map(\.body) == [.response(.observedJoinFail)])
            // The beacon holds off a peer that has just been wrong.
            for _ in 0..<60 {
                if try fixture.connectDevice().prove(value, as: device)?.outcome == .valid { break }
                try fixture.pass(.seconds(1))
            }
            #expect(try fixture.received().map(\.body) == [.response(.observedJoinValid)])
        }
    }

    @Test("more deadlines than one turn has time for are answered in several, each once")
    func manyDeadlines() throws {
        try withMember("[observation]\nwindow = 5") { fixture in
            for number in 1...5 {
                try fixture.observe(Identifier(UInt64(0x1000 + number)), value, token: fixture.token(UInt8(number)))
            }
            try fixture.pass(.seconds(5))
            #expect(try Set(fixture.received().map(\.token)) == Set((1...5).map { fixture.token(UInt8($0)) }))
            try fixture.pass(.seconds(5))
            #expect(try fixture.received().isEmpty)
        }
    }

    @Test("what no broker has acknowledged is published again over the next connection, the same bytes")
    func outbox() throws {
        try withMember { fixture in
            try fixture.send(.response(.actionSuccess), token: fixture.token(9))
            _ = fixture.link.takeMessages()
            try fixture.observe(device, value, token: fixture.token(1))
            _ = try fixture.connectDevice().prove(value, as: device)
            let first = fixture.link.takeMessages()
            try fixture.connect()
            let second = fixture.link.takeMessages()
            #expect(second.suffix(first.count).map(\.payload) == first.map(\.payload) && !first.isEmpty)
            try fixture.on { $0.brokerHappened(.acknowledged(second.map(\.id))) }
            #expect(fixture.log.texts.last?.contains("the broker has the answer to") == true)
            try fixture.connect()
            #expect(fixture.link.takeMessages().isEmpty)
        }
    }

    @Test("a faulty configuration changes nothing, and the person who asked hears why")
    func faultyReload() throws {
        try withMember("[observation]\nwindow = 5") { fixture in
            #expect(try fixture.reload("[observation]\nwindow = soon").contains("window"))
            #expect(fixture.log.texts.last?.hasSuffix("the old configuration stays in force") == true)
            let missing = try fixture.reload("[observation]\nwindow = 1\n[server 77]\nkey = /nothing.pem")
            #expect(missing == "/nothing.pem does not exist")
            #expect(try report(fixture).servers.map(\.membership) == [.known(.member)])
            try fixture.observe(device, value, token: fixture.token(1))
            try fixture.pass(.milliseconds(4_999))
            #expect(try fixture.received().isEmpty, "the old window applies")
        }
    }

    @Test("a reload applies window and servers, and names what needs a restart")
    func reload() throws {
        try withMember("[observation]\nwindow = 5") { fixture in
            let settings = "[observation]\nwindow = 1\n[broker]\nreconnect-first = 0.06\n[server 77]\nkey = /77.pem"
            #expect(try fixture.reload(settings) == "reloaded")
            #expect(fixture.log.texts.contains("[broker] has changed: that needs a restart"))
            #expect(!fixture.log.texts.contains { $0.contains("[link] transports has changed") })
            let servers = try report(fixture).servers
            #expect(servers.map(\.membership) == [.known(.joining), .known(.member)])
            #expect(try fixture.received().map(\.body) == [.joinRequest])
            try fixture.observe(device, value, token: fixture.token(1))
            try fixture.pass(.seconds(1))
            #expect(try fixture.received().last?.body == .response(.observedJoinFail), "the new window applies")
            #expect(try fixture.reload("") == "reloaded")
            #expect(try report(fixture).servers.count == 1, "a removed server is gone")
        }
    }

    @Test("a forged frame with the highest sequence id, and a true one, do not silence the server")
    func forgedSequence() throws {
        try withMember { fixture in
            let now = fixture.clock.now
            for key in [try TestKeys.privateKey("wrong_2048"), try TestKeys.privateKey("c2_2048")] {
                let message = Message(
                    sequence: SequenceID(.max), sender: ShellFixture.c2, token: fixture.token(1),
                    body: .terminateCommand)
                let incoming = Incoming(topic: "t", payload: try message.signed(by: key))
                try fixture.on { _ = $0.take([incoming], arrivedAt: now) }
            }
            #expect(try report(fixture).refused == ["bad-signature": 1, "sequence-too-high": 1])
            try fixture.observe(device, value, token: fixture.token(2))
            #expect(try fixture.connectDevice().prove(value, as: device)?.outcome == .valid)
        }
    }
}
