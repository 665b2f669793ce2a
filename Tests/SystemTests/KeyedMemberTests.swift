import Foundation
import Keys
import Nearby
import ProofLink
import SRUP
import SystemSupport
import Testing

/// docs/proof-link.md, "Keyed mode", with the beacon as the joining device of another one.
@Suite("The beacon proves itself to another beacon in keyed mode", .blocking)
struct KeyedMemberTests {
    /// Where the beacon's identity key is.
    enum KeyPlace: CaseIterable { case file, token }

    @Test("it claims, answers and signs with its identity key, in a file or a token", arguments: KeyPlace.allCases)
    func keyed(place: KeyPlace) throws {
        let network = try Network()
        let server = try TestServer(network)
        let path = network.folder + "/observer"
        let listener = try LinkSocket.listen(on: .local(path: path))
        defer { close(listener) }
        var settings = [
            "server \(Node.c2.topicForm)": [
                "key = \(network.folder)/\(Node.c2.topicForm).pub.pem", "join = observed",
                "observer = \(Node.second.topicForm)", "observer-address = local:\(path)",
            ]
        ]
        let token = place == .token ? try SoftToken() : nil
        if let token {
            let key = "\(network.folder)/\(Node.beacon.topicForm).key.pem"
            let uri = try token.take(keyFile: key, as: "identity")
            try SoftToken.pin.writePrivately(to: network.folder + "/pin")
            try "\(uri)?pin-source=\(network.folder)/pin\n".writePrivately(to: network.folder + "/line")
            settings["beacon"] = ["key = \(network.folder)/line"]
        }
        let beacon = try BeaconProcess(network, settings: settings)
        try beacon.start(environment: token?.environment ?? [:])
        try eventually("OBS_JOIN_REQ\n\(beacon.logged)") {
            server.accepted.contains { $0.body == .observedJoinRequest(observer: Node.second) }
        }
        let (value, answer) = (Secret.random(), TestServer.token())
        try server.send(.observedJoinResponse(sealed: Octets(try server.beaconKey.seal(value))), token: answer)
        let proof = try observe(listener, value, server: Node.c2)
        #expect(proof.context.device == Node.beacon && proof.context.server == Node.c2)
        #expect(server.beaconKey.verifies(proof.signature[...], over: [proof.signedBytes[...]]))
        try server.send(.response(.joinSuccess), token: answer)
        try eventually("it is a member\n\(beacon.logged)") { beacon.membership == "member" }
        #expect(beacon.says("has shown that it holds the value"))
        #expect(beacon.stop() == 0)
    }

    /// The observing beacon, by its session: the proof that it got, whose tag is right.
    private func observe(_ listener: Int32, _ value: Secret, server: Identifier) throws -> KeyedProof {
        var accepted: LinkSocket.Accepted?
        try eventually("a link") {
            accepted = try LinkSocket.accept(listener, .local)
            return accepted != nil
        }
        let socket = try #require(accepted?.socket)
        defer { close(socket) }
        var session = BeaconSession(
            beacon: Node.second, modes: [.challenge, .keyed], linkNonce: randomBytes(16), challenge: randomBytes(32))
        #expect(LinkSocket.send(session.hello, over: socket))
        var assembler = FrameAssembler()
        func next() throws -> BeaconSession.Received {
            var frame: LinkFrame?
            try eventually("a frame of the device") {
                if case .bytes(let bytes) = LinkSocket.receive(from: socket) { assembler.append(bytes) }
                frame = try assembler.next()
                return frame != nil
            }
            return try session.receive(try #require(frame))
        }
        let keys = KeyedKeys(value, hmacSHA256)
        let context = session.context(device: Node.beacon, server: server, over: .local)
        #expect(try next() == .claim(context.claim(keys.claim, hmacSHA256)))
        let challenge = session.sendChallenge(to: context)
        #expect(LinkSocket.send(challenge, over: socket))
        while true {
            guard case .signed(let proof) = try next() else { continue }
            #expect(proof.matches(keys, hmacSHA256))
            #expect(LinkSocket.send(session.outcome(.valid, keys.beacon, hmacSHA256), over: socket))
            return proof
        }
    }
}
