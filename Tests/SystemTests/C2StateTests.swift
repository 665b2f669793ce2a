import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// The bench kit's C2 with `--state`, with a real beacon.
@Suite("A C2 server that keeps its state", .blocking)
struct C2StateTests {
    let network: Network
    let bench: C2Bench
    let state: String

    init() throws {
        network = try Network()
        bench = C2Bench(network: network)
        state = network.folder + "/c2.sqlite"
    }

    @Test(
        "killed during an observed join it continues: 5F, no new join of the beacon, replays refused, a new join succeeds"
    )
    func killed() throws {
        var server = try bench.server("--state", state)
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        server.answer("group gate \(Node.beacon.topicForm)")
        let silent = try bench.device(link: beacon.linkPath, "--silent")
        try server.hear("\(Node.device) asks to join, observed by \(Node.beacon)")
        try eventually("it is kept") { try bench.history(state).contains("OBSERVE_REQ to \(Node.beacon)") }
        server.end(with: SIGKILL)

        server = try bench.server("--state", state)
        try server.hear("observed join of \(Node.device) by \(Node.beacon): failed")
        #expect(silent.wait() == 11)
        let old = try bench.frame(state, "OBS_JOIN_REQ of \(Node.device)")
        try bench.publish(
            old, as: Node.device, on: "SRUP/servers/\(Node.c2.topicForm)/\(Node.device.topicForm)")
        try server.hear("refused OBS_JOIN_REQ of \(Node.device): sequence")

        let joining = try bench.device(link: beacon.linkPath).wait()
        #expect(joining == 0, "\(server.said)\n\(bench.deviceLog)\n\(beacon.logged)")
        try server.hear("observed join of \(Node.device) by \(Node.beacon): accepted")
        #expect(!server.said.contains("join of \(Node.beacon): accepted"), "it needed no new join")
        server.answer("action @gate pause")
        try server.hear("the answer to action 0x01 of \(Node.beacon): action success")
        #expect(server.end(with: SIGTERM) == 0)

        let told = try bench.history(state, "--node", Node.device.topicForm)
        #expect(told.contains("decision") && told.contains("by \(Node.beacon): failed"))
        #expect(try bench.history(state, "--last", "1").split(separator: "\n").count == 1)
        _ = try bench.history(state, "--svg", network.folder + "/history.svg")
        let svg = try String(contentsOfFile: network.folder + "/history.svg", encoding: .utf8)
        #expect(svg.contains("OBSERVE_REQ") && svg.hasPrefix("<"))
    }

    @Test("the value of a human-moderated join is in no file, and the join has failed after a restart")
    func valueIsNowhere() throws {
        var server = try bench.server("--state", state, "--view", "hexadecimal")
        let beacon = try BeaconProcess(network, settings: ["server \(Node.c2.topicForm)": ["join = no"]])
        try beacon.start()
        try eventually("the beacon is connected") { beacon.brokerState == "connected" }
        let verb = try Verb(beacon, "join", "--human", "--as", "hexadecimal")
        let shown = "compare for \(Node.beacon), hexadecimal, view 2 of 4:\n"
        try eventually("a value is shown\n\(server.said)") {
            server.said.range(of: shown).map { server.said[$0.upperBound...].count > 32 } == true
        }
        let place = try #require(server.said.range(of: shown))
        let digits = String(server.said[place.upperBound...].lowercased().filter { $0.isHexDigit }.prefix(32))
        try #require(digits.count == 32)
        server.end(with: SIGKILL)
        let text = Array(digits)
        let raw = stride(from: 0, to: 32, by: 2).compactMap { UInt8(String(text[$0...($0 + 1)]), radix: 16) }
        for file in [state, state + "-wal"] {
            let data = try Data(contentsOf: URL(filePath: file))
            #expect(!data.isEmpty && data.range(of: Data(raw)) == nil && data.range(of: Data(digits.utf8)) == nil)
        }
        server = try bench.server("--state", state)
        try server.hear("human-moderated join of \(Node.beacon) by a human: failed")
        #expect(verb.child.wait() == 1, "\(verb.said)")
    }

