import Foundation
import Keys
import Nearby
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("The beacon as a service", .blocking)
struct ServiceTests {
    let network: Network
    let server: TestServer

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    private func signal(_ beacon: BeaconProcess, _ number: Int32) throws {
        kill(try #require(beacon.process?.process), number)
    }

    /// Sends SIGHUP, and waits for the line with the result.
    private func reload(_ beacon: BeaconProcess, _ settings: [String: [String]], says line: String) throws {
        let before = beacon.logged.count
        try beacon.write(settings)
        try signal(beacon, SIGHUP)
        try eventually("\"\(line)\" in\n\(beacon.logged)") { beacon.logged.dropFirst(before).contains(line) }
    }

    @Test("notifies systemd of being ready, its status, the watchdog, reloading, and stopping")
    func notifies() throws {
        let told = try NotifySocket(network.folder + "/notify")
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin(environment: ["NOTIFY_SOCKET": told.path, "WATCHDOG_USEC": "200000"])
        try eventually("signs of life\n\(told.all)") { told.all.count { $0 == "WATCHDOG=1" } > 3 }
        try eventually("the state\n\(told.all)") {
            told.all.contains("STATUS=connected to localhost:\(network.port); joined to 1 of 1 servers")
        }
        #expect(told.all.count { $0 == "READY=1" } == 1)
        try reload(beacon, [:], says: "configuration read again")
        try eventually("the reload\n\(told.all)") { told.all.contains { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") } }
        try eventually("the end of the reload") { told.all.count { $0 == "READY=1" } == 2 }
        #expect(!told.all.contains("STOPPING=1"))
        #expect(beacon.stop() == 0)
        #expect(told.all.contains("STOPPING=1"))
    }

    @Test("does not notify the watchdog while the broker link hangs, and does again when it continues")
    func standsStill() throws {
        let told = try NotifySocket(network.folder + "/notify")
        let authority = network.folder + "/beacon-ca.pem"
        try FileManager.default.copyItem(atPath: network.folder + "/ca.pem", toPath: authority)
        let beacon = try BeaconProcess(network, settings: ["broker": ["ca = \(authority)"]])
        try beacon.startAndJoin(environment: ["NOTIFY_SOCKET": told.path, "WATCHDOG_USEC": "200000"])
        // Like a file on a network that has gone away: opening it does not return.
        try FileManager.default.removeItem(atPath: authority)
        try #require(mkfifo(authority, 0o600) == 0)
        network.stopBroker()
        try eventually("it has lost the broker\n\(beacon.logged)") { beacon.brokerState == "lost" }
        func signs(in seconds: TimeInterval) -> Int {
            let before = told.all.count { $0 == "WATCHDOG=1" }
            Thread.sleep(forTimeInterval: seconds)
            return told.all.count { $0 == "WATCHDOG=1" } - before
        }
        try eventually("no sign of life") { signs(in: 1) == 0 }
        #expect(beacon.brokerState == "lost", "the loop itself continues")
        let pipe = try #require(FileHandle(forWritingAtPath: authority))
        try pipe.write(contentsOf: Data(contentsOf: URL(filePath: network.folder + "/ca.pem")))
        try pipe.close()
        try FileManager.default.removeItem(atPath: authority)
        try FileManager.default.copyItem(atPath: network.folder + "/ca.pem", toPath: authority)
        try eventually("signs of life\n\(beacon.logged)") { signs(in: 1) > 3 }
        try network.startBroker()
        try eventually("it is connected again\n\(beacon.logged)") { beacon.brokerState == "connected" }
        #expect(beacon.stop() == 0)
    }

    @Test("watch draws its screen in a terminal until it is interrupted, and restores the terminal")
    func watch() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let player = """
            import os, pty, select, signal, sys, time
            child, terminal = pty.fork()
            if child == 0: os.execv(sys.argv[1], sys.argv[1:])
            seen, told = b"", False
            while select.select([terminal], [], [], 20)[0]:
                try: seen += os.read(terminal, 65536)
                except OSError: break
                if seen.count(b"\\x1b[H") >= 2 and not told: told = not os.kill(child, signal.SIGINT)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), repr(seen[:14]), repr(seen[-14:]))
            sys.stdout.write(seen.decode())
            """
        let reply = try Network.output(
            "/usr/bin/python3", ["-c", player, beacon.program, "watch", "--config", beacon.configuration])
        #expect(reply.text.hasPrefix(#"0 b'\x1b[?1049h\x1b[?25l' b'\x1b[?25h\x1b[?1049l'"#), "\(reply.text)")
        #expect(reply.text.contains("broker connected") && reply.text.contains("\(Node.c2) member"))
        let once = try beacon.command("watch", "--once")
        #expect(once.status == 0 && once.text.contains("LAST VERDICTS") && !once.text.contains("\u{1B}"))
        #expect(beacon.stop() == 0)
        #expect(try beacon.command("watch").text.contains("no beacon answers"))
    }

    @Test("SIGTERM and SIGINT end it within three seconds, and open observations continue after the restart")
    func stops() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        try eventually("the observation is open") { beacon.logged.contains("opened") }
        for number in [SIGTERM, SIGINT] {
            let link = try TestDevice(beacon.link)
            guard case .hello? = try link.receive() else {
                Issue.record("no HELLO")
                return
            }
            let asked = Date()
            #expect(beacon.stop(with: number) == 0)
            #expect(Date().timeIntervalSince(asked) < 3)
            #expect(try link.receive() == .outcome(.busy, tag: LinkFrame.noTag), "the device is refused")
            #expect(!FileManager.default.fileExists(atPath: beacon.linkPath))
            #expect(!FileManager.default.fileExists(atPath: beacon.state + "/control"))
            try beacon.startAndJoin()
        }
        #expect(beacon.says("1 open observations go on"))
        #expect((beacon.status["observations"] as? [String: Any])?["open"] as? Int == 1)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

    @Test("SIGTERM ends it within three seconds even if the broker is frozen")
    func stopsWithoutBroker() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        network.signalBroker(SIGSTOP)
        defer { network.signalBroker(SIGCONT) }
        let asked = Date()
        #expect(beacon.stop() == 0)
        #expect(Date().timeIntervalSince(asked) < 3)
    }

    @Test("without a beacon `status` says so, and `observations` reads the journal", arguments: [SIGTERM, SIGKILL])
    func withoutBeacon(number: Int32) throws {
        let beacon = try BeaconProcess(network)
        let before = try beacon.command("observations")
        #expect(before.status == 1 && before.text.hasPrefix("srup-beacon: "), "\(before.text)")
        #expect(!FileManager.default.fileExists(atPath: beacon.state), "asking creates nothing")
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        _ = try server.waitForVerdict(token)
        let running = try beacon.command("observations").text
        let rows = running.split(separator: "\n")
        #expect(rows.count == 2 && rows.last?.contains("  valid ") == true, "\(running)")
        let wide = try beacon.command("observations", "--wide").text
        #expect(wide.contains("\(Node.device)  valid") && wide.contains("token "), "\(wide)")
        beacon.stop(with: number)
        #expect(try beacon.command("observations").text == running)
        #expect(beacon.history.count == 1)
        let status = try beacon.command("status")
        #expect(status.status == 1)
        #expect(status.text.split(separator: "\n").map { $0.prefix(6) } == ["srup-b", "hint: "], "\(status.text)")
        try beacon.startAndJoin()
    }

    @Test("only the owner can read what it writes")
    func modes() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let names = try FileManager.default.contentsOfDirectory(atPath: beacon.state)
        #expect(Set(names).isSuperset(of: ["journal.sqlite", "journal.sqlite-wal", "sequences", "reserve", "control"]))
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: beacon.state + "/" + name)
            #expect(attributes[.posixPermissions] as? Int == (name == "control" ? 0o660 : 0o600), "\(name)")
        }
    }
}

/// What a service tells systemd, received on a datagram socket.
private final class NotifySocket {
    let path: String
    private let descriptor: Int32
    private var seen: [String] = []

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = descriptor
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    deinit { close(descriptor) }

    /// All notifications so far.
    var all: [String] {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while case let count = recv(descriptor, &bytes, bytes.count, 0), count > 0 {
            seen.append(String(decoding: bytes.prefix(count), as: UTF8.self))
        }
        return seen
    }
}
