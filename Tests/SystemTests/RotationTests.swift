import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Rotating the identity key", .blocking, .serialized)
struct RotationTests {
    private func publicKey(_ site: Site) throws -> PublicKey {
        try IdentityKey(pemFile: site.keys + "/identity.key.pem").publicKey
    }

    /// What the registry gives servers.
    private func registered(_ site: Site) throws -> PublicKey {
        let reader = try site.registry.verb("reader").trimmingCharacters(in: .whitespacesAndNewlines)
        let given = try site.registry.curl(
            "get_key/\(Node.beacon.topicForm)", nil, ["-H", "Authorization: Bearer \(reader)"])
        return try PublicKey(pem: Array(try #require(Data(base64Encoded: given.text))))
    }

    @Test("a beacon that runs takes the new key, and no join is lost over it, also not one sealed to the old key")
    func whileItRuns() throws {
        let site = try Site()
        let server = try site.startServer()
        try site.startBeacon()
        try site.enrolDevice()
        let before = try site.join()
        #expect(before.status == 0, "\(before.text)\(server.said)\(site.beaconLog)")
        let old = try publicKey(site)

        let rotated = try site.verb(["rotate"])
        #expect(rotated.status == 0, "\(rotated.text)")
        #expect(rotated.text.contains("the running beacon signs with it from now on"))
        let new = try publicKey(site)
        #expect(!new.equals(old))
        #expect(try registered(site).equals(new))
        #expect(try IdentityKey(pemFile: site.keys + "/identity.old.key.pem").publicKey.equals(old))
        let shown = try String(contentsOfFile: site.keys + "/identity.pub.pem", encoding: .utf8)
        #expect(Array(shown.utf8) == new.pem)

        // The server has the old key still: it seals to it, and finds the new one by the verdict's signature.
        let after = try site.join()
        #expect(after.status == 0, "\(after.text)\(server.said)\(site.beaconLog)")
        #expect(!server.said.contains("bad signature"))
        #expect(site.stopBeacon() == 0)
        try site.startBeacon()
        let restarted = try site.join()
        #expect(restarted.status == 0, "\(restarted.text)\(server.said)\(site.beaconLog)")
    }

    @Test("killed at any step it leaves a beacon that can be used, and ends with one key here and at the registry")
    func everyStep() throws {
        let site = try Site()
        var checkpoint = 1
        while checkpoint < 20 {
            let before = try publicKey(site)
            let first = try site.verb(["rotate"], ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            if first.status == 0 { break }
            #expect(first.status == -SIGKILL, "\(first.text)")
            // Twice at the same place: what the first has left is not to be the second's end.
            if try publicKey(site).equals(before) {
                _ = try site.verb(["rotate"], ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            }
            #expect(try site.verb(["run", "--check"]).status == 0, "checkpoint \(checkpoint)")
            if try publicKey(site).equals(before) {
                let last = try site.verb(["rotate"])
                #expect(last.status == 0, "checkpoint \(checkpoint): \(last.text)")
            }
            #expect(try registered(site).equals(publicKey(site)), "checkpoint \(checkpoint)")
            let old = try IdentityKey(pemFile: site.keys + "/identity.old.key.pem").publicKey
            #expect(old.equals(before), "checkpoint \(checkpoint): the old key still opens")
            #expect(!FileManager.default.fileExists(atPath: site.keys + "/identity.next.key.pem"))
            checkpoint += 1
        }
        #expect((6..<20).contains(checkpoint), "\(checkpoint) checkpoints")
        #expect(try site.verb(["renew"]).text.contains("could not be tried") == false)
    }

    @Test("with the broker away, what the old key has signed is waited for, and then nothing is changed")
    func outbox() throws {
        let site = try Site()
        let old = try publicKey(site)
        _ = try site.startServer()
        try site.startBeacon()
        site.broker.stop()
        // Its request to leave waits for the broker.
        let leaving = try Child(
            Network.products + "/srup-beacon", ["resign", "--config", site.configuration],
            output: site.registry.folder + "/resign")
        defer { leaving.end() }
        try eventually("a message waits") { try site.verb(["status", "--json"]).text.contains(/"outbox" ?: ?[1-9]/) }
        let refused = try site.verb(["rotate"])
        #expect(refused.status == 1)
        #expect(refused.text.contains("signed with the old key"), "\(refused.text)")
        #expect(try publicKey(site).equals(old))
        #expect(try registered(site).equals(old))
    }
}
