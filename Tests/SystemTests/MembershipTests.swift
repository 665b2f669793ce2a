import Foundation
import Keys
import Nearby
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

/// The paper's §5.2 and §6, with the real command, a real broker and a server that the test controls.
@Suite("The beacon as a member of its server", .blocking)
struct MembershipTests {
    let network: Network
    let server: TestServer
    static let section = "server \(Node.c2.topicForm)"

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    private func started(_ settings: [String: [String]] = [Self.section: ["join = no"]]) throws -> BeaconProcess {
        let beacon = try BeaconProcess(network, settings: settings)
        try beacon.start()
        try eventually("the beacon is connected\n\(beacon.logged)") { beacon.brokerState == "connected" }
        return beacon
    }

    private func joined(_ settings: [String: [String]] = [:]) throws -> BeaconProcess {
        let beacon = try BeaconProcess(network, settings: settings)
        try beacon.startAndJoin()
        return beacon
    }

    private func received(_ type: MessageType, after count: Int = 0) throws -> Message {
        try eventually("\(type.name)") { server.accepted.filter { $0.body.type == type }.count > count }
        return try #require(server.accepted.last { $0.body.type == type })
    }

    private func command() -> Token { Token(random: randomBytes(16), for: Node.beacon) }

    private func status(under token: Token) throws -> Status { try server.waitForVerdict(token) }

    // MARK: - Confirmed by a person

    @Test(
        "join --human shows the value that the server has sealed, and the server's answer decides",
        arguments: [true, false])
    func human(accepted: Bool) throws {
        let beacon = try started()
        let verb = try Verb(beacon, "join", "--human", "--as", "hexadecimal")
        _ = try received(.humanJoinRequest)
        let (value, token) = (Secret.random(), TestServer.token())
        try server.send(.humanJoinResponse(sealed: Octets(try server.beaconKey.seal(value))), token: token)
        let digits = value.withBytes { $0.map { String(format: "%02x", $0) }.joined() }
        try eventually("the value is shown\n\(verb.said)") {
            verb.said.replacing("-", with: "").lowercased().contains(digits)
        }
        try server.send(.response(accepted ? .joinSuccess : .joinRefused), token: token)
        #expect(verb.child.wait() == (accepted ? 0 : 1), "\(verb.said)")
        #expect(beacon.membership == (accepted ? "member" : "refused"))
        // The value was only shown.
        #expect(!beacon.logged.contains(digits))
        for file in try FileManager.default.contentsOfDirectory(atPath: beacon.state) {
            let bytes = FileManager.default.contents(atPath: beacon.state + "/" + file) ?? Data()
            #expect(bytes.range(of: Data(digits.utf8)) == nil && bytes.range(of: value.withBytes { Data($0) }) == nil)
        }
    }

    // MARK: - Observed by another beacon

    @Test("an observed join: the beacon proves to another beacon that it holds the value")
    func observed() throws {
        let path = network.folder + "/observer"
        let listener = try LinkSocket.listen(on: .local(path: path))
        defer { close(listener) }
        let beacon = try started([
            Self.section: [
                "join = observed", "observer = \(Node.second.topicForm)", "observer-address = local:\(path)",
            ]
        ])
        guard case .observedJoinRequest(Node.second) = try received(.observedJoinRequest).body else {
            Issue.record("another observer was named")
            return
        }
        let (value, token) = (Secret.random(), TestServer.token())
        try server.send(.observedJoinResponse(sealed: Octets(try server.beaconKey.seal(value))), token: token)
        #expect(try observe(listener, value))
        try server.send(.response(.joinSuccess), token: token)
        try eventually("it is a member") { beacon.membership == "member" }
    }

    /// The observing beacon, by its session: whether the proof was right.
    private func observe(_ listener: Int32, _ value: Secret) throws -> Bool {
        var accepted: LinkSocket.Accepted?
        try eventually("a link") {
            accepted = try LinkSocket.accept(listener, .local)
            return accepted != nil
        }
        let socket = try #require(accepted?.socket)
        defer { close(socket) }
        var session = BeaconSession(
            beacon: Node.second, modes: [.challenge], linkNonce: randomBytes(16), challenge: randomBytes(32))
        #expect(LinkSocket.send(session.hello, over: socket))
        var assembler = FrameAssembler()
        func next() throws -> LinkFrame {
            var frame: LinkFrame?
            try eventually("a frame of the device") {
                if case .bytes(let bytes) = LinkSocket.receive(from: socket) { assembler.append(bytes) }
                frame = try assembler.next()
                return frame != nil
            }
            return try #require(frame)
        }
        #expect(try session.receive(try next()) == .ready(Node.beacon))
        let challenge = session.sendChallenge()
        #expect(LinkSocket.send(challenge, over: socket))
        guard case .presented(let presentation) = try session.receive(try next()) else { return false }
        let isRight = presentation.matches(value, hmacSHA256)
        #expect(LinkSocket.send(presentation.validOutcome(value, hmacSHA256), over: socket))
        return isRight
    }

