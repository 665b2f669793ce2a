import Foundation
import Glibc
import Nearby
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A beacon with few descriptors", .blocking, .serialized)
struct FewDescriptorsTests {
    private let network: Network

    private let server: TestServer

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    /// A beacon whose program is started by a line of the shell, as "$program".
    private func beacon(_ line: String, _ settings: [String: [String]] = [:]) throws -> BeaconProcess {
        let beacon = try BeaconProcess(network, settings: settings)
        let script = network.folder + "/started"
        let text = "#!/bin/sh\nprogram=\(Network.products)/srup-beacon\n\(line)\n"
        try text.write(toFile: script, atomically: true, encoding: .utf8)
        chmod(script, 0o755)
        beacon.program = script
        return beacon
    }

    private func descriptors(of process: pid_t) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []
    }

    private func file(_ number: Int, of process: pid_t) -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(number)")) ?? ""
    }

    @Test(
        "of 48 leaves the last ones to its journal and its broker: many links do not stop it, and it says what is allowed"
    )
    func few() throws {
        let beacon = try beacon(
            "ulimit -n 48; exec \"$program\" \"$@\"", ["link": ["links-per-peer = 64", "hold-off-first = 0.05"]])
        try beacon.startAndJoin()
        defer { beacon.stop() }
        let process = try #require(beacon.process).process
        #expect(
            beacon.says("this process may open 48 files: that is enough for 6 links at a time, and [link] links is 64"))
        let check = try beacon.command("run", "--check")
        #expect(check.status == 0 && check.text.contains("warning: this process may open 48 files"), "\(check.text)")
        var links: [Int32] = []
        defer { for link in links { close(link) } }
        for _ in 0..<64 { links.append(try LinkSocket.connect(to: .local(path: beacon.linkPath))) }
        for _ in 0..<20 {
            #expect(beacon.isRunning && beacon.brokerState == "connected")
        }
        #expect(!beacon.says("Too many open files"), "\(descriptors(of: process).count) are open")
        let doctor = try beacon.command("doctor", "--all")
        #expect(doctor.text.contains("that is enough for 6 links"), "\(doctor.text)")
    }

    @Test("and none left goes on when there are some again: it does not end, and those who wait are accepted")
    func none() throws {
        let beacon = try BeaconProcess(network, settings: ["link": ["links-per-peer = 64"]])
        try beacon.startAndJoin()
        defer { beacon.stop() }
        let process = try #require(beacon.process).process
        // The limit bounds the numbers. This process may have left some of its own to the beacon, above the beacon's.
        let numbers = Set(descriptors(of: process).compactMap { Int($0) })
        let free = try #require((0...).first { !numbers.contains($0) })
        try Network.run("/usr/bin/prlimit", ["--pid", "\(process)", "--nofile=\(free):"])
        // Some below may become free: the first ones get those.
        var ends: [Int32] = []
        defer { for end in ends { close(end) } }
        for _ in 0..<24 { ends.append(try LinkSocket.connect(to: .local(path: beacon.linkPath))) }
        let (last, control) = (ends[23], try LinkSocket.connect(to: .local(path: beacon.state + "/control")))
        ends.append(control)
        #expect(beacon.says("accept: Too many open files; hint: raise the limit on open files"))
        #expect(send(control, "status\n", 7, Int32(MSG_NOSIGNAL)) == 7)
        sleep(5)
        #expect(beacon.isRunning && LinkSocket.receive(from: last) == .nothing)
        try Network.run("/usr/bin/prlimit", ["--pid", "\(process)", "--nofile=\(free + 40 + numbers.count):"])
        try eventually("the last ones are served") {
            var last = ends.suffix(2).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            return poll(&last, 2, 0) == 2
        }
        #expect(beacon.brokerState == "connected" && beacon.membership == "member")
    }

    @Test("that is started with the first three closed gives these numbers to no file of its own")
    func closed() throws {
        let beacon = try beacon("exec \"$program\" \"$@\" <&- >&- 2>&-")
        try beacon.start()
        defer { beacon.stop() }
        let process = try #require(beacon.process).process
        try eventually("its socket is there") { LinkSocket.inode(of: beacon.state + "/control") != nil }
        for number in 0...2 { #expect(file(number, of: process) == "/dev/null") }
        #expect(beacon.isRunning)
    }
}
