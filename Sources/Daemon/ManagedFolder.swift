import Broker
import Files
import Glibc
import Keys

extension CredentialFolder {
    /// The folder of the enrolment whose files a configuration names; nil where it names others.
    package init?(managing configuration: Configuration) {
        guard let folder = CredentialFolder(named: configuration), folder.hasRecord else { return nil }
        self = folder
    }

    /// The folder whose keys and client certificate a configuration names, enrolled or not. The broker's CA may be an operator's own
    /// file, which a renewal does not touch.
    package init?(named configuration: Configuration) {
        let folder = CredentialFolder(
            path: configuration.keyFile.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
        let (access, tls) = (folder.access, configuration.tls)
        guard configuration.keyFile == folder.identityKey, tls.certificate == access.certificate, tls.key == access.key
        else { return nil }
        self = folder
    }

    /// The fingerprint of a key that a rotation has put in place; nil: no rotation waits for the beacon to use it.
    package var rotationMark: String? {
        (try? File.read(rotationMarkFile, atMost: 128)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The beacon uses that key, or none runs.
    package func removeRotationMark() {
        unlink(rotationMarkFile)
        try? Folder.sync(path)
    }

    /// What an enrolment keeps beside the files that a configuration names: the last key's and certificate's, and the next ones'.
    package static func spareFiles(of configuration: Configuration) -> [String] {
        guard let folder = CredentialFolder(managing: configuration) else { return [] }
        return [folder.oldIdentityKey, folder.nextIdentityKey]
            + [folder.oldAccess, folder.newAccess].flatMap { [$0.key, $0.certificate] }
    }
}
