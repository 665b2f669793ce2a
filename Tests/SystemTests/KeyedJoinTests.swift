import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import Testing

/// docs/proof-link.md, "Keyed mode", through a real broker and a real link.
@Suite("A keyed proof through a real broker and a real link", .blocking)
struct KeyedJoinTests {
    let network: Network
    let server: TestServer
    let beacon: BeaconProcess
    let key: IdentityKey

    init() throws {
        network = try Network()
        server = try TestServer(network)
        beacon = try BeaconProcess(network, settings: ["observation": ["window = 3"]])
        try beacon.startAndJoin()
        key = try IdentityKey(pemFile: network.folder + "/\(Node.device.topicForm).key.pem")
    }

    private func sign(_ message: [UInt8]) -> [UInt8] { (try? key.signature(over: [message[...]])) ?? [] }

    private func answers(_ token: Token) -> [Message] { server.accepted.filter { $0.token == token } }

    /// The proofs that the server has under a token.
    private func proofs(_ token: Token) -> [KeyedProof] {
        answers(token).compactMap { message in
            guard case .data(let id, let data) = message.body, id == Octets("OBSERVATION_PROOF".utf8) else {
                return nil
            }
            return KeyedProof(encoded: data.bytes)
        }
    }

    @Test("the server gets the device's signed proof just before valid, and every part of it verifies")
    func proof() throws {
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        let end = try #require(try TestDevice.prove(beacon.link, value, mode: .keyed, signedBy: sign))
        #expect(end.outcome == .valid && end.beaconProved)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        #expect(answers(token).map(\.body.type) == [.data, .response])
        let proof = try #require(proofs(token).first)
        let context = proof.context
        #expect(context.server == Node.c2 && context.device == Node.device && context.beacon == Node.beacon)
        #expect(context.transport == .local && context.modes == [.challenge, .keyed])
        #expect(proof.matches(KeyedKeys(value, hmacSHA256), hmacSHA256))
        #expect(key.publicKey.verifies(proof.signature[...], over: [proof.signedBytes[...]]))
        let evidence = try #require(beacon.history.first?["evidence"] as? [String: Any])
        #expect(evidence["mode"] as? String == "keyed" && evidence["grade"] as? String == "keyed")
        #expect(try beacon.command("metrics").text.contains("srup_beacon_valid_total{grade=\"keyed\"} 1\n"))
        #expect(try beacon.command("explain", token.description).text.contains("keyed"))
    }

    @Test("joins in keyed mode and challenge mode in turns are all valid, and their times are printed")
    func inTurns() throws {
        var taken: [Mode: [Double]] = [:]
        var bytes: [Mode: Int] = [:]
        for mode in [Mode.challenge, .keyed] + Array(repeating: [.challenge, .keyed], count: 9).joined() {
            let (value, token) = (Secret.random(), TestServer.token())
            try server.observe(Node.device, value, token: token)
            try eventually("it is open") { beacon.logged.contains("\(token)") }
            let end = try #require(try TestDevice.prove(beacon.link, value, mode: mode, signedBy: sign))
            #expect(end.outcome == .valid)
            #expect(try server.waitForVerdict(token) == .observedJoinValid)
            let arrival = try #require(server.arrival(token))
            taken[mode, default: []].append(Double(arrival - (end.challenged ?? arrival)) / 1e6)
            bytes[mode] = end.bytes
        }
        for (mode, times) in taken.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let median = times.sorted()[times.count / 2]
            print("local, \(mode): CHALLENGE to RESPONSE at the server: median \(median) ms; \(bytes[mode] ?? 0) bytes")
        }
        #expect(beacon.history.count == 20)
    }
}
