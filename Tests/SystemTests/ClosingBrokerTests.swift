import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// The decisions by themselves: BrokerTests/PublishPlanTests.
@Suite("A broker that closes the connection at a denied topic", .blocking)
struct ClosingBrokerTests {
    let network: Network
    let broker: ScriptedBroker

    init() throws {
        network = try Network(servers: [Node.c2, Node.otherC2])
        network.stopBroker()
        broker = try ScriptedBroker(
            in: URL(filePath: network.folder), authority: network.folder + "/ca.pem",
            certificate: network.folder + "/server.cert.pem", key: network.folder + "/server.key")
    }

    private func topic(_ server: Identifier) -> String {
        "SRUP/servers/\(server.topicForm)/\(Node.beacon.topicForm)"
    }

    private func server(_ server: Identifier, of beacon: BeaconProcess) -> [String: Any] {
        let servers = beacon.status["servers"] as? [[String: Any]] ?? []
        return servers.first { $0["id"] as? String == server.description } ?? [:]
    }

    @Test(
        "the server of that topic is set aside and named, the other is served; it is served once the topic is allowed")
    func setAside() throws {
        let denied = topic(Node.c2)
        broker.behaviour.closesAtPublish = [denied]
        let beacon = try BeaconProcess(
            network,
            settings: [
                "broker": ["address = localhost:\(broker.port)"],
                "server \(Node.otherC2.topicForm)": ["key = \(network.folder)/\(Node.otherC2.topicForm).pub.pem"],
            ])
        try beacon.start()
        #expect(
            beacon.says("is set aside: the broker closes the connection whenever this beacon publishes to \(denied)"))
        #expect(beacon.logged.components(separatedBy: "is set aside: ").count == 2, "one line")
        try eventually("the other server's request has arrived: \(broker.received)") {
            beacon.brokerState == "connected"
                && broker.received.contains { $0.hasSuffix("publish \(topic(Node.otherC2))") }
        }
        let aside = try #require(server(Node.c2, of: beacon)["set_aside"] as? [String: Any], "\(beacon.status)")
        #expect(aside["topic"] as? String == denied)
        #expect((aside["hint"] as? String)?.contains("access list") == true)
        #expect(server(Node.otherC2, of: beacon)["set_aside"] == nil)
        let explained = try beacon.command("explain", Node.c2.topicForm).text
        #expect(explained.contains("cause: server \(Node.c2) is set aside"), "\(explained)")
        let examined = try beacon.command("doctor").text
        #expect(examined.contains("whenever this beacon publishes to \(denied)"), "\(examined)")
        let attempts = broker.received.filter { $0.hasSuffix(denied) }.count
        #expect((4...6).contains(attempts), "\(broker.received)")

        broker.behaviour.closesAtPublish = []
        let process = try #require(beacon.process)
        kill(process.process, SIGHUP)
        #expect(beacon.says("server \(Node.c2) is no longer set aside"))
        try eventually("the request has arrived") {
            broker.received.filter { $0.hasSuffix(denied) }.count == attempts + 1
        }
        #expect(beacon.stop() == 0)
    }
}
