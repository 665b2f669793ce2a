import Files
import Keys
import OperatorText
import SRUP

/// Files that decide whom the beacon trusts and what it does: only root and we may change them, or put others in their
/// place. The rule is `FileTrust.fault`, the same for all of them.
extension Configuration {
    /// Those files, each with what it is.
    /// - Parameter file: the configuration's own.
    package func trustedFiles(_ file: String) -> [(name: String, path: String)] {
        let servers = servers.sorted { $0.key.number < $1.key.number }.map {
            ("the key of server \($0.key.topicForm)", $0.value.keyFile)
        }
        return [("the configuration", file), ("the broker's CA file", tls.authority)] + servers
            + (updates.authority.map { [("the CA file of [update]", $0)] } ?? [])
            + [
                ("the identity key", keyFile), ("the client certificate", tls.certificate),
                ("the client certificate's key", tls.key),
            ]
    }

    /// Checks that others can change neither those files nor the location of the state folder.
    /// - Throws: `OperatorFault` for the first one.
    package func examineTrustedFiles(_ file: String) throws(OperatorFault) {
        for (name, path) in trustedFiles(file) { try Configuration.examine(path, as: name) }
        try Configuration.examinePlace(of: stateFolder, as: "the state folder")
    }

    /// Checks that a file is a regular one that nobody else can change.
    package static func examine(_ path: String, as name: String) throws(OperatorFault) {
        if let fault = FileTrust.fault(of: path, as: name) { throw fault }
    }

    /// Checks that nobody else can change or replace a file or folder.
    package static func examinePlace(of path: String, as name: String) throws(OperatorFault) {
        if let fault = FileTrust.fault(ofPlace: path, as: name) { throw fault }
    }
}
