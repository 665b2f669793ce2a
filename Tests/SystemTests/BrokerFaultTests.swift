import Foundation
import SRUP
import Synchronization
import SystemSupport
import TestVectors
import Testing

@Suite("A broker that cannot be used", .blocking)
struct BrokerFaultTests {
    let network: Network

    init() throws { network = try Network() }

    /// The beacon names the fault in `status`, writes one line about it in many attempts, and does not spin.
    private func expectFault(
        _ broker: [String], _ message: String, hint: String, within seconds: Double = 20,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let beacon = try BeaconProcess(network, settings: ["broker": broker])
        try beacon.start()
        try eventually("the fault is in status\n\(beacon.logged)", within: seconds) {
            (beacon.broker["fault"] as? String)?.contains(message) == true
        }
        #expect(beacon.broker["state"] as? String == "lost", sourceLocation: location)
        #expect((beacon.broker["hint"] as? String)?.contains(hint) == true, sourceLocation: location)
        let text = try beacon.command("status").text
        #expect(text.contains(message) && text.contains("hint: "), "\(text)", sourceLocation: location)
        let before = try #require(beacon.cpuSeconds)
        Thread.sleep(forTimeInterval: 2)  // ten attempts and more
        let spent = try #require(beacon.cpuSeconds) - before
        #expect(spent < 0.5, "\(spent) s of CPU in 2 s", sourceLocation: location)
        // Not one for each attempt. A second one is there where the end of the first attempt came before its reason.
        let lines = beacon.warnings
        #expect((1...2).contains(lines.count) && Set(lines).count == lines.count, "\(lines)", sourceLocation: location)
        #expect(lines.last?.contains(message) == true, sourceLocation: location)
        #expect(lines.allSatisfy { $0.contains("hint: ") }, sourceLocation: location)
        #expect(beacon.stop() == 0, sourceLocation: location)
    }

    @Test("one that another CA has signed")
    func wrongAuthority() throws {
        let other = try Authority(network.folder + "/other")
        try expectFault(["ca = \(other.certificate)"], "is not accepted", hint: "[broker] ca")
    }

    @Test("one whose certificate has expired")
    func expired() throws {
        try network.restartBroker(
            with: try Authority(of: network).issue("server", "localhost", "serverAuth", expired: true))
        try expectFault([], "certificate has expired", hint: "renew the broker's certificate")
    }

    @Test("one whose certificate has another name")
    func wrongName() throws {
        try network.restartBroker(with: try Authority(of: network).issue("server", "broker.example.org", "serverAuth"))
        try expectFault([], "is not accepted", hint: "the name that is in the broker's certificate")
        try expectFault(
            ["address = 127.0.0.1:\(network.port)"], "is not accepted", hint: "the name that is in the broker's")
    }

    @Test("one that does not accept our certificate")
    func refusedClient() throws {
        let other = try Authority(network.folder + "/other")
        let pair = try other.issue("client", Node.beacon.topicForm, "clientAuth")
        try expectFault(
            ["certificate = \(pair.certificate)", "key = \(pair.key)"], "does not accept our certificate",
            hint: "[broker] certificate")
    }

    @Test("one that is not there")
    func nobody() throws {
        network.stopBroker()
        try expectFault([], "cannot be reached", hint: "[broker] address")
    }

    @Test("one whose name has no address")
    func noName() throws {
        try expectFault(["address = broker.invalid:8883"], "has no address", hint: "[broker] address")
    }

    @Test("one that resets the connection in the middle of the handshake")
    func resets() throws {
        let listener = try Listener(reset: true)
        try expectFault(
            ["address = localhost:\(listener.port)"], "TLS with the broker failed", hint: "speaks TLS 1.2")
        #expect(listener.connections > 3, "it is tried again")
    }

    @Test("one that accepts and says nothing is left after ten seconds")
    func silent() throws {
        let listener = try Listener(reset: false)
        try expectFault(
            ["address = localhost:\(listener.port)"], "did not answer in time", hint: "tried again", within: 15)
    }
}

/// A CA and what it signs, by openssl.
struct Authority {
    let certificate: String
    private let folder: String
    private let key: String

