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

    @Test("killed at any step it leaves a usable beacon, and finally has one key, here and at the registry")
    func everyStep() throws {
        let system = try SystemFixture()
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
            if try publicKey(system).equals(before) {
                let last = try system.verb(["rotate"])
                #expect(last.status == 0, "checkpoint \(checkpoint): \(last.text)")
            }
            #expect(try registered(system).equals(publicKey(system)), "checkpoint \(checkpoint)")
            let old = try IdentityKey(pemFile: system.keys + "/identity.old.key.pem").publicKey
            #expect(old.equals(before), "checkpoint \(checkpoint): the old key still opens")
            #expect(!FileManager.default.fileExists(atPath: system.keys + "/identity.next.key.pem"))
            checkpoint += 1
        }
        #expect((6..<20).contains(checkpoint), "\(checkpoint) checkpoints")
        #expect(try system.verb(["renew"]).text.contains("could not be tried") == false)
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
