import BootTime

/// Decides which waiting messages go over a connection, so that one which the broker closes the connection for does not block the
/// others. A value: no socket, no clock.
///
/// MQTT 3.1.1 has no answer for a refused PUBLISH. Some brokers acknowledge the message and drop it, others close the connection, and then
/// each new connection ends at the same message. The plan finds it by evidence:
///
///     all messages are sent ──▶ two connections in succession end soon after a message was sent, and have not acknowledged it
///         ──▶ its lane is *suspected*: its first message is sent alone, while nothing else is in flight
///             ├── acknowledged, or nothing happens ──▶ the lane is served as before
///             └── the connection ends at once ──▶ once more, over a connection that has been shown to work without it
///                     └── it ends at once again ──▶ the lane is *set aside*: the others are served
///     a lane that is set aside ──▶ its first message is sent alone, behind the others, after pauses that grow
///
/// A lane is what is kept in order: at the beacon a server, at the kit a topic. A connection that ends while nothing is in flight ends for
/// another reason, and clears every suspicion; so does one that ends for a reason that we know. Nothing is lost: the caller
/// keeps the messages, and a message goes at most once over each connection.
public struct PublishPlan<Lane: Hashable & Sendable>: Sendable {
    /// A message that no broker has acknowledged, without its payload.
    public struct Waiting: Equatable, Sendable {
        /// Names the message; later ones have greater numbers.
        public let id: Int64
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public let lane: Lane
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public let topic: String

        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public init(id: Int64, lane: Lane, topic: String) { (self.id, self.lane, self.topic) = (id, lane, topic) }
    }

    /// What has been found out about a lane.
    public enum Finding: Equatable, Sendable {
        /// The broker closes the connection when a message of this lane is published to this topic.
        case setAside(Lane, topic: String)
        /// It still does; the next attempt follows after this pause.
        case stillClosed(Lane, topic: String, pause: Duration)
        /// The lane is served again.
        case served(Lane)
    }

    /// A connection that ends within this time after a message was sent may have ended because of it. Longer: more endings for other
    /// reasons count.
    public static var promptness: Duration { .seconds(5) }
    /// A connection that has lasted so long with nothing in flight works. At least as long as `promptness`: otherwise an ending for
    /// another reason would be as likely with a message as without.
    public static var quiet: Duration { .seconds(5) }
    /// The pause before the first new attempt; each further one doubles it. Shorter: the others' connection ends more often.
    public static var initialPause: Duration { .seconds(60) }
    /// The longest pause. Longer: a lane waits longer after the broker's access list was corrected.
    public static var maximumPause: Duration { .seconds(3_600) }

    private enum LaneState: Sendable {
        /// Its messages must be sent alone; how often the connection has ended at that.
        case suspected(topic: String?, ends: Int)
        case aside(topic: String, pause: Duration, next: Instant)
    }

    private struct Sent: Sendable {
        let lane: Lane
        let topic: String
        let at: Instant
    }

    private struct Connection: Sendable {
        let since: Instant
        /// It has acknowledged something.
        var isProven = false
        var inFlight: [Int64: Sent] = [:]
        /// The message that is in flight alone.
        var alone: Int64?
        /// Since when nothing else is sent, so that a message can be sent alone.
        var drainsSince: Instant?
        /// The others come first whenever a message could be sent alone, and again after it.
        var isOthersTurn = true
    }

    private var lanes: [Lane: LaneState] = [:]
    private var connection: Connection?
    /// What was in flight when the last connection ended soon after.
    private var unacknowledged: Set<Int64> = []
    /// When `next` may have something that it did not have at the last call.
    public private(set) var due: Instant?

    /// Nothing is known of any lane.
    public init() {}

    /// Whether some messages may be held back: then `next` must be called with all waiting ones when anything has happened.
    public var isHolding: Bool { !lanes.isEmpty }

    /// The topic for which the broker closes the connection, by lane.
    public var setAside: [Lane: String] {
        lanes.compactMapValues { if case .aside(let topic, _, _) = $0 { topic } else { nil } }
    }

