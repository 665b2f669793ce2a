import SRUP

/// How much one node may cause at a C2 server, as a value: the time is an argument. Each node has buckets of its own, so that
/// one that asks without end takes nothing from the others.
///
/// The constants are documented in docs/console.md, "Rate limits at the server".
struct C2Rates: Sendable {
    /// So much at once, and then one more after each of these pauses.
    struct Limit: Sendable {
        let atOnce: Double
        let pause: Int64

        /// Requests to join, of one device: more cost two sealed values and two signatures each.
        static let joins = Limit(atOnce: 5, pause: 5_000_000_000)
        /// Requests to leave, of one node.
        static let leaving = Limit(atOnce: 5, pause: 5_000_000_000)
        /// Lines and history entries on refused messages, of one reason and one sender.
        static let refusals = Limit(atOnce: 10, pause: 10_000_000_000)
        /// Lines and history entries on data that nobody has asked a member for.
        static let data = Limit(atOnce: 20, pause: 1_000_000_000)
    }

    /// What is counted together.
    enum Kind: Hashable, Sendable {
        case joins, leaving, data
        case refusals(C2.Refusal)
    }

    /// What becomes of a request.
    enum Verdict: Equatable, Sendable {
        case pass
        /// The first one too many since the bucket was last empty: it is answered. So many were left out before it.
        case refuse(leftOut: Int)
        /// One more: an answer costs a signature, so there is none.
        case silence
    }

    private struct Key: Hashable {
        let kind: Kind
        let node: Identifier?
    }

    private struct Bucket {
        var left: Double
        var at: Int64
        /// How many were left out since the last one that was answered or noted.
        var leftOut = 0
        var hasRefused = false

        mutating func take(_ limit: Limit, at now: Int64) -> Bool {
            left = min(limit.atOnce, left + Double(max(0, now - at)) / Double(limit.pause))
            at = max(at, now)
            guard left >= 1 else { return false }
            left -= 1
            return true
        }
    }

    /// Buckets at a time. Senders are verified before they get one, so this is above the number of nodes that speak at a time.
    static let mostBuckets = 16_384

    private var buckets: [Key: Bucket] = [:]

    private static func limit(_ kind: Kind) -> Limit {
        switch kind {
        case .joins: .joins
        case .leaving: .leaving
        case .data: .data
        case .refusals: .refusals
        }
    }

    /// Takes a request of a node that costs an answer.
    mutating func request(_ kind: Kind, of node: Identifier, at now: Int64) -> Verdict {
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

    /// Takes a message that is worth a line.
    /// - Parameter node: nil where the sender is not verified: all such share one bucket.
    /// - Returns: nil where it is not noted, otherwise how many were not noted since the last one that was.
    mutating func line(_ kind: Kind, of node: Identifier?, at now: Int64) -> Int? {
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
        _ kind: Kind, _ node: Identifier?, at now: Int64, _ body: (inout Bucket) -> Result
    ) -> Result {
        let limit = C2Rates.limit(kind)
        var key = Key(kind: kind, node: node)
        if buckets[key] == nil, buckets.count >= C2Rates.mostBuckets {
            // Those that are full again say nothing that a new one would not say.
            buckets = buckets.filter { key, bucket in
                let limit = C2Rates.limit(key.kind)
                return Double(now - bucket.at) < (limit.atOnce - bucket.left) * Double(limit.pause)
            }
            if buckets.count >= C2Rates.mostBuckets { key = Key(kind: kind, node: nil) }
        }
        return body(&buckets[key, default: Bucket(left: limit.atOnce, at: now)])
    }
}

extension C2 {
    /// Why a request is not served: its sender has asked too often. At most one is answered until it may ask again: each answer
    /// costs a signature, and a device that goes on is not helped by more of them. nil where it is served.
    mutating func tooOften(_ request: Request, _ message: Message, _ frame: [UInt8]) -> [Effect]? {
        let kind: C2Rates.Kind =
            switch request {
            case .join, .humanJoin, .observedJoin: .joins
            case .resign, .deregister: .leaving
            }
        let status = request.refusal
        switch rates.request(kind, of: message.sender, at: now) {
        case .pass: return nil
        case .silence:
            refusals[.rate, default: 0] += 1
            return []
        case .refuse(let leftOut):
            let before = leftOut == 0 ? "" : "; \(leftOut) before it were not answered"
            return refuse(message, frame, .rate, "it asks too often\(before)")
                + [.send(self.message(.response(status), message.token, to: message.sender), to: message.sender)]
        }
    }
}
