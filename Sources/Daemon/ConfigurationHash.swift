import Keys
import SRUP

// Whether two beacons have the same settings.
extension Configuration {
    /// What is different on each beacon although nothing is set differently: who it is, what it is called and where it is, where its keys
    /// and certificates are, and which beacons are near it. The hash leaves it out.
    static let ownKeys: Set<String> = [
        "[beacon] identity", "[beacon] key", "[beacon] name", "[beacon] site", "[beacon] position", "[broker] ca",
        "[broker] certificate", "[broker] key", "[broker] client-id", "[radio] adapters", "[radio] name",
        "[radio] neighbours",
    ]
    /// The same in the section of a server.
    static let ownServerKeys: Set<String> = ["key", "sequence-floor", "observer", "observer-address"]

    /// One key with its value in the text form; nil: it has none.
    struct Line: Equatable, Sendable {
        let section: String
        let key: String
        let value: String?
        /// Whether the hash leaves it out.
        let isOwn: Bool

        var subject: String { "[\(section)] \(key)" }
    }

    /// All settings, in the order of the table of keys; then the servers in the order of their identities.
    var lines: [Line] {
        let plain = Configuration.keys.flatMap { section, keys in
            keys.map {
                Line(
                    section: section, key: $0.name, value: $0.text(self),
                    isOwn: Configuration.ownKeys.contains("[\(section)] \($0.name)"))
            }
        }
        let ofServers = servers.sorted { $0.key.number < $1.key.number }.flatMap { id, server in
            Configuration.serverKeys.map {
                Line(
                    section: "server \(id.topicForm)", key: $0.name, value: $0.text(server),
                    isOwn: Configuration.ownServerKeys.contains($0.name))
            }
        }
        return plain + ofServers
    }

    /// What the hash is over: a first line with the form's number, then one line for each setting that has a value and that is not the
    /// beacon's own, `[section] key = value`, each with its line end.
    var hashedText: String {
        lines.filter { !$0.isOwn }.reduce(into: "srup-beacon configuration 1\n") { text, line in
            if let value = line.value { text += "\(line.subject) = \(value)\n" }
        }
    }

    /// The first 16 hexadecimal digits of SHA-256 over `hashedText`: the same on beacons whose settings have the same effect, whatever
    /// files they come from. It tells differences by mistake; it proves nothing.
    package var hash: String { String(hexadecimal(sha256(Array(hashedText.utf8))).prefix(16)) }
}
