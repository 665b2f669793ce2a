import Bench
import Keys
import SQLite
import SRUP

// The public keys in a server's state, and where each came from.
extension C2Store {
    /// Where a key came from.
    enum KeySource: String, Sendable { case keyring, registry }

    /// The keys that the registry gave earlier runs, and the types that it told with them.
    func registryKeys() throws(OperatorFault) -> [Identifier: (key: PublicKey, type: String?)] {
        try guarded {
            var keys: [Identifier: (key: PublicKey, type: String?)] = [:]
            let rows = try database.rows(
                "SELECT id, key, type FROM nodes WHERE source = ?", .text(KeySource.registry.rawValue))
            for row in rows {
                let node = Identifier(row.unsigned(0))
                guard let key = try? PublicKey(pem: Array((row.text(1) ?? "").utf8)) else {
                    throw OperatorFault("its key of \(node) is none", hint: "restore the file from a backup")
                }
                keys[node] = (key, row.text(2))
            }
            return keys
        }
    }

    /// Makes the keys of the keyring the stored ones: those that it no longer has are forgotten.
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

    /// Keeps or, where there is none, forgets a key of the registry's, and the type.
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
