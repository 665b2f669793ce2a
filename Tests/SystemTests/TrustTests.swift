import Foundation
import Keys
import Links
import ProofLink
import SRUP
import Synchronization
import SystemSupport
import Testing

/// Attacks on who decides a verdict, with the real beacon, a real broker and the kit's device. Each was shown to work before it was
/// stopped (docs/threat-model.md).
@Suite("Only the server that asked and the device that was asked for decide a verdict", .blocking)
struct TrustTests {
    let network: Network
    let server: TestServer

    init() throws {
        network = try Network(servers: [Node.c2, Node.otherC2])
        server = try TestServer(network)
    }

    /// A beacon that is a member of both servers.
    private func withBoth(_ other: TestServer) throws -> BeaconProcess {
        let section = "server \(Node.otherC2.topicForm)"
        let beacon = try BeaconProcess(
            network,
            settings: [
                section: ["key = \(network.folder)/\(Node.otherC2.topicForm).pub.pem"],
                "observation": ["window = 6"],
            ])
        try beacon.startAndJoin()
        try eventually("it is a member of both") { beacon.membership(with: Node.otherC2) == "member" }
        return beacon
    }

    @Test(
        "the attack: a copy of another beacon's OBSERVE_REQ, with an id near 2^62, makes it deaf: it is not answered, changes nothing"
    )
    func copiedRequest() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let otherBeacon = try PublicKey(pemFile: network.folder + "/\(Node.device.topicForm).pub.pem")
        let (value, copied) = (Secret.random(), TestServer.token())
        let request = Body.observationRequest(joining: Node.second, sealed: Octets(try otherBeacon.seal(value)))
        let frame = try server.send(request, token: copied, sequence: 1 << 62)
        for _ in 0..<20 { server.publish(frame) }
        try eventually("all copies are refused\n\(beacon.logged)") { beacon.refused("not-sealed-to-us") == 21 }
        #expect(server.everyStatus(copied).isEmpty)
        for _ in 0..<2 {
            let (value, token) = (Secret.random(), TestServer.token())
            try server.observe(Node.device, value, token: token)
            #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
            #expect(try server.waitForVerdict(token) == .observedJoinValid)
            beacon.stop()
            try beacon.startAndJoin()
        }
    }

    @Test("the attack: a second server uses the token of the first one's open question: both verdicts stay their own")
    func foreignToken() throws {
        let other = try TestServer(network, as: Node.otherC2)
        let beacon = try withBoth(other)
        let plain = TestServer.token()
        let named = Token(random: randomBytes(16), server: Node.c2, beacon: Node.beacon)
        for (token, reason) in [(plain, "token-of-another-server"), (named, "not-for-us")] {
            let (value, foreign) = (Secret.random(), Secret.random())
            try server.observe(Node.device, value, token: token)
            try eventually("the question is open") { beacon.logged.contains("\(token)") }
            // To have its accomplice's proof answered under this token, and to have the device refused by garbage.
            try other.observe(Node.second, foreign, token: token)
            try other.send(.observationRequest(joining: Node.second, sealed: Octets([1, 2, 3])), token: token)
            try eventually("both are refused\n\(beacon.logged)") { beacon.refused(reason) == 2 }
            #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
            #expect(try server.waitForVerdict(token) == .observedJoinValid)
            // The topic is shared: both hear that one answer, and no other.
            #expect(server.everyStatus(token) == [.observedJoinValid])
            #expect(other.everyStatus(token) == [.observedJoinValid])
        }
        // The other server is served under tokens of its own.
        let (value, token) = (Secret.random(), TestServer.token())
        try other.observe(Node.second, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value, as: Node.second)?.outcome == .valid)
        #expect(try other.waitForVerdict(token) == .observedJoinValid)
    }

    @Test("the attack: one stranger has an expected device refused by false proofs: the device comes, and is valid")
    func veto() throws {
        let beacon = try BeaconProcess(network, settings: ["link": ["challenge-mode = yes", "hold-off-longest = 0.1"]])
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        // Three links that are there before the request, and so before any hold-off.
        let links = try (0..<3).map { _ in try TestDevice(beacon.link) }
        for link in links {
            _ = try link.receive()
            link.send(.ready(mode: .challenge, device: Node.device))
            _ = try link.receive()
        }
        try server.observe(Node.device, value, token: token)
        let nonce = randomBytes(LinkFrame.deviceNonceLength)
        for link in links {
            _ = try link.receive()
            link.send(.proof(nonce: nonce, tag: randomBytes(LinkFrame.tagLength)))
        }
        for _ in 0..<8 { _ = try? TestDevice.prove(beacon.link, .random(), within: 1) }
        #expect(server.verdicts(token).isEmpty)
        try TestDevice.proveUntilValid(beacon.link, value)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

}

@Suite("A device believes nothing without the value's tag", .blocking)
struct DeviceTrustTests {
    let network: Network

    init() throws { network = try Network() }

    /// What somebody says in the beacon's place.
    private static let lies: [[UInt8]] = [
        LinkFrame.outcome(.malformed, tag: LinkFrame.noTag).encoded,
        LinkFrame.outcome(.tooFar, tag: LinkFrame.noTag).encoded,
        LinkFrame.outcome(.invalid, tag: LinkFrame.noTag).encoded,
        LinkFrame.hello(version: 9, modes: .keyed, beacon: Node.beacon, nonce: [UInt8](repeating: 1, count: 16))
            .encoded,
        LinkFrame.hello(version: 1, modes: .keyed, beacon: Node.second, nonce: [UInt8](repeating: 1, count: 16))
            .encoded,
        [0xFF, 0xFF, 0xFF],
    ]

    @Test("the attack: one frame without a tag ends a device's join: it comes again, and joins")
    func liar() throws {
        let bench = C2Bench(network: network)
        let c2 = try bench.server()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let place = network.folder + "/liar"
        let listener = try LinkSocket.listen(on: .local(path: place))
        let device = try bench.device(link: place)
        for (number, lie) in Self.lies.enumerated() {
            var accepted: LinkSocket.Accepted?
            try eventually("link \(number) of the device\n\(bench.deviceLog)", within: 30) {
                accepted = try LinkSocket.accept(listener, .local)
                return accepted != nil
            }
            let socket = try #require(accepted?.socket)
            _ = send(socket, lie, lie.count, Int32(MSG_NOSIGNAL))
            try eventually("the device has left") { LinkSocket.receive(from: socket) == .closed }
            close(socket)
            if number == Self.lies.count - 1 {  // from now on it is the beacon that is there
                close(listener)
                unlink(place)
                #expect(symlink(beacon.linkPath, place) == 0)
            }
        }
        #expect(device.wait() == 0, "\(bench.deviceLog)\(c2.said)")
    }
}
