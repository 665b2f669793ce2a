import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// Each fault of a broker by itself: BrokerTests/BrokerLinkFaultTests.
@Suite("A beacon without a broker", .blocking)
struct BrokerFaultTests {
    let network: Network

    init() throws { network = try Network() }

    @Test(
        "one that is not there is named in status and in one line of the log; the beacon tries again without spinning")
    func nobody() throws {
        network.stopBroker()
        let (sentence, hint) = ("cannot be reached", "[broker] address")
        let beacon = try BeaconProcess(network)
        try beacon.start()
        try eventually("the fault is in status\n\(beacon.logged)") {
            (beacon.broker["fault"] as? String)?.contains(sentence) == true
        }
        #expect(beacon.broker["state"] as? String == "lost")
        #expect((beacon.broker["hint"] as? String)?.contains(hint) == true)
        let text = try beacon.command("status").text
        #expect(text.contains(sentence) && text.contains("hint: "), "\(text)")
        let before = try #require(beacon.cpuSeconds)
        Thread.sleep(forTimeInterval: 2)  // ten attempts or more
        let spent = try #require(beacon.cpuSeconds) - before
        #expect(spent < 0.5, "\(spent) s of CPU in 2 s")
        // Not one for each attempt. There is a second one if the end of the first attempt came before its reason.
        let lines = beacon.warnings
        #expect((1...2).contains(lines.count) && Set(lines).count == lines.count, "\(lines)")
        #expect(lines.last?.contains(sentence) == true && lines.allSatisfy { $0.contains("hint: ") }, "\(lines)")
        #expect(beacon.stop() == 0)
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

    /// Its warnings, without the time.
    var warnings: [Substring] {
        logged.split(separator: "\n").compactMap { line in
            line.firstRange(of: " warning ").map { line[$0.upperBound...] }
        }
    }

    /// The processor time that the process has used (proc(5), stat: utime and stime in ticks of 10 ms).
    var cpuSeconds: Double? {
        guard let process, let stat = try? String(contentsOfFile: "/proc/\(process.process)/stat", encoding: .utf8),
            let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = Double(fields[11]), let system = Double(fields[12])
        else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
