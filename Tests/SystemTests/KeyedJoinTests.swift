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

    @Test("the server gets the device's signed proof just before valid, and all of it holds")
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

    @Test("joins by keyed proofs and by bare answers, in turns: each is valid, and what they take is printed")
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

    @Test("a device whose value comes later claims again and is challenged, and one whose request comes later as well")
    func order() throws {
        let (value, token) = (Secret.random(), TestServer.token())
        let end = try TestDevice.prove(
            beacon.link, value, mode: .keyed, waiting: { try server.observe(Node.device, value, token: token) },
            signedBy: sign)
        #expect(end?.outcome == .valid)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

    @Test("a claim that fits nothing is held and counted against nobody; the right device comes from the same address")
    func foreignClaim() throws {
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        let stranger = try TestDevice(beacon.link)
        guard case .hello? = try stranger.receive() else { throw NotInTime(what: "HELLO") }
        stranger.send(.claim([UInt8](repeating: 7, count: 16)))
        guard case .wait? = try stranger.receive() else { throw NotInTime(what: "WAIT") }
        #expect(try TestDevice.prove(beacon.link, value, mode: .keyed, signedBy: sign)?.outcome == .valid)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

    @Test(
        "a proof that nobody signs ends its link with fail after 10 s, by a node that holds the value, and decides nothing"
    )
    func unsigned() throws {
        let beacon = try BeaconProcess(network, settings: ["observation": ["window = 15"]])
        self.beacon.stop()
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        let end = try #require(try TestDevice.prove(beacon.link, value, mode: .keyed, within: 20))
        #expect(end.outcome == .fail && end.beaconProved)
        #expect(server.verdicts(token).isEmpty)
        #expect(try beacon.command("status").text.contains("s left, proved, not signed"))
        #expect(try beacon.command("status", "--json").text.contains(#""lacking" : "unsigned""#))
        #expect(try server.waitForVerdict(token) == .observedJoinFail)
        #expect(beacon.history.first?["reason"] as? String == "unsigned")
        #expect(try beacon.command("explain", "--json", token.description).text.contains(#""reason" : "unsigned""#))
        let words = "the deadline came and the device had proved the value without signing it"
        #expect(try beacon.command("observations").text.contains(words))
    }

    @Test("a server that takes no proofs gets the verdict alone")
    func proofOff() throws {
        let beacon = try BeaconProcess(network, settings: ["server \(Node.c2.topicForm)": ["proof = no"]])
        self.beacon.stop()
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value, mode: .keyed, signedBy: sign)?.outcome == .valid)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        #expect(answers(token).map(\.body.type) == [.response])
    }

    @Test(
        "a private beacon that offers keyed mode alone says nothing of who it is, and the device finds out by the tag")
    func privateBeacon() throws {
        let beacon = try BeaconProcess(
            network, settings: ["link": ["challenge-mode = no"], "radio": ["advertise = private"]])
        self.beacon.stop()
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        guard case .hello(_, .keyed, Identifier(0), _)? = try TestDevice(beacon.link).receive() else {
            Issue.record("HELLO names somebody, or offers another mode")
            return
        }
        let end = try TestDevice.prove(beacon.link, value, mode: .keyed, signedBy: sign)
        #expect(end?.outcome == .valid && end?.beaconProved == true)
    }
}
