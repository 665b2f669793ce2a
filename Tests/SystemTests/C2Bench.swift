import Foundation
import SRUP
import SystemSupport

/// The bench kit's server and device as real commands, in a test network.
struct C2Bench {
    let network: Network

    static let program = Network.products + "/srup-bench"

    private func place(_ id: Identifier, key: String? = nil) -> [String] {
        let (folder, id) = (network.folder, id.topicForm)
        return [
            "--id", id, "--key", key ?? "\(folder)/\(id).key.pem", "--broker", "localhost:\(network.port)", "--ca",
            "\(folder)/ca.pem", "--cert", "\(folder)/\(id).cert.pem", "--tls-key", "\(folder)/\(id).tls.key",
        ]
    }

    func arguments(_ id: Identifier = Node.c2, _ more: [String]) -> [String] {
        ["c2"] + place(id) + ["--orders"] + more
    }

    /// A server that is ready, with every key of the network unless others are given; the beacon may observe.
    func server(as id: Identifier = Node.c2, keys: [String]? = nil, _ more: String...) throws -> Dialogue {
        let keys = keys ?? ["--keyring", network.folder]
        let talk = try Dialogue(C2Bench.program, arguments(id, keys + ["--observer", Node.beacon.topicForm] + more))
        try talk.hear("c2: ready")
        return talk
    }

    /// A device that joins with the beacon as observer: `wait()` returns its outcome.
    func device(
        _ id: Identifier = Node.device, at server: Identifier = Node.c2, link: String, _ more: String...
    ) throws -> Child {
        try device(id, at: server, link: link, more)
    }

    func device(
        _ id: Identifier = Node.device, at server: Identifier = Node.c2, link: String, _ more: [String],
        environment: [String: String] = [:]
    ) throws -> Child {
        try device(
            id, at: server, options: ["--observer", Node.beacon.topicForm, "--link", "local:\(link)"] + more,
            environment: environment)
    }

    /// A device that is told how to join by the options alone.
    func device(
        _ id: Identifier = Node.device, at server: Identifier = Node.c2, options: [String],
        environment: [String: String] = [:]
    ) throws -> Child {
        let serverKey = "\(network.folder)/\(server.topicForm).pub.pem"
        return try Child(
            C2Bench.program,
            ["device"] + place(id) + ["--server", server.topicForm, "--server-key", serverKey, "--timeout", "50"]
                + options,
            output: network.folder + "/device-\(id.topicForm).log", environment: environment)
    }

    /// The output of devices with this identity, in all their runs.
    var deviceLog: String {
        (try? String(contentsOfFile: network.folder + "/device-\(Node.device.topicForm).log", encoding: .utf8)) ?? ""
    }

    func history(_ state: String, _ more: String...) throws -> String {
        try Network.run(C2Bench.program, ["history", "--state", state] + more)
    }

    /// The frame of the newest entry whose text begins so.
    func frame(_ state: String, _ words: String) throws -> [UInt8] {
        for line in try history(state, "--json").split(separator: "\n").reversed() {
            let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard (entry?["words"] as? String)?.hasPrefix(words) == true,
                let digits = (entry?["line"] as? [String: Any])?["frame_hex"] as? String
            else { continue }
            let text = Array(digits)
            return stride(from: 0, to: text.count, by: 2).compactMap { UInt8(String(text[$0...($0 + 1)]), radix: 16) }
        }
        throw NotInTime(what: "\"\(words)\" in the history")
    }

    /// Publishes bytes with the certificate of a node.
    func publish(_ frame: [UInt8], as id: Identifier, on topic: String) throws {
        let (folder, file) = (network.folder, network.folder + "/frame")
        try Data(frame).write(to: URL(filePath: file))
        try Network.run(
            "/usr/bin/mosquitto_pub",
            [
                "-h", "localhost", "-p", "\(network.port)", "--cafile", "\(folder)/ca.pem", "--cert",
                "\(folder)/\(id.topicForm).cert.pem", "--key", "\(folder)/\(id.topicForm).tls.key", "-q", "1", "-t",
                topic, "-f", file,
            ])
    }
}