    /// When the next attempt follows for a lane that is set aside.
    public func nextAttempt(for lane: Lane) -> Instant? {
        guard case .aside(_, _, let next)? = lanes[lane] else { return nil }
        return next
    }

    /// The message that is in flight alone.
    public var alone: Int64? { connection?.alone }

    /// A connection is there; nothing has been sent over it.
    public mutating func connected(at now: Instant) {
        connection = Connection(since: now)
        due = nil
    }

    /// Lanes that are set aside are tried without waiting for the end of their pause, over a connection that works.
    /// - Parameter lane: nil: all of them.
    public mutating func tryAgain(_ lane: Lane? = nil) {
        for (one, state) in lanes where lane == nil || one == lane {
            guard case .aside(let topic, _, _) = state else { continue }
            lanes[one] = .aside(topic: topic, pause: Self.initialPause, next: .boot)
        }
    }

    /// The connection has ended.
    /// - Parameters:
    ///   - isClosing: the broker may have closed it because of a message: no other reason is known.
    ///   - isWritten: whether a message had been written to the connection.
    public mutating func lost(isClosing: Bool, isWritten: (Int64) -> Bool, at now: Instant) -> [Finding] {
        guard let ended = connection else { return [] }
        (connection, due) = (nil, nil)
        guard isClosing else {
            unacknowledged = []
            return []
        }
        if let alone = ended.alone, let sent = ended.inFlight[alone] {
            unacknowledged = []
            guard isWritten(alone), now - sent.at <= Self.promptness else { return [] }
            return endedAlone(sent, isProven: works(ended, at: sent.at), at: now)
        }
        guard !ended.inFlight.isEmpty else {
            unacknowledged = []
            clearSuspicions()
            return []
        }
        let prompt = ended.inFlight.filter { now - $0.value.at <= Self.promptness }
        for (id, sent) in prompt where unacknowledged.contains(id) && lanes[sent.lane] == nil {
            lanes[sent.lane] = .suspected(topic: nil, ends: 0)
        }
        unacknowledged = Set(prompt.keys)
        return []
    }

    private mutating func endedAlone(_ sent: Sent, isProven: Bool, at now: Instant) -> [Finding] {
        switch lanes[sent.lane] {
        case .suspected(let topic, let ends):
            let before = topic == sent.topic ? ends : 0
            guard before > 0, isProven else {
                lanes[sent.lane] = .suspected(topic: sent.topic, ends: max(before, 1))
                return []
            }
            let pause = Self.initialPause
            lanes[sent.lane] = .aside(topic: sent.topic, pause: pause, next: now + pause)
            return [.setAside(sent.lane, topic: sent.topic)]
        case .aside(_, let pause, _):
            let longer = min(pause * 2, Self.maximumPause)
            lanes[sent.lane] = .aside(topic: sent.topic, pause: longer, next: now + longer)
            return [.stillClosed(sent.lane, topic: sent.topic, pause: longer)]
        case nil: return []
        }
    }

    private mutating func clearSuspicions() {
        lanes = lanes.filter { if case .aside = $0.value { true } else { false } }
    }

    /// The broker has these messages.
    public mutating func acknowledged(_ ids: [Int64], at now: Instant) -> [Finding] {
        unacknowledged.subtract(ids)
        guard var current = connection else { return [] }
        current.isProven = true
        var findings: [Finding] = []
        for id in ids {
            guard let sent = current.inFlight.removeValue(forKey: id), id == current.alone else { continue }
            (current.alone, current.isOthersTurn) = (nil, true)
            findings += passed(sent, at: now)
        }
        connection = current
        return findings
    }

    /// The connection has survived a message that was sent alone.
    private mutating func passed(_ sent: Sent, at now: Instant) -> [Finding] {
        switch lanes[sent.lane] {
        case .aside(let topic, let pause, _) where topic != sent.topic:
            // Another of its topics: the one that counts is still to come, also alone.
            lanes[sent.lane] = .aside(topic: topic, pause: pause, next: now)
            return []
        case .aside:
            lanes[sent.lane] = nil
            return [.served(sent.lane)]
        case .suspected, nil:
            lanes[sent.lane] = nil
            return []
        }
    }

