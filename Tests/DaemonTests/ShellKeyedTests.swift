import Foundation
import Keys
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon

/// docs/proof-link.md, "Keyed mode".
@Suite("The shell and proofs in keyed mode", .blocking)
struct ShellKeyedTests {
    private let value = Secret.random()

    private func withMember(_ settings: String, _ body: (ShellFixture, IdentityKey) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(folder, settings)
            try fixture.join()
            try body(fixture, try TestKeys.privateKey("dev_2048"))
        }
    }

    @Test("the server gets the device's signed proof just before valid, and every part of it verifies")
    func proof() throws {
        try withMember("") { fixture, key in
            try fixture.observe(device, value, token: fixture.token(1))
            let ended = try fixture.connectDevice().prove(value, as: device, mode: .keyed, signedBy: key)
            #expect(ended?.outcome == .valid && ended?.isProved == true)
            let answers = try fixture.received()
            #expect(
                answers.map(\.body.type) == [.data, .response] && answers.last?.body == .response(.observedJoinValid))
            guard case .data(let id, let data)? = answers.first?.body else { return }
            let proof = try #require(KeyedProof(encoded: data.bytes))
            #expect(id == Octets("OBSERVATION_PROOF".utf8) && proof.matches(KeyedKeys(value, hmacSHA256), hmacSHA256))
            #expect(key.publicKey.verifies(proof.signature[...], over: [proof.signedBytes[...]]))
            #expect(try fixture.on { $0.exposition }.contains("srup_beacon_valid_total{grade=\"keyed\"} 1\n"))
        }
    }

    @Test("a server that accepts no proofs gets only the verdict")
    func proofOff() throws {
        try withMember("proof = no") { fixture, key in
            try fixture.observe(device, value, token: fixture.token(1))
            _ = try fixture.connectDevice().prove(value, as: device, mode: .keyed, signedBy: key)
            #expect(try fixture.received().map(\.body) == [.response(.observedJoinValid)])
        }
    }

    @Test("a device whose request comes later claims again and is challenged")
    func order() throws {
        try withMember("") { fixture, key in
            let ended = try fixture.connectDevice().prove(value, as: device, mode: .keyed, signedBy: key) {
                try fixture.observe(device, value, token: fixture.token(1))
            }
            #expect(ended?.outcome == .valid)
        }
    }

    @Test("a claim that matches nothing is held and not counted; the right device can come from the same address")
    func foreignClaim() throws {
        try withMember("") { fixture, key in
            try fixture.observe(device, value, token: fixture.token(1))
            let stranger = try fixture.connectDevice()
            guard case .hello? = try stranger.receive() else { throw Fault.noHello }
            stranger.send(.claim([UInt8](repeating: 7, count: 16)))
            let answer = try stranger.receive()
            if case .wait? = answer {} else { Issue.record("no WAIT: \(String(describing: answer))") }
            let ended = try fixture.connectDevice().prove(value, as: device, mode: .keyed, signedBy: key)
            #expect(ended?.outcome == .valid)
        }
    }

    private enum Fault: Error { case noHello }

    @Test(
        "an unsigned proof ends its link with fail after 10 s, and decides nothing; the verdict at the deadline says why"
    )
    func unsigned() throws {
        try withMember("[observation]\nwindow = 15") { fixture, _ in
            let token = fixture.token(1)
            try fixture.observe(device, value, token: token)
            let link = try fixture.connectDevice()
            #expect(try link.prove(value, as: device, mode: .keyed) == nil)
            try fixture.pass(.milliseconds(9_999))
            #expect(try link.receive() == nil && !link.isClosed)
            try fixture.pass(.milliseconds(1))
            guard case .outcome(.fail, let tag)? = try link.receive() else {
                Issue.record("no OUTCOME")
                return
            }
            #expect(tag != LinkFrame.noTag && link.isClosed, "by a node that holds the value")
            #expect(try fixture.received().isEmpty)
            let report = try fixture.on { $0.statusReport }
            #expect(
                report.text.contains("s left, proved, not signed")
                    && report.observations.list.first?.lacking == .unsigned)
            try fixture.pass(.seconds(5))
            #expect(try fixture.received().map(\.body) == [.response(.observedJoinFail)])
            let history = try Inquiry.history(try fixture.on { $0.answer("observations 1") })
            let words = "the deadline came and the device had proved the value without signing it"
            #expect(history.first?.text.contains(words) == true)
            let explained = String(decoding: try fixture.on { $0.answer("explain \(token)") }, as: UTF8.self)
            #expect(explained.contains(#""reason" : "unsigned""#))
        }
    }

    @Test(
        "a private beacon that offers only keyed mode does not name itself, and the device identifies it by the tag")
    func privateBeacon() throws {
        try withMember("[link]\nchallenge-mode = no\n[radio]\nadvertise = private") { fixture, key in
            try fixture.observe(device, value, token: fixture.token(1))
            guard case .hello(_, .keyed, Identifier(0), _)? = try fixture.connectDevice().receive() else {
                Issue.record("HELLO names somebody, or offers another mode")
                return
            }
            let ended = try fixture.connectDevice().prove(value, as: device, mode: .keyed, signedBy: key)
            #expect(ended?.outcome == .valid && ended?.isProved == true)
        }
    }
}
