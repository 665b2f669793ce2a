import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

/// What a stranger, a joining device or a copied message would gain at the real commands: a line that says why not, a count,
/// and nothing else. docs/protocol.md has the table of bad input.
@Suite("Bad input at the real commands", .blocking)
struct BadInputTests {
    /// Publishes a signed message as its sender's own MQTT client, with its own certificate.
    private func publish(
        _ body: Body, by sender: Identifier, to topic: String, _ sequence: UInt64, _ token: Token, _ network: Network
    ) throws {
        let (folder, id) = (network.folder, sender.topicForm)
        let key = try IdentityKey(pemFile: "\(folder)/\(id).key.pem")
        let message = Message(sequence: SequenceID(sequence), sender: sender, token: token, body: body)
        let file = folder + "/frame-\(UUID().uuidString)"
        try Data(try message.signed(by: key)).write(to: URL(filePath: file))
        try Network.run(
            "/usr/bin/mosquitto_pub",
            [
                "-h", "localhost", "-p", "\(network.port)", "--cafile", folder + "/ca.pem", "--cert",
                "\(folder)/\(id).cert.pem", "--key", "\(folder)/\(id).tls.key", "-i", "raw-\(id)", "-q", "1", "-V",
                "mqttv311", "-t", topic, "-f", file,
            ])
    }

    private func lines(_ text: String, _ words: String) -> Int {
        text.split(separator: "\n").count { $0.contains(words) }
    }

