import Foundation
import Keys
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Broker
@testable import Daemon

/// docs/threat-model.md: each attack was shown to work before it was stopped.
@Suite("The shell: only the server that asked and the device that was asked for decide a verdict", .blocking)
struct ShellTrustTests {
    private static let (other, second) = (Identifier(0x77), Identifier(0xde02))
    private let value = Secret([UInt8](repeating: 7, count: Secret.length)) ?? .random()

    /// The device proves its value, and the server learns that and nothing else.
    private func expectValid(
        _ fixture: ShellFixture, _ token: Token, _ device: Identifier = device, _ value: Secret? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let ended = try fixture.connectDevice().prove(value ?? self.value, as: device)
        #expect(ended?.outcome == .valid, sourceLocation: location)
        let answers = try fixture.received()
        #expect(answers.map(\.body) == [.response(.observedJoinValid)], sourceLocation: location)
        #expect(answers.map(\.token) == [token], sourceLocation: location)
    }

    private func plainToken(_ number: UInt8) -> Token { Token(random: [UInt8](repeating: number, count: 16)) }

    @Test("copies of another beacon's request, with a sequence id near 2^62, are not answered and block nothing")
    func copiedRequest() throws {
        try withMember { fixture in
            let sealed = Octets(try TestKeys.publicKey("dev_2048").seal(.random()))
            let copy = try fixture.message(
                .observationRequest(joining: Self.second, sealed: sealed), token: plainToken(9), sequence: 1 << 62)
            for _ in 0..<21 { #expect(try fixture.take(copy), "it is acknowledged") }
            #expect(try fixture.refused("not-sealed-to-us") == 21 && fixture.received().isEmpty)
            for number: UInt8 in 1...2 {
                try fixture.observe(device, value, token: fixture.token(number))
                try expectValid(fixture, fixture.token(number))
                try fixture.reopenJournal()
                _ = fixture.link.takeMessages()
            }
        }
    }

    @Test(
        "a second server that uses the token of the first one's open request is refused: the verdict stays the first one's"
    )
    func foreignToken() throws {
        try withMember("[server \(Self.other.topicForm)]\nkey = /other.pem") { fixture in
            #expect(try fixture.report().servers.map(\.membership) == [.known(.member), .known(.member)])
            for (token, reason) in [(plainToken(1), "token-of-another-server"), (fixture.token(2), "not-for-us")] {
                try fixture.observe(device, value, token: token)
                // To have its accomplice proved under this token, or the device refused because of an unusable value.
                try fixture.observe(Self.second, .random(), token: token, from: Self.other)
                let unusable = Body.observationRequest(joining: Self.second, sealed: Octets([1, 2, 3]))
                try fixture.send(unusable, token: token, from: Self.other)
                #expect(try fixture.refused(reason) == 2 && fixture.received().isEmpty, "\(reason)")
                try expectValid(fixture, token)
                // After the verdict and a restart the token is still the first server's.
                try fixture.reopenJournal()
                _ = fixture.link.takeMessages()
                try fixture.observe(Self.second, .random(), token: token, from: Self.other)
                #expect(try fixture.refused(reason) == 3 && fixture.received().isEmpty, "\(reason)")
            }
            // The other server is served under its own tokens.
            let others = Secret.random()
            try fixture.observe(Self.second, others, token: plainToken(3), from: Self.other)
            try expectValid(fixture, plainToken(3), Self.second, others)
        }
    }

    @Test(
        "false proofs of a stranger, over links that were there before the request, do not keep the device from joining"
    )
    func veto() throws {
        try withMember("[link]\nhold-off-first = 0.05\nhold-off-longest = 0.1") { fixture in
            let links = try (0..<3).map { _ in try fixture.connectDevice() }
            for link in links {
                guard case .hello? = try link.receive() else { throw Fault.noHello }
                link.send(.ready(mode: .challenge, device: device))
                guard case .wait? = try link.receive() else { throw Fault.noWait }
            }
            try fixture.observe(device, value, token: fixture.token(1))
            for link in links {
                guard case .challenge? = try link.receive() else { throw Fault.noChallenge }
            }
            // All at once, because the first one may close the stranger's other links.
            for link in links {
                let nonce = randomBytes(LinkFrame.deviceNonceLength)
                link.send(.proof(nonce: nonce, tag: randomBytes(LinkFrame.tagLength)))
            }
            guard case .outcome(.invalid, _)? = try links[0].receive() else { throw Fault.notRefused }
            for _ in 0..<8 {
                try fixture.pass(.milliseconds(200))
                #expect(try fixture.connectDevice().prove(.random(), as: device)?.outcome == .invalid)
            }
            #expect(try fixture.received().isEmpty)
            try fixture.pass(.milliseconds(200))
            try expectValid(fixture, fixture.token(1))
        }
    }

    private enum Fault: Error { case noHello, noWait, noChallenge, notRefused }
}
