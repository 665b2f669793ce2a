import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Rotating the identity key", .blocking, .serialized)
struct RotationTests {
    private func publicKey(_ system: SystemFixture) throws -> PublicKey {
        try IdentityKey(pemFile: system.keys + "/identity.key.pem").publicKey
    }

    /// The key that the registry gives to servers.
    private func registered(_ system: SystemFixture) throws -> PublicKey {
        let reader = try system.registry.verb("reader").trimmingCharacters(in: .whitespacesAndNewlines)
        let given = try system.registry.curl(
            "get_key/\(Node.beacon.topicForm)", nil, ["-H", "Authorization: Bearer \(reader)"])
        return try PublicKey(pem: Array(try #require(Data(base64Encoded: given.text))))
    }

    @Test("a running beacon uses the new key, and no join is lost, not even one sealed to the old key")
    func whileItRuns() throws {
        let system = try SystemFixture()
        let server = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        let before = try system.join()
        #expect(before.status == 0, "\(before.text)\(server.said)\(system.beaconLog)")
        let old = try publicKey(system)

        let rotated = try system.verb(["rotate"])
        #expect(rotated.status == 0, "\(rotated.text)")
        #expect(rotated.text.contains("the running beacon signs with it from now on"))
        let new = try publicKey(system)
        #expect(!new.equals(old))
        #expect(try registered(system).equals(new))
        #expect(try IdentityKey(pemFile: system.keys + "/identity.old.key.pem").publicKey.equals(old))
        let shown = try String(contentsOfFile: system.keys + "/identity.pub.pem", encoding: .utf8)
        #expect(Array(shown.utf8) == new.pem)

        // The server still has the old key: it seals to that key, and notices the new one by the verdict's signature.
        let after = try system.join()
        #expect(after.status == 0, "\(after.text)\(server.said)\(system.beaconLog)")
        #expect(!server.said.contains("bad signature"))
        #expect(system.stopBeacon() == 0)
        try system.startBeacon()
        let restarted = try system.join()
        #expect(restarted.status == 0, "\(restarted.text)\(server.said)\(system.beaconLog)")
    }

    /// What the running beacon tells of its key.
    private func running(_ system: SystemFixture, _ field: String) throws -> String? {
        let status = try system.verb(["status", "--json"]).text
        let report = try JSONSerialization.jsonObject(with: Data(status.utf8)) as? [String: Any]
        return (report?["identity_key"] as? [String: Any])?[field].map { "\($0)" }
    }

    @Test(
        "killed at any step, alone or beside a running beacon, it is finished by the next one: one key, and it is in use",
        arguments: [false, true])
    func everyStep(isRunning: Bool) throws {
        let system = try SystemFixture()
        let server = isRunning ? try system.startServer() : nil
        if isRunning { try system.startBeacon() }
        defer { _ = server?.end(with: SIGKILL) }
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: system.keys + "/" + name) }
        var checkpoint = 1
        while checkpoint < 20 {
            let before = try publicKey(system)
            let first = try system.verb(["rotate"], ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            if first.status == 0 { break }
            #expect(first.status == -SIGKILL, "\(first.text)")
            // Twice at the same place: what the first run has left must not make the second one fail.
            if try publicKey(system).equals(before) {
                _ = try system.verb(["rotate"], ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            }
            #expect(try system.verb(["run", "--check"]).status == 0, "checkpoint \(checkpoint)")
            let left = try publicKey(system)
            if isRunning, exists("identity.rotated"), try running(system, "replaced") != nil {
                let doctor = try system.verb(["doctor"]).text
                #expect(doctor.contains("signs with another key than the one in its file"), "\(doctor)")
                #expect(try system.verb(["status"]).text.contains("its file was replaced"))
            }
            if left.equals(before) || exists("identity.rotated") {
                let last = try system.verb(["rotate"])
                #expect(last.status == 0, "checkpoint \(checkpoint): \(last.text)")
                if !left.equals(before) {
                    #expect(try publicKey(system).equals(left), "checkpoint \(checkpoint): no other key is made")
                    #expect(last.text.contains("finishing that one"), "checkpoint \(checkpoint): \(last.text)")
                }
            }
            #expect(try registered(system).equals(publicKey(system)), "checkpoint \(checkpoint)")
            let old = try IdentityKey(pemFile: system.keys + "/identity.old.key.pem").publicKey
            #expect(old.equals(before), "checkpoint \(checkpoint): the old key still opens")
            #expect(!exists("identity.next.key.pem") && !exists("identity.rotated"), "checkpoint \(checkpoint)")
            if isRunning {
                let fingerprint = hexadecimal(sha256(try publicKey(system).der))
                #expect(try running(system, "fingerprint") == fingerprint, "checkpoint \(checkpoint)")
            }
            checkpoint += 1
        }
        #expect((8..<12).contains(checkpoint), "\(checkpoint) checkpoints")
        if !isRunning { #expect(try system.verb(["renew"]).text.contains("could not be tried") == false) }
    }

    @Test("killed before the reload, it is also finished by the beacon's next start")
    func finishedByAStart() throws {
        let system = try SystemFixture()
        _ = try system.startServer()
        try system.startBeacon()
        let old = try publicKey(system)
        var checkpoint = 1
        while try publicKey(system).equals(old), checkpoint < 20 {
            _ = try system.verb(["rotate"], ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            checkpoint += 1
        }
        let mark = system.keys + "/identity.rotated"
        #expect(FileManager.default.fileExists(atPath: mark))
        #expect(system.stopBeacon() == 0)
        try system.startBeacon()
        #expect(!FileManager.default.fileExists(atPath: mark))
        #expect(try running(system, "fingerprint") == hexadecimal(sha256(try publicKey(system).der)))
    }

    @Test("while an open observation needs the old key, the next rotation waits, and a restart loses nothing")
    func openObservation() throws {
        let system = try SystemFixture()
        let server = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        let device = try Child(
            RegistryProcess.bench,
            [
                "device", "--enrolled", system.registry.folder + "/device", "--broker",
                "localhost:\(system.broker.port)", "--observer", Node.beacon.topicForm, "--link",
                "local:\(system.link)", "--silent", "--timeout", "110",
            ], output: system.registry.folder + "/device.log")
        defer { device.end() }
        try eventually("an observation is open\n\(server.said)") {
            try system.verb(["status"]).text.contains("1 open observations")
        }
        #expect(try system.verb(["rotate"]).status == 0)
        let first = try publicKey(system)
        let refused = try system.verb(["rotate"])
        #expect(refused.status == 1 && refused.text.contains("an open observation may still need"), "\(refused.text)")
        #expect(refused.text.contains(/run this again in [0-9]+ s/))
        #expect(try publicKey(system).equals(first) && registered(system).equals(first))
        #expect(system.stopBeacon() == 0)
        let stopped = try system.verb(["rotate"])
        #expect(stopped.status == 1 && stopped.text.contains("an open observation may still need"), "\(stopped.text)")
        try system.startBeacon()
        #expect(try system.verb(["status"]).text.contains("1 open observations"), "\(system.beaconLog)")
    }

    @Test("without a broker it waits for the messages that the old key has signed, and then changes nothing")
    func outbox() throws {
        let system = try SystemFixture()
        let old = try publicKey(system)
        _ = try system.startServer()
        try system.startBeacon()
        system.broker.stop()
        // Its request to leave waits for the broker.
        let leaving = try Child(
            Network.products + "/srup-beacon", ["resign", "--config", system.configuration],
            output: system.registry.folder + "/resign")
        defer { leaving.end() }
        try eventually("a message waits") { try system.verb(["status", "--json"]).text.contains(/"outbox" ?: ?[1-9]/) }
        let refused = try system.verb(["rotate"])
        #expect(refused.status == 1)
        #expect(refused.text.contains("signed with the old key"), "\(refused.text)")
        #expect(try publicKey(system).equals(old))
        #expect(try registered(system).equals(old))
    }
}
