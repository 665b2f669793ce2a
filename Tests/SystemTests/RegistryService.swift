import Foundation
import SRUP
import SystemSupport

/// The registration service of Registry/registry.py with a network's CA and C2 server.
final class RegistryService {
    let network: Network
    let folder: String
    private let process: Child
    private var settings: [String: Any] = [:]

    /// - Parameter isPlain: without TLS.
    init(_ network: Network, isPlain: Bool = false) throws {
        self.network = network
        folder = network.folder + "/registry"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let net = network.folder
        settings = [
            "broker": "mqtt://localhost:\(network.port)", "server": Node.c2.topicForm,
            "server_key": net + "/\(Node.c2.topicForm).pub.pem", "ca": net + "/ca.pem", "ca_key": net + "/ca.key",
        ]
        if !isPlain { settings.merge(["certificate": net + "/server.cert.pem", "key": net + "/server.key"]) { $1 } }
        try RegistryService.write(settings, folder)
        process = try Child(
            "/usr/bin/env", ["python3", Network.project + "/Tests/SystemTests/Registry/registry.py", folder],
            output: folder + "/output")
        let port = folder + "/port"
        try eventually("the registration service listens") { FileManager.default.fileExists(atPath: port) }
    }

    deinit { process.end(with: SIGKILL) }

    private static func write(_ settings: [String: Any], _ folder: String) throws {
        let bytes = try JSONSerialization.data(withJSONObject: settings)
        try bytes.write(to: URL(filePath: folder + "/settings.json"), options: .atomic)
    }

    /// Changes a setting of the service from the next request on; nil removes it.
    func set(_ name: String, _ value: Any?) throws {
        settings[name] = value
        try RegistryService.write(settings, folder)
    }

    /// A fault instead of the right reply; registry.py lists the faults.
    func fault(_ path: String, _ fault: [Any]?) throws { try set("faults", fault.map { [path: $0] }) }

    var port: String { (try? String(contentsOfFile: folder + "/port", encoding: .utf8)) ?? "" }
    var address: String { "https://localhost:\(port)" }

    /// A line for each request: method, path, body.
    var log: [String] {
        let text = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }
    func requests(_ path: String) -> Int {
        log.count { $0.split(separator: " ").dropFirst().first?.hasPrefix(path) == true }
    }
}

/// A machine that becomes a beacon.
struct Enrollee {
    let service: RegistryService
    let configuration: String
    let state: String
    var keys: String { state + "/keys" }

    init(_ service: RegistryService, name: String = "enrollee") {
        self.service = service
        configuration = service.network.folder + "/\(name).conf"
        state = service.network.folder + "/\(name)-state"
    }

    /// `srup-beacon enrol`, with the network's CA.
    func enrol(
        _ more: String..., at address: String? = nil, authority: String? = nil, input: String = "/dev/null",
        environment: [String: String] = [:]
    ) throws -> (status: Int32, text: String) {
        let arguments =
            ["enrol", address ?? service.address, "--config", configuration, "--state", state, "--bits", "2048"] + more
            + (authority == "" ? [] : ["--ca", authority ?? service.network.folder + "/ca.pem"])
        return try run(arguments, input: input, environment: environment)
    }

    func command(_ verb: String, _ more: String..., environment: [String: String] = [:]) throws -> (
        status: Int32, text: String
    ) { try run([verb, "--config", configuration] + more, environment: environment) }

    private func run(
        _ arguments: [String], input: String = "/dev/null", environment: [String: String]
    ) throws -> (status: Int32, text: String) {
        let output = service.network.folder + "/out-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: output) }
        let child = try Child(
            Network.products + "/srup-beacon", arguments, input: input, output: output, environment: environment)
        return (child.wait(), (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }

    /// The identity of the enrolment, if it has begun.
    var identity: String? {
        guard let bytes = FileManager.default.contents(atPath: keys + "/enrolment.json"),
            let record = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any]
        else { return nil }
        return record["identity"] as? String
    }

    func content(_ name: String) -> Data? { FileManager.default.contents(atPath: keys + "/" + name) }
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Every name below the state folder.
    var names: Set<String> {
        Set(FileManager.default.enumerator(atPath: state)?.compactMap { $0 as? String } ?? [])
    }

    func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
}
