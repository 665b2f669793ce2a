import EventLoop
import Foundation
import Keys
import Nearby
import ProofLink
import SRUP
import Synchronization
import SystemSupport
import Testing

/// Attacks on a device and on its server, with the real commands and a real broker. Each was shown to work before it was stopped
/// (docs/threat-model.md).
@Suite("Attacks on a joining device", .blocking)
struct DeviceTrustTests {
    let network: Network

    init() throws { network = try Network() }

    /// Bytes that an attacker sends in place of the beacon.
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

    @Test(
        "the attack: a peer accepts the link and stays silent: a device with two addresses joins at the other one"
    )
    func silentBeacon() throws {
        let bench = C2Bench(network: network)
        let c2 = try bench.server("--require", "keyed")
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let place = network.folder + "/silent"
        let listener = try LinkSocket.listen(on: .local(path: place))
        defer { close(listener) }
        // The silent peer is at the beacon's address; the beacon also has another address.
        let device = try bench.device(
            link: place, "--also", "\(Node.beacon.topicForm)=local:\(beacon.linkPath)")
        #expect(device.wait(within: 40) == 0, "\(bench.deviceLog)\(c2.said)")
        #expect(bench.deviceLog.contains("the beacon has said nothing for too long"))
    }

    @Test("another beacon is at the first of two places: the device leaves it, and joins at the other one")
    func otherBeacon() throws {
        let bench = C2Bench(network: network)
        let c2 = try bench.server()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let place = network.folder + "/other"
        let listener = try LinkSocket.listen(on: .local(path: place))
        defer { close(listener) }
        let device = try bench.device(link: place, "--also", "\(Node.beacon.topicForm)=local:\(beacon.linkPath)")
        var accepted: LinkSocket.Accepted?
        try eventually("a link of the device\n\(bench.deviceLog)", within: 30) {
            accepted = try LinkSocket.accept(listener, .local)
            return accepted != nil
        }
        let socket = try #require(accepted?.socket)
        defer { close(socket) }
        let modes: Modes = [.challenge, .keyed]
        let nonce = [UInt8](repeating: 1, count: 16)
        #expect(LinkSocket.send(.hello(version: 1, modes: modes, beacon: Node.second, nonce: nonce), over: socket))
        #expect(device.wait(within: 40) == 0, "\(bench.deviceLog)\(c2.said)")
        #expect(bench.deviceLog.contains("this is beacon \(Node.second), not the observer that the join names"))
    }

    /// A server that requires keyed proofs, and a device that has the value but not the key.
    @Test(
        "the attack: an accomplice has the value and not the key: if keyed proofs are required, it is refused with the reason",
        arguments: [
            (["--mode", "challenge"], "the evidence is reachable, but keyed is required"),
            (["--signing", "other"], "its signature is not the device's"),
        ])
    func delegated(options: [String], reason: String) throws {
        let bench = C2Bench(network: network)
        let c2 = try bench.server("--require", "keyed", "--window", "25")
        let beacon = try BeaconProcess(network, settings: ["observation": ["window = 4"]])
        try beacon.startAndJoin()
        let accomplice = try bench.device(link: beacon.linkPath, options)
        let status = accomplice.wait()
        #expect(status == 10 || status == 11, "\(status)\n\(bench.deviceLog)\(c2.said)")
        try c2.hear(reason)
        #expect(!c2.said.contains("observed join of \(Node.device) by \(Node.beacon): accepted"))
        // The device itself, with its key, joins.
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(bench.deviceLog)\(c2.said)")
    }

    @Test(
        "the attack: a device does not sign its proof: it is not accepted, and the beacon reports that it was not signed"
    )
    func unsigned() throws {
        let bench = C2Bench(network: network)
        let c2 = try bench.server()
        let beacon = try BeaconProcess(network, settings: ["observation": ["window = 13"]])
        try beacon.startAndJoin()
        let device = try bench.device(link: beacon.linkPath, ["--signing", "none"])
        #expect(device.wait() == 11, "\(bench.deviceLog)\(c2.said)")
        #expect(beacon.history.first?["reason"] as? String == "unsigned")
    }

    @Test(
        "the attack: a rogue observer sends WAIT endlessly: the joining beacon leaves it with few log lines, and works meanwhile"
    )
    func waits() throws {
        let server = try TestServer(network)
        let place = network.folder + "/rogue"
        let listener = try LinkSocket.listen(on: .local(path: place))
        defer { close(listener) }
        let beacon = try BeaconProcess(
            network,
            settings: [
                "server \(Node.c2.topicForm)": [
                    "key = \(network.folder)/\(Node.c2.topicForm).pub.pem", "join = observed",
                    "observer = \(Node.second.topicForm)", "observer-address = local:\(place)",
                ]
            ])
        try beacon.start()
        try eventually("OBS_JOIN_REQ") { server.accepted.contains { $0.body.type == .observedJoinRequest } }
        try server.send(
            .observedJoinResponse(sealed: Octets(try server.beaconKey.seal(.random()))), token: TestServer.token())
        let piece = (0..<1_000).flatMap { _ in LinkFrame.wait(seconds: 1).encoded }
        let hello = LinkFrame.hello(
            version: 1, modes: [.challenge, .keyed], beacon: Node.second, nonce: [UInt8](repeating: 1, count: 16)
        ).encoded
        var (greetings, links, held): (Greetings, Int, [Int32]) = (Greetings(), 0, [])
        defer { for socket in held { close(socket) } }
        let end = Date(timeIntervalSinceNow: 5)
        while Date() < end {
            if let accepted = try LinkSocket.accept(listener, .local) {
                links += 1
                held.append(accepted.socket)
                _ = send(accepted.socket, hello, hello.count, Int32(MSG_NOSIGNAL))
            }
            for socket in held {
                for _ in 0..<20 { _ = send(socket, piece, piece.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) }
            }
            try greetings.add(beacon)
        }
        print("WAIT flood: \(links) links, \(greetings)")
        #expect(links >= 1 && greetings.areInTime(inFloodOf: 5), "\(greetings)")
        #expect(beacon.logged.split(separator: "\n").count { $0.contains("our own proof") } <= 10 * max(links, 1))
    }

    @Test("the attack: one frame without a tag ends a device's link: it tries again, and joins")
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
