import Files
import Keys
import Observing
import OperatorText
import SRUP

/// The keys that a configuration names, read and checked.
struct KeyMaterial: Sendable {
    let key: IdentityKey
    /// The one before the last rotation, for what is still sealed to it.
    let oldKey: IdentityKey?
    /// Which file the key was read from; nil: none.
    let file: File.Identity?
    var keyring: PublicKeys

    /// - Parameter file: the configuration's own.
    /// - Throws: `OperatorError` for the first file that is not usable, or that others can change.
    init(_ configuration: Configuration, from file: String) throws {
        self.file = File.Identity(configuration.keyFile)  // before it is read: a later one counts as not read
        do {
            key = try IdentityKey(pemFile: configuration.keyFile)
            oldKey = try KeyMaterial.oldKey(configuration)
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

    /// The previous key. One that cannot be used opens nothing, and does not prevent the start.
    /// - Throws: `KeyError` for a refused PIN only: each start would use up one of the token's tries.
    private static func oldKey(_ configuration: Configuration) throws -> IdentityKey? {
        guard let folder = CredentialFolder(managing: configuration) else { return nil }
        do {
            return try IdentityKey(pemFile: folder.oldIdentityKey)
        } catch let error as KeyError where error.isNotToBeRepeated {
            throw error
        } catch {
            return nil
        }
    }

    /// Opens what is sealed to us, with the current key or the previous one.
    ///
    /// Where hardware does not open it, that may be the hardware's doing, which OpenSSL does not tell: so the hardware is asked to open
    /// what is rightly sealed. Where it does not, no verdict comes of that: the process ends as where it does not sign.
    /// - Parameter oldKeyOpened: is called where the previous key has opened it.
    func unsealer(oldKeyOpened: @escaping @Sendable () -> Void) -> Unsealer {
        { [key, oldKey] sealed in
            do throws(UnsealingError) {
                return .success(try key.unseal(sealed))
            } catch {
                if let old = try? oldKey?.unseal(sealed) {
                    oldKeyOpened()
                    return .success(old)
                }
                guard key.home == .file || key.opens else { Shell.endWithout(key, "open") }
                return .failure(error == .seal ? .seal : .value)
            }
        }
    }

    init(key: IdentityKey, oldKey: IdentityKey? = nil, file: File.Identity? = nil, keyring: PublicKeys) {
        (self.key, self.oldKey, self.file, self.keyring) = (key, oldKey, file, keyring)
    }

    static func keyring(_ configuration: Configuration) throws -> PublicKeys {
        PublicKeys(try configuration.servers.mapValues { try PublicKey(pemFile: $0.keyFile) })
    }
}