    /// Which messages must be published now, in this order; they count as sent.
    /// - Parameter waiting: all that no broker has acknowledged, in their order. The new ones suffice while nothing is held back.
    public mutating func next(of waiting: [Waiting], at now: Instant) -> (ids: [Int64], findings: [Finding]) {
        due = nil
        guard var current = connection else { return ([], []) }
        var findings: [Finding] = []
        if let alone = current.alone, let sent = current.inFlight[alone] {
            guard now - sent.at > Self.promptness else {
                due = sent.at + Self.promptness + .milliseconds(1)
                return ([], [])
            }
            // It has not ended the connection: the broker is slow.
            (current.alone, current.isOthersTurn) = (nil, true)
            findings += passed(sent, at: now)
        }
        let heads = heads(of: waiting, current)
        findings += forgetEmptyLanes(waiting, current)
        let ready = heads.filter { isReady($0, current, at: now) }.min { rank($0) < rank($1) }
        let mayDrain = ready != nil && !current.isOthersTurn
        var ids: [Int64] = []
        if mayDrain, now - (current.drainsSince ?? now) <= Self.promptness {
            current.drainsSince = current.drainsSince ?? now
        } else {
            (current.isOthersTurn, current.drainsSince) = (ready == nil, nil)
            for one in waiting where lanes[one.lane] == nil && current.inFlight[one.id] == nil {
                current.inFlight[one.id] = Sent(lane: one.lane, topic: one.topic, at: now)
                ids.append(one.id)
            }
        }
        if let ready, current.inFlight.isEmpty {
            current.inFlight[ready.id] = Sent(lane: ready.lane, topic: ready.topic, at: now)
            (current.alone, current.drainsSince) = (ready.id, nil)
            ids.append(ready.id)
        }
        connection = current
        due = nextMoment(heads, current, at: now)
        return (ids, findings)
    }

    /// The first message of each lane that is suspected or set aside.
    private func heads(of waiting: [Waiting], _ current: Connection) -> [Waiting] {
        var seen: Set<Lane> = []
        return waiting.filter { one in
            lanes[one.lane] != nil && current.inFlight[one.id] == nil && seen.insert(one.lane).inserted
        }
    }

    /// Nothing of a lane waits any more: there is nothing to find out about it.
    private mutating func forgetEmptyLanes(_ waiting: [Waiting], _ current: Connection) -> [Finding] {
        let present = Set(waiting.map(\.lane)).union(current.inFlight.values.map(\.lane))
        var findings: [Finding] = []
        for (lane, state) in lanes where !present.contains(lane) {
            lanes[lane] = nil
            if case .aside = state { findings.append(.served(lane)) }
        }
        return findings
    }

    private func works(_ connection: Connection, at now: Instant) -> Bool {
        connection.isProven || now - connection.since >= Self.quiet
    }

    private func isReady(_ head: Waiting, _ current: Connection, at now: Instant) -> Bool {
        switch lanes[head.lane] {
        case .suspected(_, ends: 0): true
        case .suspected: works(current, at: now)
        case .aside(_, _, let next): works(current, at: now) && next <= now
        case nil: false
        }
    }

    /// The least suspected first, those that are set aside last.
    private func rank(_ head: Waiting) -> (Int, Int64) {
        switch lanes[head.lane] {
        case .suspected(_, let ends): (ends, head.id)
        case .aside, nil: (.max, head.id)
        }
    }

    private func nextMoment(_ heads: [Waiting], _ current: Connection, at now: Instant) -> Instant? {
        if let alone = current.alone, let sent = current.inFlight[alone] {
            return sent.at + Self.promptness + .milliseconds(1)
        }
        if let since = current.drainsSince { return since + Self.promptness + .milliseconds(1) }
        return heads.compactMap { head -> Instant? in
            let whenProven = current.isProven ? current.since : current.since + Self.quiet
            switch lanes[head.lane] {
            case .suspected(_, ends: 0): return now
            case .suspected: return max(now, whenProven)
            case .aside(_, _, let next): return max(now, whenProven, next)
            case nil: return nil
            }
        }.min()
    }
}
