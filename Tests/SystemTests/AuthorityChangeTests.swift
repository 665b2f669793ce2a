import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Changing the broker's CA while beacons are connected", .blocking)
struct AuthorityChangeTests {
    private let id = Node.beacon.topicForm

    private func refusal(_ system: SystemFixture, _ arguments: [String]) throws -> String {
        let reply = try Network.output(
            RegistryProcess.bench,
            ["registry"] + arguments + ["--folder", system.registry.folder + "/registry"])
        #expect(reply.status == 1, "\(reply.text)")
        return reply.text
    }

    /// Whether the HTTPS service is accepted with these CAs.
    private func isTrusted(_ system: SystemFixture, with authority: String) throws -> Bool {
        try Network.output(
            "/usr/bin/curl",
            ["-sS", "--max-time", "10", "--cacert", authority, system.registry.url + "/KeyEx/register/status"]
        ).status == 0
    }

    /// Whether the broker lets somebody in, and is accepted, with a certificate and CAs.
    private func letsIn(_ system: SystemFixture, _ access: String, authority: String) throws -> Bool {
        try Network.output(
            "/usr/bin/mosquitto_rr",
            [
                "-h", "localhost", "-p", "\(system.broker.port)", "--cafile", authority, "--cert",
                access + "/certificate.pem", "--key", access + "/key.pem", "-i", "visitor", "-q", "1", "-t",
                "SRUP/\(id)",
                "-e", "SRUP/\(id)", "-m", "x", "-W", "5", "-V", "mqttv311",
            ]
        ).status == 0
    }

    private func count(_ path: String) throws -> Int {
        try Certificate.all(pem: Array(Data(contentsOf: URL(filePath: path)))).count
    }

    /// Renews the beacon's and a device's certificate.
    private func renewAll(_ system: SystemFixture) throws {
        let renewed = try system.verb(["renew"])
        #expect(renewed.status == 0, "\(renewed.text)")
        let device = try Network.output(
            RegistryProcess.bench,
            [
                "renew", "--folder", system.registry.folder + "/device", "--broker", "localhost:\(system.broker.port)",
            ])
        #expect(device.status == 0, "\(device.text)")
    }

    private func expectJoin(_ system: SystemFixture, _ location: SourceLocation = #_sourceLocation) throws {
        let joined = try system.join()
        #expect(joined.status == 0, "\(joined.text)\n\(system.beaconLog)", sourceLocation: location)
    }

    @Test("keeps the connection of the beacon, and lets beacon, device and C2 server go on at each step")
    func wholeWay() throws {
        let system = try SystemFixture(hasProgram: true)
        let (folder, made) = (system.registry.folder, system.registry.folder + "/registry")
        _ = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        try expectJoin(system)
        try FileManager.default.copyItem(atPath: made + "/ca.pem", toPath: folder + "/first.pem")

        // begin: a second CA, which everybody gets.
        try system.registry.verb("ca begin")
        #expect(try count(made + "/ca.pem") == 2)
        #expect(try refusal(system, ["ca", "switch"]).contains("2 nodes have not got the new CA's certificate yet: "))
        #expect(try refusal(system, ["ca", "begin"]).contains("is under way"))
        #expect(try system.registry.verb("ca status").contains("next: srup-beacon renew on 2 nodes"))
        try renewAll(system)
        #expect(try count(system.keys + "/access/ca.pem") == 2)
        #expect(try count(system.keys + "/service-ca.pem") == 2)
        #expect(try system.registry.verb("ca status").hasSuffix("next: srup-bench registry ca switch\n"))
        let both = try String(contentsOfFile: made + "/ca.pem", encoding: .utf8)
        let first = try String(contentsOfFile: folder + "/first.pem", encoding: .utf8)
        try both.replacing(first, with: "").write(toFile: folder + "/second.pem", atomically: true, encoding: .utf8)
        #expect(try isTrusted(system, with: folder + "/first.pem"))
        #expect(try !isTrusted(system, with: folder + "/second.pem"))

        // switch: the second CA signs; service and broker take their new certificates while they run.
        let certificates = try system.registry.verb("ca switch")
        for name in ["https", "broker", "c2"] {
            #expect(certificates.contains("/\(name).cert.pem  until "), "\(certificates)")
        }
        #expect(try isTrusted(system, with: folder + "/second.pem"))
        #expect(try !isTrusted(system, with: folder + "/first.pem"))
        let access = system.keys + "/access"
        try eventually("the broker has its new certificate") {
            try letsIn(system, access, authority: folder + "/second.pem")
        }
        try expectJoin(system)
        #expect(try refusal(system, ["ca", "finish"]).contains("2 nodes have no certificate of the new CA yet: "))
        try renewAll(system)
        let log = system.beaconLog.components(separatedBy: "connected to the broker").count
        try FileManager.default.copyItem(
            atPath: URL(filePath: system.keys + "/access.old").resolvingSymlinksInPath().path,
            toPath: folder + "/former")
        #expect(try letsIn(system, folder + "/former", authority: folder + "/second.pem"))

        // finish: the first CA is not trusted any longer.
        try system.registry.verb("ca finish")
        #expect(!FileManager.default.fileExists(atPath: made + "/ca.key.pem"))
        #expect(try count(made + "/ca.pem") == 1)
        try eventually("the broker refuses the first CA's certificates") {
            try !letsIn(system, folder + "/former", authority: folder + "/second.pem")
        }
        try expectJoin(system)
        #expect(system.beaconLog.components(separatedBy: "connected to the broker").count == log, "\(system.beaconLog)")
        try renewAll(system)
        #expect(try count(system.keys + "/access/ca.pem") == 1)
        #expect(try count(system.keys + "/service-ca.pem") == 1)
        // All connect again, with what they have now.
        system.broker.stop()
        try system.broker.start()
        try eventually("the beacon is back: \(system.beaconLog)") {
            system.beaconLog.components(separatedBy: "connected to the broker").count > log
        }
        try expectJoin(system)
    }

    @Test(
        "the certificates of HTTPS, broker and C2 server are renewed for the same keys, and a running service takes its own"
    )
    func renewal() throws {
        let registry = try RegistryProcess(hasProgram: true)
        let folder = registry.folder + "/registry"
        func serial() throws -> String {
            let port = registry.url.split(separator: ":").last ?? ""
            return try Network.run(
                "/bin/bash",
                [
                    "-c",
                    "openssl s_client -connect localhost:\(port) -CAfile \(folder)/ca.pem -verify_return_error </dev/null"
                        + " 2>/dev/null | openssl x509 -noout -serial",
                ])
        }
        let (before, key) = (try serial(), try registry.read("registry/broker.key.pem"))
        let lines = try registry.verb("renew").split(separator: "\n")
        #expect(lines.count == 3, "\(lines)")
        #expect(try serial() != before)
        #expect(try registry.read("registry/broker.key.pem") == key)
        for name in ["https", "broker"] {
            _ = try registry.openssl("verify -CAfile \(folder)/ca.pem -purpose sslserver \(folder)/\(name).cert.pem")
        }
        _ = try registry.openssl("verify -CAfile \(folder)/ca.pem -purpose sslclient \(folder)/c2.cert.pem")
    }
}
