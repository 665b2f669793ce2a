import Foundation
import SRUP

/// A real `srup-beacon run` with a configuration of its own.
package final class BeaconProcess {
    package let network: Network
    package let state: String
    package let linkPath: String
    package let configuration: String
    /// The path of the program.
    package var program = Network.products + "/srup-beacon"
    private let log: String
    package private(set) var process: Child?

    /// - Parameter settings: lines by section that come before the defaults.
    package init(_ network: Network, name: String = "beacon", settings: [String: [String]] = [:]) throws {
        self.network = network
        let given = settings["beacon"]?.compactMap { $0.wholeMatch(of: /state = (.+)/)?.1 }.first
        state = given.map(String.init) ?? network.folder + "/\(name)-state"
        linkPath = network.folder + "/\(name)-link"
        log = network.folder + "/\(name).log"
        configuration = network.folder + "/\(name).conf"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        try write(settings)
    }

    deinit { stop(with: SIGKILL) }

    /// Writes the configuration again; a key that is given replaces the default.
    package func write(_ settings: [String: [String]]) throws {
        let folder = network.folder
        let defaults: [(String, [(String, String)])] = [
            (
                "beacon",
                [
                    ("identity", Node.beacon.topicForm), ("key", folder + "/\(Node.beacon.topicForm).key.pem"),
                    ("state", state),
                ]
            ),
            (
                "broker",
                [
                    ("address", "localhost:\(network.port)"), ("ca", folder + "/ca.pem"),
                    ("certificate", folder + "/\(Node.beacon.topicForm).cert.pem"),
                    ("key", folder + "/\(Node.beacon.topicForm).tls.key"), ("reconnect-first", "0.05"),
                    ("reconnect-longest", "0.2"),
                ]
            ),
            ("server \(Node.c2.topicForm)", [("key", folder + "/\(Node.c2.topicForm).pub.pem")]),
            ("observation", []), ("radio", []), ("update", []),
            (
                "link",
                [("rfcomm", "off"), ("l2cap", "off"), ("le", "off"), ("local", linkPath), ("hold-off-first", "0.05")]
            ),
        ]
        var text = ""
        for (section, values) in defaults {
            let given = settings[section] ?? []
            let names = Set(given.map { $0.split(separator: " ")[0] })
            text += "[\(section)]\n" + given.map { $0 + "\n" }.joined()
            text += values.filter { !names.contains(Substring($0.0)) }.map { "\($0.0) = \($0.1)\n" }.joined()
        }
        for (section, lines) in settings where !defaults.contains(where: { $0.0 == section }) {
            text += "[\(section)]\n" + lines.map { $0 + "\n" }.joined()
        }
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    package func start(environment: [String: String] = [:], output: String? = nil) throws {
        process = try Child(
            program, ["run", "--config", configuration], output: output ?? log,
            environment: environment)
    }

    /// Starts it, and waits until it is a member of the server.
    package func startAndJoin(environment: [String: String] = [:]) throws {
        try start(environment: environment)
        try eventually("the beacon has joined\n\(logged)") {
            let now = status  // one process, where starting one is slow
            return Self.membership(now) == "member" && Self.brokerState(now) == "connected"
        }
    }

    @discardableResult
    package func stop(with signal: Int32 = SIGTERM) -> Int32 {
        guard let process else { return -1 }
        self.process = nil
        return process.end(with: signal)
    }

    /// The route to it on this machine.
    package var link: Route { Route(.local(path: linkPath)) }

    package var isRunning: Bool { process?.isRunning ?? false }

    /// Everything that it has logged, in all its runs.
    package var logged: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    /// Whether it has logged this, or does so soon: the log is written concurrently.
    package func says(_ words: String) -> Bool {
        (try? eventually("it says: \(words)") { logged.contains(words) }) != nil
    }

    package func command(_ verb: String, _ arguments: String...) throws -> (status: Int32, text: String) {
        try Network.output(program, [verb, "--config", configuration] + arguments)
    }

    /// `status --json` as an object; empty if no beacon answers.
    package var status: [String: Any] {
        guard let reply = try? command("status", "--json"), reply.status == 0 else { return [:] }
        return (try? JSONSerialization.jsonObject(with: Data(reply.text.utf8))) as? [String: Any] ?? [:]
    }

    private static func membership(_ status: [String: Any]) -> String? {
        (status["servers"] as? [[String: Any]])?.first?["membership"] as? String
    }
    private static func brokerState(_ status: [String: Any]) -> String? {
        (status["broker"] as? [String: Any])?["state"] as? String
    }

    package var membership: String? { Self.membership(status) }
    /// The membership with one of several servers.
    package func membership(with server: Identifier) -> String? {
        let servers = status["servers"] as? [[String: Any]] ?? []
        let names = [server.description, server.topicForm]
        let one = servers.first { $0.values.contains { names.contains($0 as? String ?? "") } }
        return one?["membership"] as? String
    }
    package var brokerState: String? { Self.brokerState(status) }
    package var journalState: String? { (status["journal"] as? [String: Any])?["state"] as? String }
    package func refused(_ reason: String) -> Int { (status["refused"] as? [String: Any])?[reason] as? Int ?? 0 }

    /// `observations --json`.
    package var history: [[String: Any]] {
        guard let reply = try? command("observations", "--json"), reply.status == 0 else { return [] }
        return (try? JSONSerialization.jsonObject(with: Data(reply.text.utf8))) as? [[String: Any]] ?? []
    }
}