    /// The network's own.
    init(of network: Network) throws {
        folder = network.folder
        (certificate, key) = (folder + "/ca.pem", folder + "/ca.key")
    }

    /// A new one in a new folder.
    init(_ folder: String) throws {
        self.folder = folder
        (certificate, key) = (folder + "/ca.pem", folder + "/ca.key")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try Network.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=Another CA", "-keyout", key, "-out", certificate,
            ])
    }

    /// A certificate and its key, for a name and a use.
    func issue(
        _ name: String, _ commonName: String, _ use: String, expired: Bool = false
    ) throws -> (certificate: String, key: String) {
        let base = folder + "/issued-\(name)"
        try """
        [ca]
        database = \(base).database
        serial = \(base).serial
        new_certs_dir = \(folder)
        certificate = \(certificate)
        private_key = \(key)
        default_md = sha256
        policy = names
        x509_extensions = extensions
        [names]
        commonName = supplied
        [extensions]
        basicConstraints = critical,CA:false
        extendedKeyUsage = \(use)
        subjectAltName = DNS:\(commonName)
        """.write(toFile: base + ".cnf", atomically: true, encoding: .utf8)
        try "".write(toFile: base + ".database", atomically: true, encoding: .utf8)
        try "\(expired ? "0A" : "0B")\n".write(toFile: base + ".serial", atomically: true, encoding: .utf8)
        try Network.run(
            "/usr/bin/openssl",
            [
                "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=\(commonName)", "-keyout", base + ".key", "-out", base + ".csr",
            ])
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: base + ".key")
        let (from, to) = expired ? ("20200101000000Z", "20210101000000Z") : ("20200101000000Z", "20490101000000Z")
        try Network.run(
            "/usr/bin/openssl",
            [
                "ca", "-batch", "-name", "ca", "-config", base + ".cnf", "-startdate", from, "-enddate", to, "-in",
                base + ".csr", "-out", base + ".pem", "-notext",
            ])
        return (base + ".pem", base + ".key")
    }
}

extension Network {
    /// Starts the broker again with another certificate.
    func restartBroker(with pair: (certificate: String, key: String)) throws {
        stopBroker()
        for (from, to) in [(pair.certificate, "server.cert.pem"), (pair.key, "server.key")] {
            try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: folder + "/" + to))
        }
        try startBroker()
    }
}

extension BeaconProcess {
    var broker: [String: Any] { status["broker"] as? [String: Any] ?? [:] }

    /// Its warnings without the time.
    var warnings: [Substring] {
        logged.split(separator: "\n").compactMap { line in
            line.firstRange(of: " warning ").map { line[$0.upperBound...] }
        }
    }

    /// What the process has spent so far (proc(5), stat: utime and stime in ticks of 10 ms).
    var cpuSeconds: Double? {
        guard let process, let stat = try? String(contentsOfFile: "/proc/\(process.process)/stat", encoding: .utf8),
            let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = Double(fields[11]), let system = Double(fields[12])
        else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// A TCP listener on the loopback interface that is no broker: it says nothing, or resets once something has come.
final class Listener: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let accepted = Mutex<(count: Int, sockets: [Int32])>((0, []))

    var connections: Int { accepted.withLock { $0.count } }

    init(reset: Bool) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length)
                getsockname(descriptor, $0, &length)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        try #require(listen(descriptor, 64) == 0 && port > 0)
        Thread.detachNewThread { [weak self] in
            while true {
                let socket = accept(descriptor, nil, nil)
                guard socket >= 0 else { return }
                self?.take(socket, reset: reset)
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))  // ends the accept
        close(descriptor)
        accepted.withLock { for socket in $0.sockets { close(socket) } }
    }

    private func take(_ socket: Int32, reset: Bool) {
        accepted.withLock { $0.count += 1 }
        guard reset else { return accepted.withLock { $0.sockets.append(socket) } }
        var byte: UInt8 = 0
        recv(socket, &byte, 1, 0)
        var now = linger(l_onoff: 1, l_linger: 0)  // close sends RST
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close(socket)
    }
}
