import Broker
import Foundation
import Keys
import SRUP
import Synchronization
import SystemSupport
import TestVectors
import Testing

/// Attacks of registered devices on the kit's C2, with real processes.
@Suite("A registered device against the kit's C2 server", .blocking)
struct C2AttackTests {
    let network: Network
    let bench: C2Bench

    init() throws {
        network = try Network()
        bench = C2Bench(network: network)
    }

    @Test(
        "the attack: 6,000 OBS_JOIN_REQ of one device cause few lines and answers, and an honest device joins meanwhile"
    )
    func flood() throws {
        let trace = network.folder + "/c2.trace"
        let server = try bench.server("--trace", trace)
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let flooding = try FloodingDevice(network, Node.device)
        let frames = try flooding.requests(6_000)
        flooding.publish(frames)
        let began = ContinuousClock.now
        let honest = try bench.device(Node.second, link: beacon.linkPath)
        #expect(honest.wait() == 0, "\(server.said.suffix(2_000))")
        let took = ContinuousClock.now - began
        try eventually("all have come", within: 30) { flooding.isEmpty }
        server.answer("identity \(Node.beacon.topicForm)")
        try server.hear("identification of")
        let lines = server.said.split(separator: "\n").count { $0.contains("\(Node.device)") }
        let text = try String(contentsOfFile: trace, encoding: .utf8)
        let answers = text.split(separator: "\n").count {
            $0.contains("\"from\":\"c2\"") && $0.contains("\"name\":\"OBS_JOIN_RESP\"")
        }
        #expect(lines < 30 && answers < 10 && took < .seconds(10), "\(lines) lines, \(answers) answers, \(took)")
        #expect(server.end(with: SIGTERM) == 0)
        try server.hear("rate 59")
    }
}

/// A device that publishes what it has signed as fast as the broker takes it.
private final class FloodingDevice: Sendable {
    private let id: Identifier
    private let key: IdentityKey
    private let link: BrokerLink
    private let state = Mutex<(connection: Int?, left: Int)>((nil, 0))

    init(_ network: Network, _ id: Identifier) throws {
        let (folder, name) = (network.folder, id.topicForm)
        self.id = id
        key = try IdentityKey(pemFile: "\(folder)/\(name).key.pem")
        let settings = BrokerLink.Settings(
            brokers: [BrokerAddress(host: "localhost", port: network.port)], clientID: name,
            tls: TLSFiles(
                authority: "\(folder)/ca.pem", certificate: "\(folder)/\(name).cert.pem",
                key: "\(folder)/\(name).tls.key"),
            subscriptions: [Topic.of(device: Node.beacon)], maximumPayload: UnverifiedFrame.maximumLength)
        let events = Events()
        link = BrokerLink(settings) { _ in
            true
        } happened: {
            events.take($0)
        }
        events.reader.withLock { $0 = { [weak self] in self?.note($0) } }
        link.start()
        try eventually("the device is connected") { state.withLock { $0.connection != nil } }
    }

    deinit { link.stop() }

    private func note(_ event: BrokerLink.Event) {
        state.withLock { state in
            switch event {
            case .connected(_, let connection, _): state.connection = connection
            case .lost: state.connection = nil
            case .acknowledged(let ids): state.left -= ids.count
            case .notSubscribed: break
            }
        }
    }

    var isEmpty: Bool { state.withLock { $0.left <= 0 } }

    func requests(_ count: Int) throws -> [[UInt8]] {
        try (1...count).map { number in
            try Message(
                sequence: SequenceID(UInt64(10_000 + 10 * number)), sender: id, token: TestServer.token(),
                body: .observedJoinRequest(observer: Node.beacon)
            ).signed(by: key)
        }
    }

    func publish(_ frames: [[UInt8]]) {
        let topic = "SRUP/servers/\(Node.c2.topicForm)/\(id.topicForm)"
        let outgoing = frames.enumerated().map { Outgoing(id: Int64($0 + 1), topic: topic, payload: $1) }
        let connection = state.withLock { state in
            state.left += frames.count
            return state.connection
        }
        if let connection { link.publish(outgoing, over: connection) }
    }
}

/// Events that a link reports before its owner is initialised.
private final class Events: Sendable {
    let reader = Mutex<(@Sendable (BrokerLink.Event) -> Void)?>(nil)

    func take(_ event: BrokerLink.Event) { reader.withLock { $0 }?(event) }
}
