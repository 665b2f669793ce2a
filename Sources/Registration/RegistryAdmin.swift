import Bench
import OperatorText
import SRUP

/// The operator's actions that do not need the CA's key.
public struct RegistryAdmin {
    private let store: RegistryStore
    private let clock: RegistryClock

    /// For an existing registry.
    /// - Throws: `OperatorError`.
    public init(_ folder: RegistryFolder, clock: RegistryClock = .system) throws {
        store = try RegistryStore(path: folder.database)
        self.clock = clock
    }

    /// Creates a token, which is returned only this once.
    /// - Parameters:
    ///   - type: for `enrol`: the only type that it enrols; nil: any.
    ///   - uses: for `enrol`: how often it may be used; nil: without limit.
    ///   - label: shown in the list of tokens: 1 to 64 printable characters.
    ///   - place: for `enrol`: name and place of the node, checked by the caller (`NodePlace.fault`).
    /// - Throws: `OperatorError`.
    public func token(
        _ role: RegistryRole, type: String? = nil, uses: Int64? = nil, label: String? = nil,
        place: NodePlace = NodePlace(),
        hours: Int64
    ) throws -> String {
        let now = clock.seconds()
        return try store.makeToken(
            role, type: type, uses: uses, label: label, place: place, until: now + hours * 3_600, at: now)
    }

    /// All tokens, the newest first; expired ones for one more day.
    /// - Throws: `OperatorError`.
    public func tokens() throws -> [RegistryToken] { try store.tokens() }

    /// Withdraws a token: it is not valid any longer. Identities that were registered with it stay registered.
    /// - Parameter number: the beginning of its number as listed by `tokens`, 4 hexadecimal digits or more.
    /// - Throws: `OperatorError` if it does not match exactly one token.
    public func withdraw(_ number: String) throws -> RegistryToken {
        let hint = "list the tokens: srup-bench registry tokens"
        guard (4...64).contains(number.utf8.count), number.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
            throw OperatorFault(
                "a token's number has 4 hexadecimal digits or more, and is not the token itself", hint: hint)
        }
        let found = try store.withdraw(number)
        guard let token = found.first else { throw OperatorFault("no token has the number \(number)", hint: hint) }
        guard found.count == 1 else {
            throw OperatorFault("\(found.count) tokens have a number that begins with \(number)", hint: hint)
        }
        return token
    }

    /// Whether a token is valid now.
    public func isValid(_ token: RegistryToken) -> Bool { token.expires > clock.seconds() && token.usesLeft != 0 }

    /// All identities that are or were registered, the newest first.
    /// - Throws: `OperatorError`.
    public func entries() throws -> [RegistryEntry] { try store.entries() }
}
