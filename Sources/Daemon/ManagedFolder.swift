import Broker
import Keys

extension CredentialFolder {
    /// The folder of the enrolment whose files a configuration names; nil where it names others.
    package init?(managing configuration: Configuration) {
        let folder = CredentialFolder(
            path: configuration.keyFile.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
        let access = folder.access
        let tls = TLSFiles(authority: access.authority, certificate: access.certificate, key: access.key)
        guard configuration.keyFile == folder.identityKey, configuration.tls == tls, folder.hasRecord else {
            return nil
        }
        self = folder
    }

    /// What an enrolment keeps beside the files that a configuration names: the last key's and certificate's, and the next ones'.
    package static func spareFiles(of configuration: Configuration) -> [String] {
        guard let folder = CredentialFolder(managing: configuration) else { return [] }
        return [folder.oldIdentityKey, folder.nextIdentityKey]
            + [folder.oldAccess, folder.newAccess].flatMap { [$0.key, $0.certificate] }
    }
}
