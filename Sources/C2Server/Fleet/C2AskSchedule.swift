import BootTime
import SRUP

/// When the server asks its beacons by ID_REQUEST whether they are alive, as a value: the time is an argument. The requests are spread:
/// at most 50 in a second, each node at its own time. A node that does not answer is asked at growing intervals, because its broker
/// keeps the requests for it, and it would answer all of them when it returns.
struct C2AskSchedule: Sendable {
    /// Bound on the requests in a second: 10,000 beacons take 200 s.
    static let perSecond = 50
    /// After this time in the server's run or in the membership a node is asked first: short runs ask nobody.
    static let first = Duration.seconds(30)
    /// The longest interval of a node that does not answer, unless the usual one is longer. A broker may have lost the requests.
    static let longest = Duration.seconds(1_800)

    /// Zero: nobody is asked.
    let interval: Duration
    private var due = C2SortedKeys()
    private var entries: [Identifier: Entry] = [:]
    private var last: Instant?

    private struct Entry {
        var due: Instant
        /// Requests since the node was heard last.
        var asked = 0
    }

    init(interval: Duration) { self.interval = interval }

    /// When the next node is due; nil: none is.
    var nextDue: Instant? {
        guard let first = due.keys.first.map({ Instant(nanoseconds: $0.number) }) else { return nil }
        return last.map { max(first, $0 + .seconds(1)) } ?? first
    }

    /// A node is asked from now on, or no longer. Nothing changes if it was so before.
    mutating func set(_ node: Identifier, isAsked: Bool, at now: Instant) {
        guard interval > .zero, isAsked != (entries[node] != nil) else { return }
        put(node, isAsked ? Entry(due: now + C2AskSchedule.first) : nil)
    }

    /// A node was heard: it counts as answered.
    mutating func heard(_ node: Identifier, at now: Instant) {
        guard var entry = entries[node], entry.asked > 0 else { return }
        (entry.asked, entry.due) = (0, min(entry.due, now + interval))
        put(node, entry)
    }

    /// The server is connected again: the broker may have lost the requests that have no answer yet. They are made again, and the
    /// bound on the requests in a second spreads them.
    mutating func reconnected(at now: Instant) {
        for (node, var entry) in entries where entry.asked > 0 && entry.due > now {
            entry.due = now
            put(node, entry)
        }
    }

    /// The nodes to ask now. Each is due again later.
    mutating func next(at now: Instant) -> [Identifier] {
        guard let next = nextDue, next <= now else { return [] }
        last = now
        let nodes = due.keys.prefix(C2AskSchedule.perSecond).prefix { $0.number <= now.nanoseconds }.map(\.node)
        for node in nodes {
            guard var entry = entries[node] else { continue }
            entry.due = now + min(interval * (1 << min(entry.asked, 16)), max(interval, C2AskSchedule.longest))
            entry.asked += 1
            put(node, entry)
        }
        return nodes
    }

    private mutating func put(_ node: Identifier, _ entry: Entry?) {
        func key(_ entry: Entry) -> C2SortedKeys.Key { .init(node, number: entry.due.nanoseconds) }
        due.replace(entries[node].map(key), by: entry.map(key))
        entries[node] = entry
    }
}
