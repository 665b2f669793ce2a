import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// From the beacon's request to the registry's list: all of them real commands.
@Suite("Deregistration", .blocking, .serialized)
struct WholeDeregistrationTests {
    private let id = Node.beacon.topicForm

    private func files(_ system: SystemFixture) -> [String] {
        ["identity.key.pem", "access/key.pem", "access/certificate.pem"].filter {
            FileManager.default.fileExists(atPath: "\(system.keys)/\($0)")
        }
    }

    /// The state of the beacon in the registry's list.
    private func listed(_ system: SystemFixture) throws -> Substring? {
        try system.registry.verb("list").split(separator: "\n").first { $0.hasPrefix(id) }?
            .split(separator: " ").dropFirst().first
    }

    @Test("by the beacon: its keys are gone, it starts no more, and the registry has ended the identity")
    func byTheBeacon() throws {
        let system = try SystemFixture()
        let server = try system.startServer()
        try system.startBeacon()
        #expect(files(system).count == 3)
        #expect(try listed(system) == "validated")
        let verb = try system.verb(["deregister", "--yes"])
        #expect(verb.status == 0 && verb.text.contains("deregistered"), "\(verb.text)")
        try server.hear("\(Node.beacon) asks to be deregistered: deregister success")
        try server.hear("the registry has deregistered \(Node.beacon)")
        #expect(try listed(system) == "revoked")
        #expect(system.beacon?.wait() == 0 && files(system).isEmpty)
        let start = try system.verb(["run"])
        #expect(start.status == 1 && start.text.contains("was taken out of the system"), "\(start.text)")
        #expect(server.end(with: SIGTERM) == 0)
    }

    @Test("a registry that does not let the server deregister is named with what to do, and told once it does")
    func byAReader() throws {
        let system = try SystemFixture()
        var server = try system.startServer(reader: [])
        try system.startBeacon()
        #expect(try system.verb(["deregister", "--yes"]).status == 0)
        try server.hear("the registry does not deregister \(Node.beacon): it answers 401")
        try server.hear("--may-deregister")
        #expect(try listed(system) == "validated")
        #expect(server.end(with: SIGTERM) == 0)
        server = try system.startServer()
        try server.hear("the registry has deregistered \(Node.beacon)")
        #expect(try listed(system) == "revoked")
    }
}
