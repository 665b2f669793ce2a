import BootTime
import Glibc

/// Rate limits for each address and for all together: token buckets. The number of buckets is bounded.
package struct RateLimit {
    /// The result for a request.
    package enum Verdict: Equatable {
        case pass
        /// Too many; the client may try again after this number of seconds. Only the first one of a series is worth a log line.
        case refuse(seconds: Int, isFirst: Bool)
    }

    private struct Bucket {
        var left: Double
        var at: Instant
        var hasRefused = false
        /// Requests that were refused and told when to come again, and whose time has not come.
        var waiting = 0.0

        /// - Parameter spread: seconds over which the moments are spread that refused clients are told.
        mutating func take(_ most: Double, spread: Int, at now: Instant) -> Verdict {
            let added = max(.zero, now - at) / .seconds(60) * most
            (left, waiting) = (min(most, left + added), max(0, waiting - added))
            at = now
            guard left >= 1 else {
                defer { hasRefused = true }
                waiting = max(1, min(waiting + 1, most * Double(spread) / 60))
                return .refuse(seconds: Int((waiting - left) * 60 / most) + 1, isFirst: !hasRefused)
            }
            left -= 1
            hasRefused = false
            return .pass
        }
    }

    /// Bound on the addresses with their own bucket; others share one bucket until some have been silent for a minute.
    package static let mostAddresses = 10_000

    private let each: Double
    private let total: Double
    private let spread: (each: Int, all: Int)
    private var buckets: [String: Bucket] = [:]
    private var all: Bucket

    /// - Parameters:
    ///   - each: requests of one address in a minute, and at once.
    ///   - all: of all addresses.
    ///   - spread: refused clients are told different moments, each as many requests can be answered until then: up to this number of
    ///     seconds away, for those of one address and for all. 0: all are told the next moment at which one request is possible.
    package init(each: Int, all: Int, spread: (each: Int, all: Int) = (0, 0), at now: Instant) {
        (self.each, total, self.spread) = (Double(each), Double(all), spread)
        self.all = Bucket(left: Double(all), at: now)
    }

    package var addresses: Int { buckets.count }

    /// Checks the address's own limit first, so that one that exceeds it takes nothing from the others.
    package mutating func take(_ address: String, at now: Instant) -> Verdict {
        var key = RateLimit.group(address)
        if buckets[key] == nil, buckets.count >= RateLimit.mostAddresses {
            buckets = buckets.filter { now - $0.value.at < .seconds(60) }
            if buckets.count >= RateLimit.mostAddresses { key = "" }
        }
        let verdict = buckets[key, default: Bucket(left: each, at: now)].take(each, spread: spread.each, at: now)
        guard verdict == .pass else { return verdict }
        return all.take(total, spread: spread.all, at: now)
    }

    /// The owner of an IPv6 address usually has the whole /64.
    package static func group(_ address: String) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, String(address.prefix { $0 != "%" }), &bytes) == 1 else { return address }
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return bytes[12...].map(String.init).joined(separator: ".")
        }
        return bytes[..<8].map { String($0, radix: 16) }.joined(separator: ":")
    }
}
