import Bench
import Keys
import OperatorText
import SQLite
import SRUP

// The public keys in a server's state, and their sources.
extension C2Store {
    /// The source of a key.
    enum KeySource: String, Sendable { case keyring, registry }

    /// The keys and types that the registry returned to earlier runs.
    func registryKeys() throws(OperatorFault) -> [Identifier: (key: PublicKey, type: String?)] {
        try guarded {
            var keys: [Identifier: (key: PublicKey, type: String?)] = [:]
            let rows = try database.rows(
                "SELECT id, key, type FROM nodes WHERE source = ?", .text(KeySource.registry.rawValue))
            for row in rows {
                let node = Identifier(row.unsigned(0))
                guard let key = try? PublicKey(storedPEM: Array((row.text(1) ?? "").utf8)) else {
                    throw OperatorFault("its key of \(node) is not valid", hint: "restore the file from a backup")
                }
                keys[node] = (key, row.text(2))
            }
            return keys
        }
    }

    /// Stores the keys of the keyring, and removes stored ones that are no longer in it.
    func keep(keyring: [Identifier: PublicKey]) throws(OperatorFault) {
        try guarded {
            try transaction {
                try database.run(
                    "UPDATE nodes SET key = NULL, source = NULL WHERE source = ?",
                    .text(KeySource.keyring.rawValue))
                for (node, key) in keyring { try set(key, of: node, .keyring) }
            }
        }
    }

    /// Stores a key from the registry, and the type; nil removes them.
    func keep(_ key: PublicKey?, type: String?, of node: Identifier) throws(OperatorFault) {
        try guarded {
            try transaction {
                if let key {
                    try set(key, of: node, .registry)
                } else {
                    try database.run("UPDATE nodes SET key = NULL, source = NULL WHERE id = ?", .unsigned(node.number))
                }
                try database.run(
                    "UPDATE nodes SET type = ? WHERE id = ?", type.map { .text($0) } ?? .null, .unsigned(node.number))
            }
        }
    }

    private func set(_ key: PublicKey, of node: Identifier, _ source: KeySource) throws {
        try database.run(
            "INSERT INTO nodes (id, key, source) VALUES (?, ?, ?)"
                + " ON CONFLICT (id) DO UPDATE SET key = excluded.key, source = excluded.source",
            .unsigned(node.number), .text(String(decoding: key.pem, as: UTF8.self)), .text(source.rawValue))
    }
}
