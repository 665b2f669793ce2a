import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A journal that cannot be written", .blocking)
struct JournalTroubleTests {
    let network: Network
    let server: TestServer

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    /// While nothing can be written, nothing is acted on and nothing acknowledged; afterwards the beacon continues by itself.
    private func expectTrouble(
        _ beacon: BeaconProcess, states: [String], cause: () throws -> Void, repair: () throws -> Void
    ) throws {
        try cause()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        try eventually("status says so\n\(beacon.status)") { states.contains(beacon.journalState ?? "") }
        let journal = try #require(beacon.status["journal"] as? [String: Any])
        #expect((journal["trouble"] as? String)?.isEmpty == false)
        #expect(journal["since"] as? String != nil)
        let text = try beacon.command("status").text
        #expect(text.hasPrefix("NOT OBSERVING: the journal cannot be written"), "\(text)")
        // A device is refused: its proof could not be recorded.
        #expect(try TestDevice(beacon.link).receive() == .outcome(.busy, tag: LinkFrame.noTag))
        Thread.sleep(forTimeInterval: 1.5)
        #expect(server.everyStatus(token).isEmpty, "not answered")
        #expect(beacon.isRunning)
        try repair()
        try eventually("the journal is written again\n\(beacon.status)") { beacon.journalState == "ok" }
        try TestDevice.proveUntilValid(beacon.link, value) { !server.verdicts(token).isEmpty }
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        #expect(server.verdicts(token).count == 1)
        #expect(beacon.history.count == 1)
    }

    @Test("because of a file size limit is reported, and recovers when the limit is raised")
    func fileSize() throws {
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let process = try #require(beacon.process?.process)
        try expectTrouble(beacon, states: ["failing", "full"]) {
            try Network.run("/usr/bin/prlimit", ["--pid", "\(process)", "--fsize=4096:"])
        } repair: {
            try Network.run("/usr/bin/prlimit", ["--pid", "\(process)", "--fsize=unlimited:"])
        }
    }

    @Test(
        "because the disk is full is reported, and recovers when there is space",
        .enabled(if: Disk.works, "no tmpfs can be mounted"))
    func full() throws {
        let disk = try Disk(network.folder + "/disk")
        let beacon = try BeaconProcess(network, settings: ["beacon": ["state = \(disk.path)/state"]])
        try beacon.startAndJoin()
        try expectTrouble(beacon, states: ["full"]) {
            try disk.fill()
        } repair: {
            try disk.empty()
        }
        #expect(beacon.says("hint: free space in \(disk.path)/state"))
        #expect(beacon.says("the journal can be written again"))
        let lines = beacon.logged.split(separator: "\n").filter { $0.contains("nothing is acted on") }
        #expect(lines.count == 1, "once a minute: \(lines)")
    }

    @Test(
        "because the disk is full at the start is reported, and recovers when there is space",
        .enabled(if: Disk.works, "no tmpfs"))
    func fullAtStart() throws {
        let disk = try Disk(network.folder + "/disk")
        let beacon = try BeaconProcess(network, settings: ["beacon": ["state = \(disk.path)/state"]])
        try FileManager.default.createDirectory(
            atPath: disk.path + "/state", withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try disk.fill()
        try beacon.start()
        try eventually("status says so") { beacon.journalState == "full" }
        try disk.empty()
        try eventually("it has joined\n\(beacon.logged)") { beacon.membership == "member" }
    }

    // A disk with a file that is open for writing cannot be made read-only, so it is read-only from the start.
    @Test(
        "because the disk is read-only ends the beacon with a hint", .enabled(if: Disk.works, "no tmpfs can be mounted")
    )
    func readOnly() throws {
        let disk = try Disk(network.folder + "/disk")
        let beacon = try BeaconProcess(network, settings: ["beacon": ["state = \(disk.path)/state"]])
        try beacon.startAndJoin()
        beacon.stop()
        try disk.remount("ro")
        let reply = try beacon.command("run")
        #expect(reply.status == 1)
        #expect(reply.text.contains("Read-only file system"), "\(reply.text)")
        #expect(!reply.text.contains("free space"))
        #expect(reply.text.split(separator: "\n").last?.hasPrefix("hint: ") == true)
        try disk.remount("rw")
        try beacon.startAndJoin()
    }
}

/// A small disk: a tmpfs.
final class Disk {
    let path: String

    /// Whether this process may mount.
    static let works: Bool = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "srup-mount-\(UUID().uuidString)").path
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard (try? Disk(folder)) != nil else { return false }
        return true
    }()

    init(_ path: String) throws {
        self.path = path
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Network.run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=2m,mode=0700", "srup-test", path])
    }

    deinit { _ = try? Network.output("/usr/bin/umount", ["--lazy", path]) }

    func remount(_ mode: String) throws { try Network.run("/usr/bin/mount", ["-o", "remount,\(mode)", path]) }

    /// Fills it to the last byte.
    func fill() throws {
        let file = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let block = [UInt8](repeating: 7, count: 4_096)
        while write(file, block, block.count) > 0 {}
        try #require(errno == ENOSPC)
    }

    func empty() throws { try FileManager.default.removeItem(atPath: path + "/filler") }
}
