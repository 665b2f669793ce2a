import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

/// How filters are requested: BrokerTests/SubscriptionPlanTests.
@Suite("One subscription to the topics of all nodes", .blocking)
struct WildcardTests {
    let network: Network
    let bench: C2Bench

    init() throws {
        network = try Network()
        bench = C2Bench(network: network)
    }

    private func join(at server: Dialogue) throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(server.said)\n\(bench.deviceLog)")
        try server.hear("observed join of \(Node.device) by \(Node.beacon): accepted")
    }

    @Test("with the documented ACL a join succeeds, and what a stranger says to another server is counted and not told")
    func documented() throws {
        let keyring = network.folder + "/known"
        try FileManager.default.createDirectory(atPath: keyring, withIntermediateDirectories: false)
        for id in [Node.beacon, Node.device] {
            let name = "/\(id.topicForm).pub.pem"
            try FileManager.default.copyItem(atPath: network.folder + name, toPath: keyring + name)
        }
        let server = try bench.server(keys: ["--keyring", keyring])
        #expect(!server.said.contains("one subscription for each"))
        let key = try IdentityKey(pemFile: "\(network.folder)/\(Node.second.topicForm).key.pem")
        let message = Message(
            sequence: SequenceID(1), sender: Node.second, token: TestServer.token(), body: .response(.actionSuccess))
        try bench.publish(message.signed(by: key), as: Node.second, on: "SRUP/\(Node.second.topicForm)")
        try join(at: server)
        #expect(server.end(with: SIGTERM) == 0)
        #expect(server.said.contains("refused 1 messages (stranger 1)"), "\(server.said)")
        #expect(!server.said.contains("\(Node.second)"))
    }

    @Test("where mosquitto's plugin denies it, each node has its own, and a join succeeds")
    func denied() throws {
        try denyAtPlugin()
        let server = try bench.server()
        #expect(
            server.said.contains("c2: the broker does not let us subscribe to SRUP/+: one subscription for each of "))
        try join(at: server)
        #expect(server.end(with: SIGTERM) == 0)
    }

    @Test("where the broker closes the connection for it, the server is ready with each node's own, and asks no more")
    func closed() throws {
        network.stopBroker()
        let broker = try ScriptedBroker(
            in: URL(filePath: network.folder), authority: network.folder + "/ca.pem",
            certificate: network.folder + "/server.cert.pem", key: network.folder + "/server.key")
        broker.behaviour.closesAtSubscribe = ["SRUP/+"]
        let server = try Dialogue(
            C2Bench.program,
            bench.arguments(Node.c2, ["--keyring", network.folder, "--broker", "localhost:\(broker.port)"])
                .filter { $0 != "localhost:\(network.port)" }.removingFirst("--broker"))
        try server.hear("c2: ready")
        #expect(server.said.contains("this client subscribed to SRUP/+: one subscription for each of "))
        let each = "subscribe SRUP/\(Node.device.topicForm)/#"
        let asked = broker.received
        #expect(asked.contains { $0.hasSuffix(each) }, "\(asked)")
        let last = asked.lastIndex { $0.hasSuffix("subscribe SRUP/+") } ?? .max
        #expect(last < asked.firstIndex { $0.hasSuffix(each) } ?? 0)
        #expect(server.end(with: SIGTERM) == 0)
    }

    /// Instead of the ACL: mosquitto's dynamic security, which answers a denied SUBSCRIBE.
    private func denyAtPlugin() throws {
        network.stopBroker()
        let plugins = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib").map {
            "/usr/lib/\($0)/mosquitto_dynamic_security.so"
        }
        let plugin = try #require(plugins.first { FileManager.default.fileExists(atPath: $0) })
        let (file, rules) = (network.folder + "/mosquitto.conf", network.folder + "/rules.json")
        let kept = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            .filter { !$0.hasPrefix("acl_file") }
        let more = "\nplugin \(plugin)\nplugin_opt_config_file \(rules)\n"
        try Data((kept.joined(separator: "\n") + more).utf8).write(to: URL(filePath: file))
        let clients = [Node.c2, Node.beacon, Node.device].map { id in
            let roles = id == Node.c2 ? [["rolename": "server"]] : []
            return ["username": id.topicForm, "roles": roles] as [String: Any]
        }
        let denial: [String: Any] = ["acltype": "subscribeLiteral", "topic": "SRUP/+", "allow": false]
        let content: [String: Any] = [
            "defaultACLAccess": [
                "publishClientSend": true, "publishClientReceive": true, "subscribe": true, "unsubscribe": true,
            ], "clients": clients, "groups": [], "roles": [["rolename": "server", "acls": [denial]]],
        ]
        try JSONSerialization.data(withJSONObject: content).write(to: URL(filePath: rules))
        try network.startBroker()
    }
}

extension [String] {
    /// The same without the first of these words.
    fileprivate func removingFirst(_ word: String) -> [String] {
        var rest = self
        firstIndex(of: word).map { _ = rest.remove(at: $0) }
        return rest
    }
}
