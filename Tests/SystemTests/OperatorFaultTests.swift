import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A file that only a person can repair", .blocking)
struct OperatorFaultTests {
    let network: Network

    init() throws { network = try Network() }

    private var folder: String { network.folder }

    /// Each file by itself: DaemonTests/UnusableFilesTests.
    @Test("an identity key that is missing: `run` and `run --check` end with 1 and two lines, and make nothing")
    func identityKeyFile() throws {
        let missing = folder + "/nothing.pem"
        let beacon = try BeaconProcess(network, name: "faulty", settings: ["beacon": ["key = \(missing)"]])
        for arguments in [["run"], ["run", "--check"]] {
            let reply = try Network.output(
                Network.products + "/srup-beacon", arguments + ["--config", beacon.configuration])
            let lines = reply.text.split(separator: "\n").filter { !$0.contains("] notice ") }
            #expect(reply.status == 1 && lines.count == 2, "\(reply.text)")
            #expect(lines.first?.hasPrefix("srup-beacon: ") == true)
            #expect(lines.first?.contains("\(missing) does not exist") == true, "\(reply.text)")
            #expect(lines.last?.hasPrefix("hint: ") == true && lines.last?.contains("none is made for you") == true)
        }
        #expect(!FileManager.default.fileExists(atPath: beacon.state))
    }

    @Test(
        "a FIFO in place of the configuration, a CA file or a file of the state folder is reported without blocking")
    func fifos() throws {
        func ends(_ beacon: BeaconProcess, _ words: String, _ location: SourceLocation = #_sourceLocation) throws {
            for verb in [["run"], ["run", "--check"]] {
                let reply = try Network.output(
                    "/usr/bin/timeout",
                    ["20", Network.products + "/srup-beacon"] + verb + ["--config", beacon.configuration])
                #expect(reply.status == 1, "\(reply.text)", sourceLocation: location)
                #expect(reply.text.contains(words), "\(reply.text)", sourceLocation: location)
            }
        }
        let fifo = folder + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        for (section, setting) in [("broker", "ca"), ("broker", "certificate"), ("broker", "key"), ("beacon", "key")] {
            let beacon = try BeaconProcess(network, name: "faulty", settings: [section: ["\(setting) = \(fifo)"]])
            try ends(beacon, "\(fifo) is not a regular file")
        }
        let beacon = try BeaconProcess(network, name: "state")
        try FileManager.default.createDirectory(
            atPath: beacon.state, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        for name in ["reserve", "sequences", "deregistered", "journal.sqlite"] {
            #expect(mkfifo(beacon.state + "/" + name, 0o600) == 0)
            try ends(beacon, "\(name) in the state folder is not a regular file")
            unlink(beacon.state + "/" + name)
        }
        unlink(beacon.configuration)
        #expect(mkfifo(beacon.configuration, 0o600) == 0)
        try ends(beacon, "cannot be read: it is not a regular file")
    }

    @Test("a faulty configuration is reported with its line, by every subcommand")
    func configuration() throws {
        let beacon = try BeaconProcess(network, name: "faulty", settings: ["observation": ["window = soon"]])
        for verb in ["run", "status", "observations"] {
            let reply = try beacon.command(verb)
            #expect(reply.status == 1)
            #expect(reply.text.hasPrefix("srup-beacon: line "), "\(reply.text)")
            #expect(reply.text.contains("\nhint: "))
        }
        let nowhere = try Network.output(Network.products + "/srup-beacon", ["run", "--config", "/nowhere"])
        #expect(nowhere.status == 1)
        #expect(nowhere.text.hasPrefix("srup-beacon: the configuration /nowhere cannot be read"))
    }

    @Test("a state folder or a local socket that cannot be made ends `run` with a hint")
    func places() throws {
        for settings in [
            ["beacon": ["state = \(folder)/no/such/folder"]], ["beacon": ["state = \(folder)/ca.pem"]],
            ["link": ["local = \(folder)/no/such/link"]],
        ] {
            let beacon = try BeaconProcess(network, name: "faulty", settings: settings)
            let reply = try beacon.command("run")
            #expect(reply.status == 1)
            let lines = reply.text.split(separator: "\n").suffix(2)
            #expect(lines.first?.hasPrefix("srup-beacon: the ") == true, "\(reply.text)")
            #expect(lines.last?.hasPrefix("hint: ") == true)
        }
    }

    @Test("`run --check` of a valid configuration says so, and makes nothing")
    func check() throws {
        let beacon = try BeaconProcess(network)
        let reply = try beacon.command("run", "--check")
        #expect(reply.status == 0)
        #expect(reply.text == "\(beacon.configuration): configuration is valid\n")
        #expect(!FileManager.default.fileExists(atPath: beacon.state))
    }

    @Test("`run --check` warns of an expired certificate, and the configuration is valid: the clock may be wrong")
    func expired() throws {
        try TemporaryFolder.with { temporary in
            try ChainFixture(folder: temporary).make("old", by: nil, ChainFixture.authority, .past)
            let file = try temporary.set(mode: 0o644, of: "old.pem")
            let beacon = try BeaconProcess(network, settings: ["broker": ["ca = \(file)"]])
            let reply = try beacon.command("run", "--check")
            let lines = reply.text.split(separator: "\n")
            #expect(reply.status == 0 && lines.count == 3, "\(reply.text)")
            #expect(lines.contains("warning: \(file): \"CN = old\" expired on 2021-01-01T00:00:00Z"))
            #expect(lines.contains { $0.hasPrefix("hint: put the CA's renewed certificate into [broker] ca") })
            #expect(lines.contains("\(beacon.configuration): configuration is valid"))
        }
    }
}
