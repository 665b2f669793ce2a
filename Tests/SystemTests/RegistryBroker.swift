import Foundation
import SystemSupport
import Testing

/// A mosquitto that accepts only the registry's certificates; it ends with the test.
final class RegistryBroker {
    private let registry: RegistryProcess
    let port: UInt16
    private var mosquitto: Child?

    init(_ registry: RegistryProcess) throws {
        self.registry = registry
        let network = registry.folder + "/broker"
        let free = try Network.run(Network.project + "/Scripts/broker", ["port"])
        port = try #require(UInt16(free.trimmingCharacters(in: .whitespacesAndNewlines)))
        try Network.run(
            Network.project + "/Scripts/broker",
            [
                "make", network, "--c2", Node.c2.topicForm, "--registry", registry.folder + "/registry", "--port",
                "\(port)",
            ])
        try start()
    }

    func start() throws {
        let network = registry.folder + "/broker"
        mosquitto = try Child(
            Network.project + "/Scripts/broker", ["run", network], output: registry.folder + "/mosquitto.log")
        try Data("\(process ?? 0)".utf8).write(to: URL(filePath: registry.folder + "/broker.pid"))
        let port = port
        try eventually("the broker listens") { Network.listens(port) }
    }

    deinit { mosquitto?.end() }

    /// Whether a message of this device reaches the topic: the device also subscribes to it.
    func letsIn(_ id: String, publishingTo topic: String) throws -> Bool {
        let folder = registry.folder
        return try Network.output(
            "/usr/bin/mosquitto_rr",
            [
                "-h", "localhost", "-p", "\(port)", "--cafile", folder + "/registry/ca.pem", "--cert",
                "\(folder)/\(id).crt", "--key", "\(folder)/\(id).tls.key", "-i", id, "-q", "1", "-t", topic, "-e",
                topic,
                "-m", "hello", "-W", "3", "-V", "mqttv311",
            ]
        ).status == 0
    }

    func stop() {
        mosquitto?.end()
        mosquitto = nil
    }

    var process: pid_t? { mosquitto?.process }

    func readAgain() { if let mosquitto { kill(mosquitto.process, SIGHUP) } }
}
