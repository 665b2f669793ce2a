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

    /// Both `run` and `run --check` end with status 1 and the same two lines, without a trace of the program's inside.
    private func expectFault(
        _ settings: [String: [String]], _ message: String, hint: String,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let beacon = try BeaconProcess(network, name: "faulty", settings: settings)
        for arguments in [["run"], ["run", "--check"]] {
            let reply = try Network.output(
                Network.products + "/srup-beacon", arguments + ["--config", beacon.configuration])
            let lines = reply.text.split(separator: "\n").filter { !$0.contains("] notice ") }
            #expect(reply.status == 1, sourceLocation: location)
            #expect(lines.count == 2, "\(reply.text)", sourceLocation: location)
            #expect(lines.first?.hasPrefix("srup-beacon: ") == true, sourceLocation: location)
            #expect(lines.first?.contains(message) == true, "\(reply.text)", sourceLocation: location)
            #expect(lines.last?.hasPrefix("hint: ") == true, sourceLocation: location)
            #expect(lines.last?.contains(hint) == true, "\(reply.text)", sourceLocation: location)
        }
        #expect(!FileManager.default.fileExists(atPath: beacon.state), "nothing was made", sourceLocation: location)
    }

    /// A private file in the network's folder.
    private func make(_ name: String, _ content: Data, mode: Int = 0o600) throws -> String {
        let path = folder + "/" + name
        try content.write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    private func identityKey() throws -> Data {
        try Data(contentsOf: URL(filePath: folder + "/\(Node.beacon.topicForm).key.pem"))
    }

    @Test("a missing, exposed, truncated, empty or linked identity key is named with what to do")
    func identityKeyFile() throws {
        let whole = try identityKey()
        let missing = folder + "/nothing.pem"
        try expectFault(["beacon": ["key = \(missing)"]], "\(missing) does not exist", hint: "none is made for you")
        let exposed = try make("exposed.pem", whole, mode: 0o640)
        try expectFault(["beacon": ["key = \(exposed)"]], "open to others", hint: "chmod 0600 \(exposed)")
        let truncated = try make("truncated.pem", whole.prefix(whole.count / 2))
        try expectFault(["beacon": ["key = \(truncated)"]], "no usable PEM key", hint: "PEM")
        let empty = try make("empty.pem", Data())
        try expectFault(["beacon": ["key = \(empty)"]], "no usable PEM key", hint: "PEM")
        let link = folder + "/link.pem"
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: folder + "/\(Node.beacon.topicForm).key.pem")
        try expectFault(["beacon": ["key = \(link)"]], "\(link) is not a regular file", hint: "not a link")
    }

    @Test(
        "an identity key that we may not read is named", .enabled(if: geteuid() != 0, "root reads every file"))
    func unreadableKey() throws {
        let closed = try make("closed.pem", try identityKey(), mode: 0o000)
        try expectFault(["beacon": ["key = \(closed)"]], "cannot be read", hint: "chown")
    }

    @Test("an identity key of another user is named", .enabled(if: geteuid() == 0, "only root gives files away"))
    func foreignKey() throws {
        let foreign = try make("foreign.pem", try identityKey())
        #expect(chown(foreign, 65_534, 65_534) == 0)
        try expectFault(["beacon": ["key = \(foreign)"]], "belongs to user 65534", hint: "chown")
    }

    @Test("an identity key that is no RSA key, or too small a one, is named with what to do")
    func wrongKey() throws {
        let (curve, small) = (folder + "/curve.pem", folder + "/small.pem")
        try Network.run(
            "/usr/bin/openssl",
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", curve])
        try expectFault(["beacon": ["key = \(curve)"]], "is not an RSA key", hint: "RSA")
        try Network.run("/usr/bin/openssl", ["genrsa", "-out", small, "1024"])
        try expectFault(["beacon": ["key = \(small)"]], "has 1024 bits", hint: "openssl genrsa")
    }

    @Test("TLS files that are missing, exposed, or do not belong together are named")
    func tlsFiles() throws {
        let missing = folder + "/nothing.pem"
        try expectFault(["broker": ["ca = \(missing)"]], "\(missing) cannot be used for TLS", hint: missing)
        try expectFault(["broker": ["certificate = \(missing)"]], "\(missing) cannot be used for TLS", hint: missing)
        try expectFault(["broker": ["key = \(missing)"]], "\(missing) does not exist", hint: missing)
        let other = folder + "/\(Node.device.topicForm).tls.key"
        try expectFault(["broker": ["key = \(other)"]], "\(other) cannot be used for TLS", hint: "matches")
        let noise = try make("noise.pem", Data("no certificate".utf8))
        try expectFault(["broker": ["ca = \(noise)"]], "\(noise) cannot be used for TLS", hint: noise)
        let own = try Data(contentsOf: URL(filePath: folder + "/\(Node.beacon.topicForm).tls.key"))
        let exposed = try make("exposed.tls.key", own, mode: 0o644)
        try expectFault(["broker": ["key = \(exposed)"]], "open to others", hint: "chmod 0600 \(exposed)")
    }

    @Test("a server's key that is missing, or none, is named")
    func serverKey() throws {
        let missing = folder + "/nothing.pem"
        let section = "server \(Node.c2.topicForm)"
        try expectFault([section: ["key = \(missing)"]], "\(missing) does not exist", hint: "configuration")
        try expectFault([section: ["key = \(folder)/ca.pem"]], "no usable PEM key", hint: "PEM")
    }

    @Test("a file that decides whom the beacon believes, and that others can change, is named with what closes it")
    func openFiles() throws {
        let keys = folder + "/keys"
        try FileManager.default.createDirectory(
            atPath: keys, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        func copy(_ name: String, mode: Int) throws -> String {
            try make("keys/" + name, try Data(contentsOf: URL(filePath: folder + "/" + name)), mode: mode)
        }
        let server = "server \(Node.c2.topicForm)"
        let (authority, key) = ("ca.pem", "\(Node.c2.topicForm).pub.pem")
        for (section, setting, name) in [
            ("broker", "ca", authority), ("update", "ca", authority), (server, "key", key),
        ] {
            let path = try copy(name, mode: 0o666)
            try expectFault(
                [section: ["\(setting) = \(path)"]], "\(path) can be changed by others: it can be written to by others",
                hint: "hint: chmod go-w \(path)")
        }
        // A user who can write to the folder can put another file there.
        let path = try copy(authority, mode: 0o644)
        chmod(keys, 0o777)
        try expectFault(["broker": ["ca = \(path)"]], "\(keys) can be written to", hint: "hint: chmod go-w \(keys)")
        chmod(keys, 0o1777)
        let beacon = try BeaconProcess(network, settings: ["broker": ["ca = \(path)"]])
        #expect(try beacon.command("run", "--check").status == 0)
        chmod(beacon.configuration, 0o646)
        let reply = try beacon.command("run", "--check")
        #expect(reply.status == 1 && reply.text.contains("hint: chmod go-w \(beacon.configuration)\n"))
    }

    @Test(
        "a FIFO in the place of a configuration, a CA file or a file of the state folder is named, and not waited for")
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

    @Test("a faulty configuration is told with its line, by every verb")
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

    @Test("a state folder or a local socket that cannot be had ends `run` with what to do")
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

    @Test("`run --check` of a good configuration says so, and makes nothing")
    func check() throws {
        let beacon = try BeaconProcess(network)
        let reply = try beacon.command("run", "--check")
        #expect(reply.status == 0)
        #expect(reply.text == "\(beacon.configuration): good\n")
        #expect(!FileManager.default.fileExists(atPath: beacon.state))
    }
}
