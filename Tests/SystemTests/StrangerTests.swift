import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Strangers, blocked readers and existing files", .blocking)
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

    @Test("1,000 links that are opened and closed leave nothing behind")
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

    @Test("[link] local does not replace a file or another beacon's socket")
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
