import Foundation
import SRUP
import SystemSupport
import Testing

/// A whole system of real commands: registry, broker, C2 server, and a beacon that is enrolled there.
final class SystemFixture {
    let registry: RegistryProcess
    let broker: RegistryBroker
    let configuration: String
    let keys: String
    let link: String
    private let environment: [String: String]
    private var c2: Dialogue?
    private(set) var beacon: Child?

    /// - Parameters:
    ///   - environment: of the beacon and of its subcommands.
    ///   - hasProgram: whether the registry has the broker read its files.
    init(
        enrolling options: [String] = [], environment: [String: String] = [:], hasProgram: Bool = false
    ) throws {
        registry = try RegistryProcess(hasProgram: hasProgram)
        broker = try RegistryBroker(registry)
        self.environment = environment
        let folder = registry.folder
        (configuration, keys, link) = (folder + "/beacon.conf", folder + "/state/keys", folder + "/link")
        try enrol(options)
    }

    /// Enrols a beacon, with this system's broker and link.
    func enrol(_ options: [String]) throws {
        let folder = registry.folder
        let enrolled = try verb(
            [
                "enrol", registry.url, "--state", folder + "/state", "--bits", "2048", "--identity",
                Node.beacon.topicForm,
                "--ca", folder + "/registry/ca.pem",
            ] + options)
        try #require(enrolled.status == 0, "\(enrolled.text)")
        var text = try String(contentsOfFile: configuration, encoding: .utf8)
        text = text.replacing(/address = .*/, with: "address = localhost:\(broker.port)")
        text = text.replacing("[link]", with: "[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = \(link)")
        text = text.replacing("[broker]", with: "[broker]\nreconnect-first = 0.05\nreconnect-longest = 0.2")
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    deinit {
        beacon?.end(with: SIGKILL)
        c2?.end(with: SIGKILL)
    }

    /// A subcommand of `srup-beacon`.
    func verb(_ arguments: [String], _ more: [String: String] = [:]) throws -> (status: Int32, text: String) {
        let output = registry.folder + "/verb-\(UUID().uuidString)"
        let child = try Child(
            Network.products + "/srup-beacon", arguments + ["--config", configuration], output: output,
            environment: environment.merging(more) { $1 })
        return (child.wait(), (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }

    /// A C2 server that gets all its keys from the registry.
    /// - Parameter reader: what its token at the registry may do besides reading.
    func startServer(reader: [String] = ["--may-deregister"]) throws -> Dialogue {
        let (folder, made) = (registry.folder, registry.folder + "/registry")
        try Data(try registry.verb("reader", reader).utf8).write(to: URL(filePath: folder + "/reader"))
        let talk = try Dialogue(
            RegistryProcess.bench,
            [
                "c2", "--id", Node.c2.topicForm, "--key", "\(folder)/\(Node.c2.topicForm).key.pem", "--broker",
                "localhost:\(broker.port)", "--ca", made + "/ca.pem", "--cert", made + "/c2.cert.pem", "--tls-key",
                made + "/c2.key.pem", "--registry", registry.url, "--registry-ca", made + "/ca.pem", "--reader-token",
                folder + "/reader", "--state", folder + "/c2.sqlite", "--observer", Node.beacon.topicForm,
            ])
        try talk.hear("c2: ready")
        c2 = talk
        return talk
    }

    func startBeacon() throws {
        beacon = try Child(
            Network.products + "/srup-beacon", ["run", "--config", configuration],
            output: registry.folder + "/beacon.log",
            environment: environment)
        try eventually("the beacon has joined: \(beaconLog)") { try verb(["status"]).text.contains("  member") }
    }

    func stopBeacon() -> Int32 { beacon?.end() ?? -1 }

    var beaconLog: String { (try? String(contentsOfFile: registry.folder + "/beacon.log", encoding: .utf8)) ?? "" }

    /// A device enrols.
    func enrolDevice() throws {
        try Network.run(
            RegistryProcess.bench,
            [
                "enrol", registry.url, "--folder", registry.folder + "/device", "--bits", "2048", "--ca",
                registry.folder + "/registry/ca.pem", "--identity", Node.device.topicForm,
            ])
    }

    /// It joins with the beacon as observer: 0 if it was accepted.
    func join() throws -> (status: Int32, text: String) {
        try Network.output(
            RegistryProcess.bench,
            [
                "device", "--enrolled", registry.folder + "/device", "--broker", "localhost:\(broker.port)",
                "--observer",
                Node.beacon.topicForm, "--link", "local:\(link)", "--timeout", "20",
            ])
    }
}