    // MARK: - Leaving

    @Test(
        "deregistered by its own request or the server's, it destroys its keys, ends, and says why it does not start",
        arguments: [true, false])
    func deregistering(own: Bool) throws {
        let beacon = try joined()
        let files = ["key.pem", "tls.key", "cert.pem"].map { network.folder + "/\(Node.beacon.topicForm).\($0)" }
        if own {
            let hesitating = try beacon.command("deregister")
            #expect(hesitating.status == 1 && hesitating.text.contains("add --yes"))
            #expect(files.allSatisfy { FileManager.default.fileExists(atPath: $0) } && beacon.isRunning)
            let verb = try Verb(beacon, "deregister", "--yes")
            try server.send(.response(.deregisterSuccess), token: try received(.deregisterRequest).token)
            #expect(verb.child.wait() == 0, "\(verb.said)")
        } else {
            let token = command()
            try server.send(.deregisterCommand, token: token)
            #expect(try status(under: token) == .deregisterSuccess)
        }
        try eventually("it ends\n\(beacon.logged)") { !beacon.isRunning }
        for file in files { #expect(!FileManager.default.fileExists(atPath: file), "\(file)") }
        let again = try beacon.command("run")
        // If it is interrupted between the note and the last key, the next start finishes it; a finished one changes nothing.
        let (note, left) = (beacon.state + "/deregistered", Data("key".utf8))
        let words = try String(contentsOfFile: note, encoding: .utf8)
        _ = FileManager.default.createFile(atPath: files[0], contents: left)
        #expect(try beacon.command("run").status == 1 && FileManager.default.fileExists(atPath: files[0]))
        try (words + "\nunfinished").write(toFile: note, atomically: true, encoding: .utf8)
        #expect(try beacon.command("run").status == 1 && !FileManager.default.fileExists(atPath: files[0]))
        #expect(try String(contentsOfFile: note, encoding: .utf8) == words)
        #expect(
            again.status == 1 && again.text.contains("was taken out of the system by") && again.text.contains("enrol"))
    }

    @Test("killed at any point of its deregistration, it still ends without its keys")
    func killedWhileDeregistering() throws {
        let files = ["key.pem", "tls.key", "cert.pem"].map { network.folder + "/\(Node.beacon.topicForm).\($0)" }
        let copies = try files.map { try #require(FileManager.default.contents(atPath: $0)) }
        for checkpoint in 1...8 {
            for (file, bytes) in zip(files, copies) {
                _ = FileManager.default.createFile(
                    atPath: file, contents: bytes, attributes: [.posixPermissions: 0o600])
            }
            let beacon = try BeaconProcess(
                network, name: "b\(checkpoint)",
                settings: [Self.section: ["sequence-floor = \(server.counter + 100)"]])
            try beacon.startAndJoin()
            beacon.stop()
            try beacon.start(environment: ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            let token = command()
            try server.send(.deregisterCommand, token: token)
            try eventually("it has ended\n\(beacon.logged.suffix(2_000))") { !beacon.isRunning }
            beacon.stop()
            if FileManager.default.fileExists(atPath: files[0]) {
                try beacon.start()
                try eventually("it ends\n\(beacon.logged.suffix(2_000))") { !beacon.isRunning }
            }
            #expect(try status(under: token) == .deregisterSuccess, "checkpoint \(checkpoint)")
            for file in files { #expect(!FileManager.default.fileExists(atPath: file), "\(checkpoint): \(file)") }
        }
    }

    // MARK: - Commands

    @Test("subcommands that are not possible now say so with a hint")
    func faults() throws {
        let beacon = try joined()
        let reply = try beacon.command("join")
        #expect(reply.status == 1 && reply.text.contains("is a member already") && reply.text.contains("hint: "))
        beacon.stop()
        #expect(try beacon.command("resign").text.contains("no beacon answers"))
    }
}