    @Test(
        "on a full disk it answers nothing and ends with a hint",
        .enabled(if: Disk.works, "no tmpfs can be mounted"))
    func full() throws {
        let disk = try Disk(network.folder + "/disk")
        let server = try bench.server("--state", disk.path + "/c2.sqlite")
        try disk.fill()
        let beacon = try BeaconProcess(network)
        try beacon.start()
        #expect(server.wait() == 1, "\(server.said)")
        #expect(server.said.contains("hint: free space on the disk"), "\(server.said)")
        #expect(!server.said.contains("join of"))
        #expect(beacon.membership != "member")
        // It has not acknowledged what it has not stored: the broker sends it again.
        try disk.empty()
        let next = try bench.server("--state", disk.path + "/c2.sqlite")
        try next.hear("join of \(Node.beacon): accepted")
        try disk.remount("rw")
    }
}

@Suite("Keys from the registry at the C2 server", .blocking)
struct C2RegistryTests {
    @Test("a registered node that is not in the keyring can join; an unregistered and a revoked one are refused")
    func registry() throws {
        let network = try Network()
        let registry = try RegistryProcess()
        let (id, bench) = (Node.beacon.topicForm, C2Bench(network: network))
        #expect(try registry.enrol(id) == ["201", "200", "200"], "\(registry.log)")
        let token = registry.folder + "/reader"
        try Data(try registry.verb("reader").utf8).write(to: URL(filePath: token))
        let keys = [
            "--registry", registry.url, "--registry-ca", registry.folder + "/registry/ca.pem", "--reader-token", token,
        ]
        let state = network.folder + "/c2.sqlite"
        var server = try bench.server(keys: keys, "--state", state)
        let beacon = try BeaconProcess(network, settings: ["beacon": ["key = \(registry.folder)/\(id).key"]])
        try beacon.startAndJoin()
        server.answer("identity \(id)")
        try server.hear(#""product":"srup-beacon""#)
        let stranger = try bench.device(link: beacon.linkPath, "--silent", "--timeout", "3")
        try server.hear("refused OBS_JOIN_REQ of \(Node.device)")
        #expect(stranger.wait() == 12)
        #expect(server.end(with: SIGTERM) == 0)

        try registry.verb("revoke", [id])
        server = try bench.server(keys: keys, "--state", state)
        let resign = try Verb(beacon, "resign")
        defer { resign.child.end() }
        try server.hear("\(Node.beacon) is no longer in the registry")
        try server.hear("refused RESIGN_REQ of \(Node.beacon)")
        server.answer("identity \(id)")
        try server.hear("\(Node.beacon) has not joined")
        #expect(!server.said.contains("asks to resign"))
    }
}

@Suite("The right to observe by the type in the registry", .blocking)
struct C2ObserverTypeTests {
    @Test(
        "a node with the type may observe, also in the next run before its first message; others may not"
    )
    func types() throws {
        let network = try Network()
        let registry = try RegistryProcess()
        let (id, folder) = (Node.beacon.topicForm, registry.folder)
        #expect(try registry.enrol(id) == ["201", "200", "200"], "\(registry.log)")  // as a "thing"
        try Data(try registry.verb("reader").utf8).write(to: URL(filePath: folder + "/reader"))
        // The device alone is in the keyring.
        let keyring = folder + "/keyring"
        try FileManager.default.createDirectory(atPath: keyring, withIntermediateDirectories: true)
        let name = "\(Node.device.topicForm).pub.pem"
        try FileManager.default.copyItem(atPath: "\(network.folder)/\(name)", toPath: "\(keyring)/\(name)")
        func server(_ type: String) throws -> Dialogue {
            let talk = try Dialogue(
                C2Bench.program,
                C2Bench(network: network).arguments(
                    Node.c2,
                    [
                        "--keyring", keyring, "--registry", registry.url, "--registry-ca", folder + "/registry/ca.pem",
                        "--reader-token", folder + "/reader", "--state", network.folder + "/c2.sqlite",
                        "--observer-type",
                        type,
                    ]))
            try talk.hear("c2: ready")
            return talk
        }
        let device = try PlainDevice(network)
        func ask() throws { try device.say(.observedJoinRequest(observer: Node.beacon)) }

        var c2 = try server("thing")
        let beacon = try BeaconProcess(
            network, settings: ["beacon": ["key = \(folder)/\(id).key"], "observation": ["window = 2"]])
        try beacon.startAndJoin()
        try ask()
        try c2.hear("\(Node.device) asks to join, observed by \(Node.beacon)")
        try c2.hear("observed join of \(Node.device) by \(Node.beacon): ")  // nobody proves anything
        #expect(!c2.said.contains("may not join, observed by") && c2.end(with: SIGTERM) == 0)
        beacon.stop()

        c2 = try server("thing")
        try ask()
        try c2.hear("\(Node.device) asks to join, observed by \(Node.beacon)")
        #expect(c2.end(with: SIGTERM) == 0 && !c2.said.contains("may not join, observed by"))

        c2 = try server("gate")
        try ask()
        try c2.hear("\(Node.device) may not join, observed by \(Node.beacon): \(Node.beacon) may not observe")
        #expect(c2.end(with: SIGTERM) == 0)
    }
}

@Suite("Two C2 servers at one broker", .blocking)
struct TwoServersTests {
    @Test("a beacon observes for both at the same time, and continues for one when the other has terminated it")
    func both() throws {
        let servers = [Node.c2, Node.otherC2]
        let network = try Network(servers: servers)
        let bench = C2Bench(network: network)
        let first = try bench.server(as: Node.c2)
        let second = try bench.server(as: Node.otherC2)
        let key = "key = \(network.folder)/\(Node.otherC2.topicForm).pub.pem"
        let beacon = try BeaconProcess(
            network, settings: ["server \(Node.otherC2.topicForm)": [key], "observation": ["window = 3"]])
        try beacon.start()
        try eventually("it has joined both\n\(beacon.status)") {
            servers.allSatisfy { beacon.membership(with: $0) == "member" }
        }
        // Both are open before either is proven: an honest device at one server, a wrong value at the other.
        let honest = try bench.device(Node.device, at: Node.c2, link: beacon.linkPath, "--late", "1.5")
        let wrong = try bench.device(
            Node.second, at: Node.otherC2, link: beacon.linkPath, "--late", "1", "--mode", "challenge", "--wrong-value")
        try first.hear("\(Node.device) asks to join")
        try second.hear("\(Node.second) asks to join")
        #expect(!first.said.contains("verdict of") && !second.said.contains("verdict of"))
        #expect(honest.wait() == 0, "\(first.said)")
        #expect(wrong.wait() == 10, "\(second.said)")
        #expect(first.said.contains("observed join of \(Node.device) by \(Node.beacon): accepted"))
        #expect(second.said.contains("observed join of \(Node.second) by \(Node.beacon): refused"))

        // Both receive the request to leave, and it names only one.
        #expect(try beacon.command("resign", Node.otherC2.topicForm).status == 0)
        try second.hear("\(Node.beacon) asks to resign: resign success")
        first.answer("identity \(Node.beacon.topicForm)")
        try first.hear("identification of \(Node.beacon)")
        #expect(!first.said.contains("asks to resign") && beacon.membership(with: Node.c2) == "member")
        #expect(try beacon.command("join", Node.otherC2.topicForm).status == 0)

        first.answer("terminate \(Node.beacon.topicForm)")
        try eventually("it is let go by one") { beacon.membership(with: Node.c2) == "terminated" }
        #expect(beacon.membership(with: Node.otherC2) == "member")
        #expect(try bench.device(Node.second, at: Node.otherC2, link: beacon.linkPath).wait() == 0, "\(second.said)")
        for (said, other) in [(first.said, Node.otherC2), (second.said, Node.c2)] {
            #expect(!said.contains("of \(other)"), "the other's messages are not for it: \(said)")
        }
    }
}
