import Foundation
import SRUP
import SystemSupport
import Testing

/// A program that depends on the library products like an external one, built in its own folder.
private struct ExampleDevice {
    static let package = Network.project + "/Examples/Device"
    static let scratch = Network.project + "/.build/examples/device"

    /// The virtual machine of Scripts/lab has none.
    static let hasCompiler =
        ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/swift")
        } ?? false

    /// The program, once for all tests. Under load a first build takes a minute.
    static let program = Result {
        let (log, words) = (scratch + ".log", ["swift", "build", "-Xswiftc", "-warnings-as-errors"])
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        // Otherwise the dependencies of an earlier commit would be fetched.
        for old in [log, package + "/Package.resolved"] { try? FileManager.default.removeItem(atPath: old) }
        let status = try Child("/usr/bin/env", words + place, output: log).wait(within: 600)
        guard status == 0 else {
            throw NotInTime(what: "a build: \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
        }
        return scratch + "/debug/Device"
    }

    private static var place: [String] { ["--package-path", package, "--scratch-path", scratch] }

    /// What SwiftPM resolves for it, as JSON, below the package itself.
    static func dependencies() throws -> [[String: Any]] {
        _ = try program.get()
        let text = try Network.run(
            "/usr/bin/env", ["swift", "package"] + place + ["show-dependencies", "--format", "json"])
        let json = text.drop { $0 != "{" }
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        return object?["dependencies"] as? [[String: Any]] ?? []
    }
}

@Suite(
    "Examples/Device, which depends on the library products", .blocking, .serialized,
    .enabled(if: ExampleDevice.hasCompiler, "there is no Swift compiler here to build it with"))
struct ExampleDeviceTests {
    @Test("resolves only this package and none of its dependencies: no HTTP server, no MQTT")
    func packages() throws {
        let found = try ExampleDevice.dependencies()
        #expect(found.compactMap { $0["name"] as? String } == ["srup-beacon"])
        #expect((found.first?["dependencies"] as? [Any])?.isEmpty == true)
        let fetched = try? FileManager.default.contentsOfDirectory(atPath: ExampleDevice.scratch + "/checkouts")
        #expect((fetched ?? []).isEmpty)
    }

    /// Runs the device to its end.
    private func run(
        at network: Network, _ link: String, observer: Identifier = Node.beacon, brokerPort: UInt16? = nil
    ) throws -> (status: Int32, text: String) {
        let (folder, id) = (network.folder, Node.device.topicForm)
        return try Network.output(
            ExampleDevice.program.get(),
            [
                "--id", id, "--key", "\(folder)/\(id).key.pem", "--server", Node.c2.topicForm, "--server-key",
                "\(folder)/\(Node.c2.topicForm).pub.pem", "--observer", observer.topicForm, "--link", "local:\(link)",
                "--broker", "localhost:\(brokerPort ?? network.port)", "--ca", "\(folder)/ca.pem", "--cert",
                "\(folder)/\(id).cert.pem", "--tls-key", "\(folder)/\(id).tls.key",
            ])
    }

    @Test("joins the real server before the real beacon, with a proof that it has signed")
    func joins() throws {
        let network = try Network()
        let server = try C2Bench(network: network).server("--require", "keyed")
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let device = try run(at: network, beacon.linkPath)
        #expect(device.status == 0 && device.text.hasSuffix("device: join success\n"), "\(device.text)")
        let past = try #require(beacon.history.first)
        #expect(past["verdict"] as? String == "valid")
        #expect((past["evidence"] as? [String: Any])?["grade"] as? String == "keyed")
        // Again, with greater sequence ids.
        #expect(try run(at: network, beacon.linkPath).status == 0)
        withExtendedLifetime(server) {}
    }

    @Test("reports a refusal if it names an observer that the server does not know")
    func refused() throws {
        let network = try Network()
        let server = try C2Bench(network: network).server()
        let device = try run(at: network, "/nonexistent", observer: Node.second)
        #expect(device.status == 10 && device.text.hasSuffix("device: join refused\n"), "\(device.text)")
        withExtendedLifetime(server) {}
    }

    @Test("ends with a fault without a broker")
    func noBroker() throws {
        let device = try run(at: try Network(), "/nonexistent", brokerPort: 1)
        #expect(device.status == 1 && device.text.contains("the broker was not reached"), "\(device.text)")
    }
}
