import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Strangers, stuck readers and paths that are not ours", .blocking)
struct StrangerTests {
    let network: Network
    let server: TestServer

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    private func descriptors(_ beacon: BeaconProcess) throws -> Int {
        let process = try #require(beacon.process?.process)
        return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
    }

    @Test("a peer that does not read costs no descriptor once it is found out")
    func deafPeers() throws {
        let beacon = try BeaconProcess(network, settings: ["link": ["links-per-peer = 1000", "links = 1000"]])
        try beacon.startAndJoin()
        let before = try descriptors(beacon)
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        for _ in 0..<200 {
            let socket = try TestDevice.connect(beacon.link)
            shutdown(socket, Int32(SHUT_RD))  // whatever the beacon sends is an error for it
            sockets.append(socket)
        }
        // A HELLO that went before the ear was shut costs its place until READY is overdue, and no longer.
        try eventually("no link is left") { beacon.status["open_links"] as? Int == 0 }
        try eventually("the descriptors are given back") { try descriptors(beacon) <= before + 2 }
    }

    @Test("1,000 links that come and go leave nothing behind")
    func comeAndGo() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let before = try descriptors(beacon)
        for _ in 0..<1_000 { close(try TestDevice.connect(beacon.link)) }
        try eventually("the descriptors are given back") { try descriptors(beacon) <= before + 2 }
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        try TestDevice.proveUntilValid(beacon.link, value) { false }
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

    @Test("a frame that comes byte by byte is a frame, and noise is malformed")
    func bytes() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let slow = try TestDevice(beacon.link)
        _ = try slow.receive()
        for byte in LinkFrame.ready(mode: .challenge, device: Node.device).encoded {
            slow.send([byte])
            Thread.sleep(forTimeInterval: 0.002)
        }
        guard case .wait? = try slow.receive() else {
            Issue.record("no WAIT")
            return
        }
        slow.send([0xFF, 0, 0])
        #expect(try slow.receive() == .outcome(.malformed, tag: LinkFrame.noTag))
        #expect(try slow.receive() == nil)
    }

    @Test("a log that nobody reads does not stop the beacon")
    func stuckLog() throws {
        let beacon = try BeaconProcess(network)
        let pipe = network.folder + "/log-pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        let reader = open(pipe, O_RDWR)  // holds it open, and never reads
        defer { close(reader) }
        try beacon.start(output: pipe)
        try eventually("the beacon has joined") { beacon.membership == "member" }
        for _ in 0..<1_500 { close(try TestDevice.connect(beacon.link)) }
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        try TestDevice.proveUntilValid(beacon.link, value) { false }
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        #expect(beacon.stop() == 0)
    }

    @Test("[link] local does not take away a file, nor another beacon's socket")
    func foreignPath() throws {
        let precious = network.folder + "/precious"
        try Data("keep".utf8).write(to: URL(filePath: precious))
        let beacon = try BeaconProcess(network, settings: ["link": ["local = \(precious)"]])
        let run = try beacon.command("run")
        #expect(run.status == 1)
        #expect(run.text.contains("hint: "))
        #expect(try String(contentsOfFile: precious, encoding: .utf8) == "keep")

        let first = try BeaconProcess(network, name: "first")
        try first.startAndJoin()
        let second = try BeaconProcess(network, name: "second", settings: ["link": ["local = \(first.linkPath)"]])
        #expect(try second.command("run").status == 1)
        close(try TestDevice.connect(first.link))
    }
}
