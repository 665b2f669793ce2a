import Keys
import Observing
import OperatorText
import SRUP

/// The keys that a configuration names, read and checked.
struct KeyMaterial: Sendable {
    let key: IdentityKey
    /// The one before the last rotation, for what is still sealed to it.
    let oldKey: IdentityKey?
    var keyring: PublicKeys

    /// - Parameter file: the configuration's own.
    /// - Throws: `OperatorError` for the first file that is not usable, or that others can change.
    init(_ configuration: Configuration, from file: String) throws {
        do {
            key = try IdentityKey(pemFile: configuration.keyFile)
            // An unusable previous key opens nothing, and does not prevent the start.
            oldKey = CredentialFolder(managing: configuration).flatMap { try? IdentityKey(pemFile: $0.oldIdentityKey) }
            keyring = try KeyMaterial.keyring(configuration)
            try checkPrivateKeyFile(configuration.tls.key)
        } catch let error as KeyError where error.isNotToBeRepeated {
            throw OperatorFault(error.message, hintOf: error, exitStatus: 78)
        }
        try configuration.examineTrustedFiles(file)
        try configuration.updates.updater.map { try Updater.examine($0) }
        try configuration.tls.check()
        try configuration.checkCertificateName()
    }

    /// Opens what is sealed to us, with the current key or the previous one.
    ///
    /// Where hardware does not open it, that may be the hardware's doing, which OpenSSL does not tell: so the hardware is asked to open
    /// what is rightly sealed. Where it does not, no verdict comes of that: the process ends as where it does not sign.
    var unsealer: Unsealer {
        { [key, oldKey] sealed in
            do throws(UnsealingError) {
                return .success(try key.unseal(sealed))
            } catch {
                if let old = try? oldKey?.unseal(sealed) { return .success(old) }
                guard key.home == .file || key.opens else { Shell.endWithout(key, "open") }
                return .failure(error == .seal ? .seal : .value)
            }
        }
    }

    init(key: IdentityKey, oldKey: IdentityKey? = nil, keyring: PublicKeys) {
        (self.key, self.oldKey, self.keyring) = (key, oldKey, keyring)
    }

    static func keyring(_ configuration: Configuration) throws -> PublicKeys {
        PublicKeys(try configuration.servers.mapValues { try PublicKey(pemFile: $0.keyFile) })
    }
}
