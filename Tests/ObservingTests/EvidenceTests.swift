import BootTime
import Foundation
import ProofLink
import SRUP
import Testing

@testable import Observing

/// What is recorded about a proof, and what the server is told.
@Suite struct EvidenceTests {
    /// What a server reads.
    private struct Object: Decodable, Equatable {
        var transport, peer, mode, grade: String
        var attempts: Int
        var timed: Bool
        var peerKind, security: String?
        var signalDbm, roundTripUs: Int?
    }

    private func decoded(_ json: [UInt8]) throws -> Object {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Object.self, from: Data(json))
    }

    private func evidence(
        mode: Mode = .challenge, roundTrip: Duration? = .milliseconds(35), _ change: (inout Policy) -> Void = { _ in }
    ) throws -> Evidence {
        var harness = Harness(
            Policy {
                $0.modes = [.value, .challenge]
                change(&$0)
            })
        harness.ask()
        let link = harness.ready(mode: mode)
        if let roundTrip {
            harness.advance(.milliseconds(500))  // CHALLENGE waited for the journal: no part of the round trip
            harness.handle(.challengeLeft(link))
            harness.now = harness.now + roundTrip
        }
        let proof = mode == .value ? LinkFrame.value(secret(7)) : Harness.proof(secret(7), over: link)
        return try #require(harness.handle(.received(link, proof)).evidence.first ?? nil)
    }

    @Test("a server that takes no DATA gets the verdict alone, and the evidence is recorded")
    func notTaken() throws {
        var harness = Harness(Policy { $0.reportsEvidence = true })
        harness.observer.terms[server] = terms { $0.takesData = false }
        harness.ask()
        let effects = harness.prove(over: harness.ready())
        #expect(effects.sent.map(\.body) == [.response(.observedJoinValid)])
        #expect(effects.evidence.first != nil)
    }

    @Test("a valid verdict has the peer, the mode, the attempts and the round trip from CHALLENGE's departure")
    func fields() throws {
        #expect(
            try evidence()
                == Evidence(
                    peer: phone, mode: .challenge, roundTrip: .milliseconds(35), attempts: 1, grade: .challenged,
                    isTimed: false))
    }

    @Test("a round trip whose start is unknown is left out")
    func noRoundTrip() throws { #expect(try evidence(roundTrip: nil).roundTrip == nil) }

    @Test(
        "a value that was sent is graded reachable, an answered challenge challenged, and either within a limit is timed"
    )
    func grades() throws {
        #expect(try evidence(mode: .value).grade == .reachable)
        #expect(try evidence(mode: .challenge).grade == .challenged)
        for (mode, grade) in [(Mode.value, Evidence.Grade.reachable), (.challenge, .challenged)] {
            #expect(try !evidence(mode: mode).isTimed)
            let timed = try evidence(mode: mode) { $0.maximumRoundTrip = .seconds(1) }
            #expect(timed.isTimed && timed.grade == grade)
        }
    }

    @Test(
        "the round trip starts when CHALLENGE was sent, however late that is reported; a time in the future does not count"
    )
    func notedLate() throws {
        for (ahead, expected) in [(Duration.milliseconds(-40), 50), (.milliseconds(40), 10)] {
            var harness = Harness()
            harness.ask()
            let link = harness.ready()
            harness.advance(.milliseconds(500))
            harness.handle(.challengeLeft(link, at: harness.now + ahead))
            harness.now = harness.now + .milliseconds(10)
            #expect(harness.prove(over: link).evidence.first??.roundTrip == .milliseconds(expected))
        }
    }

    @Test("a second report that CHALLENGE was sent does not shorten the round trip")
    func leftTwice() throws {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        for _ in 0..<3 {
            harness.handle(.challengeLeft(link))
            harness.now = harness.now + .milliseconds(10)
        }
        #expect(harness.prove(over: link).evidence.first??.roundTrip == .milliseconds(30))
    }

    @Test("the signal is the one measured when CHALLENGE was sent, and the limit applies to it")
    func signal() throws {
        for (measured, outcome) in [(Int8(-50), Outcome.valid), (-51, .tooFar)] {
            var harness = Harness(Policy { $0.minimumSignal = -50 })
            harness.ask()
            let link = harness.ready(from: Peer(transport: .le, address: "D1", signal: nil))
            harness.handle(.challengeLeft(link, signal: measured))
            let effects = harness.prove(over: link)
            #expect(effects.outcomes[link] == outcome)
            #expect((effects.evidence.first ?? nil)?.peer.signal == (outcome == .valid ? measured : nil))
        }
    }

    @Test(
        "without a measured signal a limit on it is not met: over LE the device may try again, otherwise it is too far"
    )
    func noSignal() {
        for (transport, outcome) in [(Transport.le, Outcome.busy), (.rfcomm, .tooFar), (.l2cap, .tooFar)] {
            var harness = Harness(Policy { $0.minimumSignal = -127 })
            harness.ask()
            let link = harness.ready(from: Peer(transport: transport, address: "D1", signal: nil))
            harness.handle(.challengeLeft(link))
            #expect(harness.prove(over: link).outcomes[link] == outcome)
            #expect(harness.observer.open.first?.mismatches == 0)
        }
    }

    @Test("attempts count the false proofs before, and a false proof is graded reachable")
    func attempts() throws {
        var harness = Harness()
        harness.ask()
        let links = [harness.ready(from: stranger), harness.ready()]
        harness.prove(secret(0), over: links[0])
        let right = try #require(harness.prove(over: links[1]).evidence.first ?? nil)
        #expect(right.attempts == 2 && right.grade == .challenged)
        harness.ask("second", for: otherDevice)
        harness.advance(.seconds(1))
        let others = [harness.ready(otherDevice, from: stranger), harness.ready(otherDevice)]
        for link in others { harness.prove(secret(0), over: link, as: otherDevice) }
        let wrong = try #require(harness.advance(.seconds(120)).evidence.first ?? nil)
        #expect(wrong.attempts == 2 && wrong.grade == .reachable && wrong.peer == phone)
    }

    @Test("without a device there is no evidence")
    func none() {
        var harness = Harness(Policy { $0.reportsEvidence = true })
        harness.ask()
        let effects = harness.advance(.seconds(120))
        #expect(effects.evidence == [nil] && effects.order == "rs.")
    }

    // MARK: - To the server

    @Test("with report-evidence a DATA message with valid JSON goes just before the response")
    func reported() throws {
        var harness = Harness(Policy { $0.reportsEvidence = true })
        harness.ask()
        let link = harness.ready()
        harness.handle(.challengeLeft(link))
        harness.now = harness.now + .microseconds(1500)
        let effects = harness.prove(over: link)
        #expect(effects.order == "rss.tc.")
        let (first, second) = (effects.sent[0], effects.sent[1])
        #expect(first.sequence < second.sequence)
        #expect(first.token == second.token && second.body == .response(.observedJoinValid))
        guard case .data(let id, let data) = first.body else {
            Issue.record("\(first.body)")
            return
        }
        #expect(id == Octets("OBSERVATION_EVIDENCE".utf8))
        #expect(
            try decoded(data.bytes)
                == Object(
                    transport: "l2cap", peer: "D1:D1:D1:D1:D1:D1", mode: "challenge", grade: "challenged",
                    attempts: 1, timed: false, peerKind: "br/edr", security: "encrypted", signalDbm: -60,
                    roundTripUs: 1500))
    }

    @Test("it is off by default")
    func offByDefault() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        #expect(harness.prove(over: link).sent.count == 1)
    }

    @Test("an invalid verdict's evidence is reported too, however the verdict was reached")
    func reportedInvalid() {
        var harness = Harness(
            Policy { ($0.reportsEvidence, $0.mismatchLimit, $0.modes) = (true, 1, [.value, .challenge]) })
        harness.ask()
        let link = harness.ready(mode: .value)
        #expect(harness.handle(.received(link, .value(secret(0)))).sent.map(\.body.type) == [.data, .response])
        harness = Harness(Policy { $0.reportsEvidence = true })
        harness.ask()
        let other = harness.ready()
        harness.prove(secret(0), over: other)
        #expect(harness.advance(.seconds(120)).sent.map(\.body.type) == [.data, .response])
    }

    @Test("whatever a transport reports about a peer, the evidence is one JSON object", arguments: Transport.allCases)
    func jsonOfAnyPeer(transport: Transport) throws {
        for text in ["", "a\"b", "back\\slash", "line\nbreak\u{0}\u{1F}", "\u{2028}é🐟", "\",\"grade\":\"keyed"] {
            let peer = Peer(
                transport: transport, address: text, kind: .leRandom, security: .authenticated, signal: .min)
            let evidence = Evidence(
                peer: peer, mode: .value, roundTrip: nil, attempts: 3, grade: .reachable, isTimed: false)
            let kept = text.filter { $0 != "\"" && $0 != "\\" && $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } }
            #expect(
                try decoded(Array(evidence.json.utf8))
                    == Object(
                        transport: transport.rawValue, peer: kept, mode: "value", grade: "reachable", attempts: 3,
                        timed: false,
                        peerKind: "le random", security: "authenticated", signalDbm: -128))
        }
    }
}
