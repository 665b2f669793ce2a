import BootTime
import SRUP

/// A rate: a burst, and one more after each interval.
public struct RateLimit: Equatable, Sendable {
    /// How many at once, at least 1.
    public var burst: Int
    /// The interval after which one more is allowed.
    public var interval: Duration

    /// A limit.
    /// - Precondition: at least one at once.
    public init(burst: Int, interval: Duration) {
        precondition(burst >= 1, "a burst of \(burst)")
        (self.burst, self.interval) = (burst, interval)
    }
}

/// A token bucket: full at first, and as small as the one moment at which it will be full again.
struct RateBucket: Equatable, Sendable {
    private var fullAt: Instant?

    /// Whether one more is allowed.
    func hasRoom(at now: Instant, _ limit: RateLimit) -> Bool {
        guard let fullAt, fullAt > now else { return true }
        return fullAt - now <= limit.interval * (limit.burst - 1)
    }

    /// Takes one.
    mutating func take(at now: Instant, _ limit: RateLimit) { fullAt = max(fullAt ?? now, now) + limit.interval }
}

/// Which server used each recent plain token: an answer names no server, so another server must not use the token of a question,
/// or of a command, of this one. Bounded in number; the oldest is dropped first.
struct PlainTokens: Sendable {
    private static let mostKept = 4_096

    private var owners: [Token: Identifier] = [:]
    private var order: [Token] = []
    private var next = 0

    func owner(of token: Token) -> Identifier? { owners[token] }

    mutating func note(_ token: Token, of server: Identifier) {
        guard owners[token] == nil else { return }
        owners[token] = server
        guard order.count == PlainTokens.mostKept else { return order.append(token) }
        owners[order[next]] = nil
        order[next] = token
        next = (next + 1) % PlainTokens.mostKept
    }
}

/// Sealed values that did not open under our key: repeated copies on our topic cost one private-key operation, not many.
/// Bounded in number and in size; the oldest is dropped first.
struct UnopenedSeals: Sendable {
    private static let mostKept = 256
    /// A seal to a key of 4,096 bits has 588 bytes.
    private static let maximumKept = 1_024

    private var kept: Set<Octets> = []
    private var order: [Octets] = []
    private var next = 0

    func contains(_ sealed: Octets) -> Bool { kept.contains(sealed) }

    mutating func insert(_ sealed: Octets) {
        guard sealed.bytes.count <= UnopenedSeals.maximumKept, kept.insert(sealed).inserted else { return }
        guard order.count == UnopenedSeals.mostKept else { return order.append(sealed) }
        kept.remove(order[next])
        order[next] = sealed
        next = (next + 1) % UnopenedSeals.mostKept
    }
}