    @Test(
        "a joining device cannot approve itself, and a verdict under a foreign token is none: the C2 says so, once each"
    )
    func selfApproval() throws {
        let network = try Network()
        let (folder, id) = (network.folder, Node.c2.topicForm)
        let c2 = try Dialogue(
            Network.products + "/srup-bench",
            [
                "c2", "--id", id, "--key", "\(folder)/\(id).key.pem", "--keyring", folder, "--broker",
                "localhost:\(network.port)", "--ca", folder + "/ca.pem", "--cert", "\(folder)/\(id).cert.pem",
                "--tls-key", "\(folder)/\(id).tls.key", "--trace", folder + "/c2.trace", "--observer",
                Node.beacon.topicForm,
            ])
        try c2.hear("c2: ready")
        func say(_ body: Body, by sender: Identifier, _ sequence: UInt64, _ token: Token = TestServer.token()) throws {
            let isRequest = body == .joinRequest || body == .observedJoinRequest(observer: Node.beacon)
            let topic = isRequest ? "SRUP/servers/\(id)/\(sender.topicForm)" : "SRUP/\(sender.topicForm)"
            try publish(body, by: sender, to: topic, sequence, token, network)
        }
        try say(.joinRequest, by: Node.beacon, 1_000)
        try c2.hear("c2: join of \(Node.beacon): accepted")
        try say(.observedJoinRequest(observer: Node.beacon), by: Node.device, 1_000)
        try c2.hear("\(Node.device) asks to join")
        var asked: Token?
        try eventually("the server's request to the beacon") {
            asked = (try? String(contentsOfFile: folder + "/c2.trace", encoding: .utf8))?.split(separator: "\n")
                .first { $0.contains(#""name":"OBSERVE_REQ""#) }?
                .firstMatch(of: /"token":"([^"]+)"/).flatMap { Token(Array($0.1.utf8)) }
            return asked != nil
        }
        let token = try #require(asked)

        try say(.response(.observedJoinValid), by: Node.device, 2_000, token)
        try c2.hear("refused RESPONSE of \(Node.device): observed join valid from a node that was not asked")
        try say(.response(.observedJoinValid), by: Node.beacon, 2_000)
        try c2.hear(
            "refused RESPONSE of \(Node.beacon): observed join valid under a token that no open observation has")
        #expect(lines(c2.said, "refused RESPONSE") == 2)
        #expect(lines(c2.said, "observed join of \(Node.device)") == 0)

        try say(.response(.observedJoinValid), by: Node.beacon, 3_000, token)
        try c2.hear("c2: observed join of \(Node.device) by \(Node.beacon): accepted")
        #expect(c2.end(with: SIGTERM) == 0)
        #expect(c2.said.contains("c2: refused 2 messages"))
    }

    @Test("an answer under a token that is not ours does not make the beacon a member: one line, one count")
    func foreignToken() throws {
        let network = try Network()
        let server = try TestServer(network, answersJoins: false)
        let beacon = try BeaconProcess(network)
        try beacon.start()
        try eventually("it asks to join") { server.accepted.contains { $0.body == .joinRequest } }
        let asked = try #require(server.accepted.last { $0.body == .joinRequest })
        try server.send(.response(.joinSuccess), token: TestServer.token())
        try eventually("it is refused\n\(beacon.logged)") { beacon.refused("not-now") == 1 }
        #expect(beacon.says("refused RESPONSE from \(Node.c2)"))
        #expect(lines(beacon.logged, "refused RESPONSE from \(Node.c2)") == 1)
        #expect(beacon.membership == "joining")
        try server.send(.response(.joinSuccess), token: asked.token)
        try eventually("its own answer counts") { beacon.membership == "member" }
    }

    @Test(
        "JOIN_CMD from a registered stranger, from the server in another's name, and its ACTION for another: one line each"
    )
    func strangersOrders() throws {
        let network = try Network()
        let server = try TestServer(network)
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let topic = "SRUP/\(Node.beacon.topicForm)"
        // Not as a client of its own, which the broker's access list keeps from our topic: as one who has got past that.
        let stranger = try IdentityKey(pemFile: network.folder + "/\(Node.device.topicForm).key.pem")
        let forged = Message(
            sequence: SequenceID(1 << 40), sender: Node.device, token: Token(random: randomBytes(16), for: Node.beacon),
            body: .joinCommand(device: Node.beacon))
        server.publish(try forged.signed(by: stranger))
        try eventually("the stranger is refused") { beacon.refused("unknown-sender") == 1 }
        #expect(beacon.says("refused a message on \(topic)"))
        #expect(lines(beacon.logged, "refused a message on \(topic)") == 1)
        try server.send(
            .joinCommand(device: Node.device), token: Token(random: randomBytes(16), for: Node.device))
        try eventually("another's JOIN_CMD is refused") { beacon.refused("not-for-us") == 1 }
        try server.send(.action(0x01), token: Token(random: randomBytes(16), for: Node.device))
        try eventually("another's ACTION is refused") { beacon.refused("not-for-us") == 2 }
        #expect(beacon.says("refused ACTION from \(Node.c2): it does not name this beacon"))
        #expect(lines(beacon.logged, "refused JOIN_CMD from \(Node.c2): it does not name this beacon") == 1)
        #expect(lines(beacon.logged, "refused ACTION from \(Node.c2): it does not name this beacon") == 1)
        #expect(!beacon.logged.contains("has told us to join"))
        #expect(beacon.membership == "member")

        // And where the broker's list holds, a stranger's own client does not get that far.
        try publish(
            .joinCommand(device: Node.beacon), by: Node.device, to: topic, 1 << 41,
            Token(random: randomBytes(16), for: Node.beacon), network)
        try server.send(.action(0x02), token: Token(random: randomBytes(16), for: Node.device))
        try eventually("what came after it is refused") { beacon.refused("not-for-us") == 3 }
        #expect(beacon.refused("unknown-sender") == 1)
    }

    @Test(
        "a certificate request for another's identity gets none, whoever signs for it, and the service says so in one line"
    )
    func requestForAnother() throws {
        let registry = try RegistryProcess()
        let (ours, others) = (Node.device.topicForm, Node.second.topicForm)
        #expect(try registry.enrol(ours) == ["201", "200", "200"])
        #expect(try registry.enrol(others) == ["201", "200", "200"])
        let request = "\(ours).as.\(others).csr"
        _ = try registry.openssl(
            "req -new -sha256 -key \(registry.folder)/\(ours).tls.key -subj /CN=\(others) -out \(registry.folder)/\(request)"
        )
        let signature = try registry.signature(by: ours, overFile: request)
        for (identity, why) in [
            (ours, "the csr's subject must be the identity as its only common name"),
            (others, "the signature is not by the identity's key"),
        ] {
            let reply = try registry.curl(
                "access",
                #"{"csr":"\#(try registry.lines(request))","identity":"\#(identity)","signature":"\#(signature)"}"#)
            #expect(reply.status == "400")
            #expect(lines(registry.log, "registry: refused access from 127.0.0.1: 400, \(why)") == 1, "\(registry.log)")
        }
        let given = try registry.verb("list")
        #expect(given.split(separator: "\n").count == 2)
    }
}
