import Files
import FoundationEssentials
import Keys
import OperatorText
import SRUP

/// Key files of nodes in one folder: `<id>.key.pem` and `<id>.pub.pem`, with the id as in topics.
public enum KeyPairs {
    /// Creates a key pair for each node. If one of the files exists, no file is created.
    /// - Parameters:
    ///   - folder: created, accessible by its owner only, if it does not exist.
    ///   - bits: of each modulus.
    ///   - made: called for each node when both files are on disk.
    /// - Throws: `OperatorError`.
    public static func make(
        in folder: String, for nodes: [Identifier], bits: Int, made: (Identifier) -> Void = { _ in }
    ) throws {
        try makeFolder(folder)
        try checkAbsent(nodes, in: folder)
        for node in nodes {
            let key = try IdentityKey.make(bits: bits)
            try key.write(pemFile: keyPath(folder, node))
            try key.publicKey.write(pemFile: publicPath(folder, node))
            made(node)
        }
    }

    /// Creates the key files of many devices, with a few keys in turn: for `srup-bench load`. Making a key of its own for each would take
    /// up to a second each; a server and a beacon cannot tell the difference. If one of the files exists, no file is created.
    /// - Parameters:
    ///   - nodes: the devices.
    ///   - pool: how many different keys.
    ///   - bits: of each modulus.
    /// - Throws: `OperatorError`.
    public static func makeShared(
        in folder: String, for nodes: [Identifier], pool: Int, bits: Int
    ) throws {
        try makeFolder(folder)
        try checkAbsent(nodes, in: folder)
        let keys = try (0..<min(pool, nodes.count)).map { _ in try IdentityKey.make(bits: bits) }
        for (place, node) in nodes.enumerated() {
            try keys[place % keys.count].write(pemFile: keyPath(folder, node))
            try keys[place % keys.count].publicKey.write(pemFile: publicPath(folder, node))
        }
    }

    private static func checkAbsent(_ nodes: [Identifier], in folder: String) throws(KeyMakingError) {
        for node in nodes {
            for path in [keyPath(folder, node), publicPath(folder, node)]
            where FileManager.default.fileExists(atPath: path) {
                throw KeyMakingError.exists(path: path)
            }
        }
    }

    /// The public keys of all nodes in a folder: every `<id>.pub.pem`. Other files are left alone.
    /// - Throws: `OperatorError` if there is no such folder, no key in it, or an invalid key.
    public static func known(in folder: String) throws -> [Identifier: PublicKey] {
        try FileTrust.checkPlace(of: folder, as: "the keyring")
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw OperatorFault(
                "the folder \(folder) cannot be read",
                hint: "create it and its keys: srup-bench keys --out \(folder) ID...")
        }
        var keys: [Identifier: PublicKey] = [:]
        for name in names.sorted() where name.hasSuffix(".pub.pem") {
            guard let node = Identifier(hexadecimal: name.dropLast(".pub.pem".count)) else {
                throw OperatorFault(
                    "\(folder)/\(name) is not named after a node", hint: "name it <1 to 16 hex digits>.pub.pem")
            }
            try FileTrust.check("\(folder)/\(name)", as: "the key of node \(node)")
            keys[node] = try PublicKey(pemFile: "\(folder)/\(name)")
        }
        guard !keys.isEmpty else {
            throw OperatorFault("there is no <id>.pub.pem in \(folder)", hint: "put the public keys of the nodes there")
        }
        return keys
    }

    private static func keyPath(_ folder: String, _ node: Identifier) -> String {
        "\(folder)/\(node.topicForm).key.pem"
    }

    private static func publicPath(_ folder: String, _ node: Identifier) -> String {
        "\(folder)/\(node.topicForm).pub.pem"
    }

    private static func makeFolder(_ folder: String) throws(OperatorFault) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw OperatorFault("the folder \(folder) cannot be created", hint: "choose a place that is writable")
        }
    }
}
