import BootTime
import SRUP

/// Rate limits for each node at a C2 server, as a value: the time is an argument. Each node has its own buckets, so that one that
/// sends too much takes nothing from the others.
///
/// The constants are documented in docs/console.md, "Rate limits at the server".
struct C2Rates: Sendable {
    /// A burst, and then one more after each pause.
    struct Limit: Sendable {
        let atOnce: Double
        let pause: Duration

        /// Requests to join, of one device: each costs two sealed values and two signatures.
        static let joins = Limit(atOnce: 5, pause: .seconds(5))
        /// Requests to leave, of one node.
        static let leaving = Limit(atOnce: 5, pause: .seconds(5))
        /// Lines and history entries about refused messages, for one reason and one sender.
        static let refusals = Limit(atOnce: 10, pause: .seconds(10))
        /// Lines and history entries about unrequested data of a member.
        static let data = Limit(atOnce: 20, pause: .seconds(1))
        /// Commands that tell a node that it is not a member.
        static let reminders = Limit(atOnce: 1, pause: .seconds(60))
    }

    /// What is counted together.
    enum Kind: Hashable, Sendable {
        case joins, leaving, data, reminders
        case refusals(C2.Refusal)
    }

    /// What happens to a request.
    enum Verdict: Equatable, Sendable {
        case pass
        /// The first request above the limit since the bucket ran empty: it is answered. The number of unanswered ones before it.
        case refuse(leftOut: Int)
        /// Further requests: they are not answered, because an answer costs a signature.
        case silence
    }

    private struct Key: Hashable {
        let kind: Kind
        let node: Identifier?
    }

    private struct Bucket {
        var left: Double
        var at: Instant
        /// Number of messages left out since the last one that was answered or recorded.
        var leftOut = 0
        var hasRefused = false

        mutating func take(_ limit: Limit, at now: Instant) -> Bool {
            left = min(limit.atOnce, left + max(.zero, now - at) / limit.pause)
            at = max(at, now)
            guard left >= 1 else { return false }
            left -= 1
            return true
        }
    }

    /// Bound on the buckets. Senders are verified first, so this is above the number of nodes that send at the same time.
    static let mostBuckets = 16_384

    private var buckets: [Key: Bucket] = [:]

    private static func limit(_ kind: Kind) -> Limit {
        switch kind {
        case .joins: .joins
        case .leaving: .leaving
        case .data: .data
        case .reminders: .reminders
        case .refusals: .refusals
        }
    }

    /// Counts a request that would be answered.
    mutating func request(_ kind: Kind, of node: Identifier, at now: Instant) -> Verdict {
        let limit = C2Rates.limit(kind)
        return with(kind, node, at: now) { bucket in
            if bucket.take(limit, at: now) {
                bucket.hasRefused = false
                return .pass
            }
            guard !bucket.hasRefused else {
                bucket.leftOut += 1
                return .silence
            }
            bucket.hasRefused = true
            defer { bucket.leftOut = 0 }
            return .refuse(leftOut: bucket.leftOut)
        }
    }

    /// Counts a message that would be recorded.
    /// - Parameter node: nil if the sender is not verified: all such senders share one bucket.
    /// - Returns: nil if it is not recorded, otherwise the number of messages left out since the last recorded one.
    mutating func line(_ kind: Kind, of node: Identifier?, at now: Instant) -> Int? {
        let limit = C2Rates.limit(kind)
        return with(kind, node, at: now) { bucket in
            guard bucket.take(limit, at: now) else {
                bucket.leftOut += 1
                return nil
            }
            defer { bucket.leftOut = 0 }
            return bucket.leftOut
        }
    }

    private mutating func with<Result>(
        _ kind: Kind, _ node: Identifier?, at now: Instant, _ body: (inout Bucket) -> Result
    ) -> Result {
        let limit = C2Rates.limit(kind)
        var key = Key(kind: kind, node: node)
        if buckets[key] == nil, buckets.count >= C2Rates.mostBuckets {
            // A bucket that is full again is the same as a new one.
            buckets = buckets.filter { key, bucket in
                let limit = C2Rates.limit(key.kind)
                return now - bucket.at < limit.pause * (limit.atOnce - bucket.left)
            }
            if buckets.count >= C2Rates.mostBuckets { key = Key(kind: kind, node: nil) }
        }
        return body(&buckets[key, default: Bucket(left: limit.atOnce, at: now)])
    }
}

extension C2 {
    /// The effects if the sender has exceeded its rate limit; nil if the request is served. Of the requests above the limit, one is
    /// answered: each answer costs a signature, and more of them would not help the device.
    mutating func tooOften(_ request: Request, _ message: Message, _ frame: [UInt8]) -> [Effect]? {
        let kind: C2Rates.Kind =
            switch request {
            case .join, .humanJoin, .observedJoin: .joins
            case .resign, .deregister: .leaving
            }
        let isEnd = request == .deregister
        let isReleased = request.isToLeave && hasReleased(message.sender, isEnd: isEnd)
        let status = isReleased ? C2.release(isEnd: isEnd) : request.refusal
        switch rates.request(kind, of: message.sender, at: now) {
        case .pass: return nil
        case .silence:
            refusals[.rate, default: 0] += 1
            return []
        case .refuse(let leftOut):
            let before = leftOut == 0 ? "" : "; \(leftOut) earlier ones were not answered"
            return refuse(message, frame, .rate, "rate limit exceeded\(before)")
                + [.send(self.message(.response(status), message.token, to: message.sender), to: message.sender)]
        }
    }
}
