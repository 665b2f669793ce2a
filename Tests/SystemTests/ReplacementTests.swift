import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Replacing a beacon's machine", .blocking)
struct ReplacementTests {
    /// A beacon that has joined, and observed a device; then its machine is gone.
    private func brokenSystem() throws -> SystemFixture {
        let system = try SystemFixture(hasProgram: true)
        _ = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        #expect(try system.join().status == 0)
        _ = system.stopBeacon()
        return system
    }

    private func loseMachine(_ system: SystemFixture) throws {
        let files = FileManager.default
        try files.moveItem(atPath: system.registry.folder + "/state", toPath: system.registry.folder + "/old-state")
        try files.moveItem(atPath: system.configuration, toPath: system.registry.folder + "/old.conf")
    }

    @Test("with a new key: the server gets it from the registry, and the old machine is not let in any more")
    func newKey() throws {
        let system = try brokenSystem()
        let folder = system.registry.folder
        try loseMachine(system)
        let token = try system.registry.verb("rekey", [Node.beacon.topicForm]).split(separator: "\n").last
        try Data("\(try #require(token))\n".utf8).write(to: URL(filePath: folder + "/new.token"))
        try system.enrol(["--token", folder + "/new.token"])
        try system.startBeacon()
        let joined = try system.join()
        #expect(joined.status == 0, "\(joined.text)\n\(system.beaconLog)")
        #expect(try system.registry.verb("list").contains("\(Node.beacon.topicForm)  validated "))

        // The old machine turns up again: neither broker nor registry knows it.
        let old = folder + "/old-state/keys"
        // Once the broker has read the list again.
        try eventually("the old certificate is not accepted") {
            try Network.output(
                "/usr/bin/mosquitto_pub",
                [
                    "-h", "localhost", "-p", "\(system.broker.port)", "--cafile", old + "/access/ca.pem", "--cert",
                    old + "/access/certificate.pem", "--key", old + "/access/key.pem", "-i", "old", "-t",
                    "SRUP/\(Node.beacon.topicForm)", "-m", "x", "-q", "1",
                ]
            ).status != 0
        }
        try FileManager.default.moveItem(atPath: folder + "/state", toPath: folder + "/new-state")
        try FileManager.default.moveItem(atPath: folder + "/old-state", toPath: folder + "/state")
        let renewed = try system.verb(["renew"])
        #expect(renewed.status == 1)
        #expect(renewed.text.contains("the signature is not by the identity's key"), "\(renewed.text)")
    }

    @Test("with a backup of configuration and keys: the same key goes on, with a new client certificate")
    func backup() throws {
        let system = try brokenSystem()
        let folder = system.registry.folder
        let tar = ["-C", folder, "-czf", folder + "/backup.tar.gz", "beacon.conf", "state/keys"]
        try Network.run("/bin/tar", tar)
        try loseMachine(system)
        try Network.run("/bin/tar", ["-C", folder, "-xzf", folder + "/backup.tar.gz"])
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder + "/state")
        let renewed = try system.verb(["renew"])
        #expect(renewed.status == 0, "\(renewed.text)")
        #expect(try system.verb(["run", "--check"]).status == 0)
        try system.startBeacon()
        let joined = try system.join()
        #expect(joined.status == 0, "\(joined.text)\n\(system.beaconLog)")
    }
}
