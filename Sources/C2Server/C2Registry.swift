import Bench
import Enrolling
import Fetching
import Files
import Keys
import OperatorText
import SRUP
import Synchronization

/// The registration service (docs/registry.md), as a source of keys of nodes that are not in the keyring.
public struct C2Registry: Sendable {
    /// Its answer about a node.
    enum Answer: Sendable {
        /// The key, with the registered type if types are used.
        case key(PublicKey, type: String?)
        /// There is no such node, or it was revoked.
        case none
        /// The service cannot be reached.
        case silence(OperatorFault)
    }

    private let registry: Enrolling.Registry
    /// Nodes that are registered with one of these types may observe. To be used only if the service's tokens name types: otherwise a
    /// node's type is what the node claims.
    let observerTypes: Set<String>

    /// A service at an address.
    /// - Parameters:
    ///   - address: begins with `https://`.
    ///   - authority: PEM file with the CA certificates for it; nil: the system's.
    ///   - token: a file with a reader's token; nil if everybody may read keys.
    ///   - observerTypes: the types whose nodes may observe.
    /// - Throws: `OperatorFault`.
    public init(
        _ address: String, authority: String?, token: String?, observerTypes: Set<String> = []
    ) throws(OperatorFault) {
        self.observerTypes = observerTypes
        if let authority { try FileTrust.check(authority, as: "the registry's CA file") }
        let bearer = try token.map { path throws(OperatorFault) in try C2Registry.token(path) }
        let place: WebAddress
        do throws(WebAddress.Fault) { place = try WebAddress(address) } catch {
            throw OperatorFault(error.message, hint: "give --registry an address such as https://host:8443")
        }
        do throws(HTTPFault) {
            var client = try HTTPClient(authorityFile: authority)
            // A frame and the operator wait for the answer.
            (client.limits.connect, client.limits.total) = (.seconds(5), .seconds(10))
            client.bearer = bearer
            try client.check(place)
            registry = Enrolling.Registry(client, at: place)
        } catch {
            throw OperatorFault("the registry: \(error.message)", hint: error.hint(for: C2Registry.settingNames))
        }
    }

    /// The C2 server talks to a broker as well, so the options for the registry have names of their own.
    private static let settingNames: SettingNames = {
        var names = SettingNames.bench
        names.registryAuthority = "--registry-ca"
        return names
    }()

    /// Asks the service; blocks until the answer is there.
    func key(of node: Identifier) -> Answer {
        do throws(OperatorFault) {
            guard let key = try registry.key(of: node.topicForm) else { return .none }
            guard !observerTypes.isEmpty else { return .key(key, type: nil) }
            // If its type cannot be read, the key does not count either: a node must not observe by half an answer.
            return .key(key, type: try registry.type(of: node.topicForm))
        } catch {
            return .silence(OperatorFault(error.message, hint: error.hint(for: C2Registry.settingNames)))
        }
    }

    /// Tells the service that a node was deregistered; blocks until the answer is there.
    func deregister(_ node: Identifier) -> C2Deregistrations.Answer {
        do throws(OperatorFault) {
            switch try registry.deregister(node) {
            case .ended: return .ended
            case .refused(status: 400, let words): return .unknown(words)
            case .refused(let status, let words):
                let hint =
                    status == 401 || status == 403
                    ? "give --reader-token a C2 server's token: srup-bench registry reader --may-deregister"
                    : "end it there: srup-bench registry revoke \(node.topicForm)"
                return .failed(
                    OperatorFault(
                        "the registry does not deregister \(node): it answers \(status), \"\(words)\"", hint: hint))
            }
        } catch {
            return .failed(OperatorFault(error.message, hint: error.hint(for: C2Registry.settingNames)))
        }
    }

    /// One word of printable ASCII characters: it becomes part of a request's header.
    package static func token(_ path: String) throws(OperatorFault) -> String {
        let text = String(decoding: try readInput(path, atMost: 4_096), as: UTF8.self)
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 1, words[0].utf8.allSatisfy(WebAddress.isPlain) else {
            throw OperatorFault(
                "\(path) does not contain exactly one token",
                hint: "create it: srup-bench registry reader --folder FOLDER > FILE")
        }
        return String(words[0])
    }
}

/// The keys of the nodes that a server knows. They change while it runs, because the registry adds and revokes some.
final class C2Keyring: Sendable {
    private let keys: Mutex<PublicKeys>

    init(_ keys: [Identifier: PublicKey]) { self.keys = Mutex(PublicKeys(keys)) }

    subscript(node: Identifier) -> PublicKey? {
        get { keys.withLock { $0[node] } }
        set { keys.withLock { $0[node] = newValue } }
    }

    /// A copy of the current keys, for checking signatures.
    var current: PublicKeys { keys.withLock { $0 } }
}
