import Foundation
import Glibc
import TestVectors
import Testing

@testable import Broker

@Suite("The TLS keys of a broker link", .blocking)
struct KeyLogTests {
    /// What a connection to a real broker leaves in the key log, if there is one.
    private func logged(_ isWanted: Bool) throws -> [[Substring]] {
        try LinkFixture.withCertificates { folder in
            let port = try Listener.freePort()
            let broker = try Mosquitto(folder, at: "127.0.0.1", port: port)
            let file = open(folder.path("keys.log"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
            defer { close(file) }
            var settings = LinkFixture.settings(folder, ["127.0.0.1"], port)
            if isWanted { settings.keyLog = file }
            let fixture = LinkFixture(settings)
            _ = fixture.waitForConnection()
            fixture.link.stop()
            #expect(fixture.told.connections == 1)
            withExtendedLifetime(broker) {}
            return try String(contentsOfFile: folder.path("keys.log"), encoding: .utf8).split(separator: "\n").map {
                $0.split(separator: " ")
            }
        }
    }

    @Test("are written nowhere by default")
    func off() throws { #expect(try logged(false).isEmpty) }

    @Test("are written for both directions where a descriptor is given, a whole line for each")
    func on() throws {
        let lines = try logged(true)
        #expect(lines.allSatisfy { $0.count == 3 && $0[1].count == 64 && $0[2].count >= 64 })
        #expect(Set(lines.map { $0[1] }).count == 1, "one connection, by its random number")
        let labels = Set(lines.map { String($0[0]) })
        #expect(labels.isSuperset(of: ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"]), "\(labels)")
    }
}
