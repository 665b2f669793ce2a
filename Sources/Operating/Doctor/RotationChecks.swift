import Daemon
import Keys

// A rotation of the identity key that was interrupted, and the key that the running beacon signs with.
extension Doctor {
    func rotation(_ folder: CredentialFolder) -> [CheckResult] {
        if folder.hasUnfinishedRotation {
            return [
                .init(
                    "rotation", .bad, folder.nextIdentityKey,
                    "it was interrupted: servers may have the new key already", do: "finish it: srup-beacon rotate")
            ]
        }
        guard folder.rotationMark != nil else { return [] }
        return [
            .init(
                "rotation", status == nil ? .warning : .bad, folder.identityKey,
                "it was interrupted after the key was replaced: "
                    + (status == nil
                        ? "the beacon uses the new one from its next start on"
                        : "the beacon may still sign with the old one"),
                do: "finish it: srup-beacon rotate")
        ]
    }

    /// Whether the running beacon has the key of its file.
    func runningKey(_ key: PublicKey, _ configuration: Configuration) -> [CheckResult] {
        guard let running = status?.identityKey else { return [] }
        guard running.fingerprint != key.fingerprint else {
            return [.init("running key", .good, configuration.keyFile, "the beacon signs with the key of its file")]
        }
        return [
            .init(
                "running key", .bad, configuration.keyFile,
                "the beacon signs with another key than the one in its file: servers that know that one refuse its messages",
                do: StatusReport.IdentityKey.hint)
        ]
    }
}
