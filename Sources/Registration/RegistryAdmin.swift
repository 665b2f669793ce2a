import Bench
import SRUP

/// What the operator does without the CA's key.
public struct RegistryAdmin {
    private let store: RegistryStore
    private let clock: RegistryClock

    /// The admin of a registry that has been made.
    /// - Throws: `OperatorFault`.
    public init(_ folder: RegistryFolder, clock: RegistryClock = .system) throws(OperatorFault) {
        store = try asOperatorFault { try RegistryStore(path: folder.database) }
        self.clock = clock
    }

    /// A new token, which is shown this once.
    /// - Parameters:
    ///   - type: for `enrol`: only this type.
    ///   - uses: for `enrol`: how often; nil: as often as wanted.
    ///   - label: words by which it is known in the list: 1 to 64 printable characters.
    /// - Throws: `OperatorFault`.
    public func token(
        _ role: RegistryRole, type: String? = nil, uses: Int64? = nil, label: String? = nil, hours: Int64
    ) throws(OperatorFault) -> String {
        let now = clock.seconds()
        return try asOperatorFault {
            try store.makeToken(role, type: type, uses: uses, label: label, until: now + hours * 3_600, at: now)
        }
    }

    /// All tokens, those that are over for less than a day too, the newest first.
    /// - Throws: `OperatorFault`.
    public func tokens() throws(OperatorFault) -> [RegistryToken] { try asOperatorFault { try store.tokens() } }

    /// Takes a token away: from now on it counts for nothing. Who has registered with it stays registered.
    /// - Parameter number: the beginning of its number, as `tokens` tells it, 4 hexadecimal digits or more.
    /// - Throws: `OperatorFault` where that is no one token's.
    public func withdraw(_ number: String) throws(OperatorFault) -> RegistryToken {
        let hint = "see which there are: srup-bench registry tokens"
        guard (4...64).contains(number.utf8.count), number.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
            throw OperatorFault("a token's number is 4 hexadecimal digits or more, never the token itself", hint: hint)
        }
        let found = try asOperatorFault { try store.withdraw(number) }
        guard let token = found.first else { throw OperatorFault("no token has the number \(number)", hint: hint) }
        guard found.count == 1 else {
            throw OperatorFault("\(found.count) tokens have a number that begins with \(number)", hint: hint)
        }
        return token
    }

    /// Whether a token counts now.
    public func counts(_ token: RegistryToken) -> Bool { token.expires > clock.seconds() && token.usesLeft != 0 }

    /// Everybody who is or was registered, the newest first.
    /// - Throws: `OperatorFault`.
    public func entries() throws(OperatorFault) -> [RegistryEntry] { try asOperatorFault { try store.entries() } }
}
