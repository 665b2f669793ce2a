import Files
import OperatorText
import SRUP

/// Files that decide whom the beacon trusts and what it does: only root and we may change them, or put others in their
/// place. The rule is `FileTrust`, the same for all of them.
extension Configuration {
    /// Those files, each with what it is.
    /// - Parameter file: the configuration's own.
    package func trustedFiles(_ file: String) -> [(name: String, path: String)] {
        let servers = servers.sorted { $0.key.number < $1.key.number }.map {
            ("the key of server \($0.key.topicForm)", $0.value.keyFile)
        }
        let fragments = ((try? ConfigurationFiles.fragments(of: file)) ?? []).map { ("the configuration", $0) }
        return [("the configuration", file)] + fragments + [("the broker's CA file", tls.authority)] + servers
            + (updates.authority.map { [("the CA file of [update]", $0)] } ?? [])
            + [
                ("the identity key", keyFile), ("the client certificate", tls.certificate),
                ("the client certificate's key", tls.key),
            ]
    }

    /// Checks that others can change neither those files, nor put one into conf.d, nor change the location of the state folder.
    /// - Throws: `OperatorFault` for the first one.
    package func examineTrustedFiles(_ file: String) throws(OperatorFault) {
        for (name, path) in trustedFiles(file) { try FileTrust.check(path, as: name) }
        try FileTrust.checkPlace(of: ConfigurationFiles.folder(of: file), as: "the configuration's folder")
        try FileTrust.checkPlace(of: stateFolder, as: "the state folder")
    }
}
