import Keys
import SRUP

/// The keys that a configuration names, read and checked.
struct Materials {
    let key: IdentityKey
    let keyring: PublicKeys

    /// - Throws: `OperatorFault` for the first file that is not usable.
    init(_ configuration: Configuration) throws {
        do {
            key = try IdentityKey(pemFile: configuration.keyFile)
            keyring = try Materials.keyring(configuration)
            try checkPrivateKeyFile(configuration.tls.key)
        } catch let error as KeyError {
            throw OperatorFault(error.sentence, hint: error.hint)
        }
        try configuration.updates.updater.map { try Updater.examine($0) }
        do {
            try configuration.tls.check()
        } catch {
            throw OperatorFault(error.sentence, hint: error.hint)
        }
    }

    static func keyring(_ configuration: Configuration) throws -> PublicKeys {
        PublicKeys(try configuration.servers.mapValues { try PublicKey(pemFile: $0.keyFile) })
    }
}
