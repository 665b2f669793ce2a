import Bench
import Enrolling
import EventLoop
import Glibc
import Keys
import OperatorText
import SRUP

/// The service's identity and keys, and what it sends to every device: fixed when the registry was created.
struct RegistryIdentity {
    let identity: Identifier
    let key: IdentityKey
    /// Its name in signed statements.
    let service: Statement.Service
    let revocationFile: String
    /// The answer to a registration.
    let registered: Registered
    private let c2: Identifier
    private let c2Key: PublicKey
    private let reservedKeys: Set<[UInt8]>

    struct Registered: Encodable {
        let broker: String
        let c2: String
        let key: String

        enum CodingKeys: String, CodingKey {
            case broker, key
            case c2 = "default_c2"
        }
    }

    init(_ folder: RegistryFolder, _ store: RegistryStore) throws {
        func setting(_ what: RegistryStore.Setting) throws -> String {
            guard let value = try store.setting(what) else {
                throw OperatorFault(
                    "the registry in \(folder.path) has no \"\(what.rawValue)\" setting",
                    hint: "make it again: srup-bench registry init")
            }
            return value
        }
        func identifier(_ what: RegistryStore.Setting) throws -> Identifier {
            guard let identity = Identifier(hexadecimal: try setting(what)) else {
                throw OperatorFault(
                    "the registry's setting \"\(what.rawValue)\" is not a valid identifier",
                    hint: "make it again: srup-bench registry init")
            }
            return identity
        }
        identity = try identifier(.identity)
        c2 = try identifier(.c2)
        service = Statement.Service(name: identity.topicForm, host: try folder.host())
        (key, c2Key) = (try IdentityKey(pemFile: folder.identityKey), try PublicKey(pemFile: folder.c2Key))
        revocationFile = try store.setting(.revocationFile) ?? folder.revocations
        registered = Registered(
            broker: try BrokerURL(try setting(.broker)).reply, c2: c2.topicForm, key: base64(c2Key.pem))
        reservedKeys = [key.publicKey.der, c2Key.der]
    }

    func isReserved(_ identity: Identifier) -> Bool { identity == self.identity || identity == c2 }

    /// Whether this is the C2 server's identity.
    func isServer(_ text: String) -> Bool { text == c2.topicForm }

    func isReserved(_ key: [UInt8]) -> Bool { reservedKeys.contains(key) }

    /// Keys that are public.
    func openKey(of text: String) -> PublicKey? {
        text == identity.topicForm ? key.publicKey : text == c2.topicForm ? c2Key : nil
    }
}

extension RegistryClock {
    /// The machine's clocks.
    public static let system = RegistryClock(seconds: { Int64(time(nil)) }, now: { .now })
}
