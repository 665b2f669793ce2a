import BootTime

/// Decides to which topic filters a connection subscribes, so that one which the broker does not grant, or closes the connection for, does
/// not cost the others. A value: no socket, no clock.
///
/// All filters are requested together. After two connections in succession that ended while the broker had not answered, they are requested
/// one at a time: a filter at which the connection ends twice while it is the only one is the reason. Where the link cannot do
/// without it, the link reports it each time; another is set aside, and requested again behind the others after pauses that grow.
struct SubscriptionPlan: Sendable {
    /// The pause before a filter that was set aside is requested again; each further one doubles it.
    static let initialPause = Duration.seconds(60)
    /// The longest pause.
    static let maximumPause = Duration.seconds(3_600)

    /// Filters without which the link is of no use.
    let required: [String]
    private var optional: [String] = []
    private var known: Set<String>
    /// How often a connection has ended while this was the only filter without an answer.
    private var ends: [String: Int] = [:]
    private var aside: [String: (pause: Duration, next: Instant)] = [:]
    private var endsTogether = 0
    /// Of this connection.
    private var answered: Set<String> = []
    private var awaited: Set<String> = []
    private var hasBegun = false
    /// Whether all filters have been requested, or are set aside: with thousands of them, looking for another one takes time.
    private var isRequested = false

    init(required: [String]) { (self.required, known) = (required, Set(required)) }

    /// Whether every filter has been answered, except for those that are set aside.
    var isComplete: Bool {
        hasBegun && awaited.isEmpty && (required + optional).allSatisfy { answered.contains($0) || aside[$0] != nil }
    }

    /// Adds filters that the link can do without.
    mutating func add(_ topics: [String]) {
        optional += topics.filter { known.insert($0).inserted }
        isRequested = false
    }

    /// Forgets filters that were added.
    mutating func remove(_ topics: [String]) {
        let gone = Set(topics).subtracting(required)
        optional.removeAll { gone.contains($0) }
        known.subtract(gone)
        awaited.subtract(gone)
        for topic in gone { (ends[topic], aside[topic]) = (nil, nil) }
    }

    /// A new connection.
    mutating func begin() { (answered, awaited, hasBegun, isRequested) = ([], [], true, false) }

    /// What must be requested now.
    mutating func next(at now: Instant) -> [String] {
        guard hasBegun, !isRequested || !aside.isEmpty else { return [] }
        if isOneByOne, !awaited.isEmpty { return [] }
        let open = (required + optional).filter { !answered.contains($0) && !awaited.contains($0) }
        let wanted = open.filter { aside[$0] == nil }
        if isOneByOne {
            guard awaited.isEmpty, let first = wanted.min(by: { ends[$0, default: 0] < ends[$1, default: 0] }) else {
                return retry(open, at: now)
            }
            awaited = [first]
            return [first]
        }
        isRequested = true
        guard !wanted.isEmpty else { return retry(open, at: now) }
        awaited.formUnion(wanted)
        return wanted
    }

    private var isOneByOne: Bool { endsTogether >= 2 || !ends.isEmpty }

    /// A filter that was set aside, alone and behind all others.
    private mutating func retry(_ open: [String], at now: Instant) -> [String] {
        guard awaited.isEmpty, let due = open.first(where: { aside[$0].map { $0.next <= now } ?? false }) else {
            return []
        }
        awaited = [due]
        return [due]
    }

    /// The broker has answered.
    mutating func answered(_ topic: String) {
        awaited.remove(topic)
        answered.insert(topic)
        (ends[topic], aside[topic]) = (nil, nil)
        if isComplete { endsTogether = 0 }
    }

    /// The connection has ended.
    /// - Parameter isClosing: the broker may have closed it because of a filter: no other reason is known.
    /// - Returns: the filter that is the reason, as far as the ends of several connections show it.
    mutating func ended(isClosing: Bool, at now: Instant) -> String? {
        defer { (awaited, hasBegun) = ([], false) }
        guard hasBegun, isClosing, let first = awaited.first else { return nil }
        guard awaited.count == 1 else {
            endsTogether += 1
            return nil
        }
        ends[first, default: 0] += 1
        guard ends[first, default: 0] >= 2 || aside[first] != nil else { return nil }
        guard !required.contains(first) else { return first }
        let pause =
            aside[first].map { min($0.pause * 2, SubscriptionPlan.maximumPause) } ?? SubscriptionPlan.initialPause
        (aside[first], ends[first]) = ((pause, now + pause), nil)
        return first
    }
}
