import SRUP

/// What a C2 server knows at one moment, for people to look at. No value and no key is in it.
public struct C2Snapshot: Codable, Equatable, Sendable {
    /// A node that the server knows.
    public struct Node: Codable, Equatable, Sendable {
        /// Who it is.
        public var id: Identifier
        /// Where it stands.
        public var membership: C2.Standing
        /// Which lifeline it stands on.
        public var role: Role
        /// Whether it may observe.
        public var mayObserve = false
        /// When a message of it was last accepted, in milliseconds since 1970; nil: not in this run.
        public var heardMilliseconds: Int64?
    }

    /// A join that is not decided.
    public struct Join: Codable, Equatable, Sendable {
        /// Of this join alone: a device that asks anew gets another.
        public var id: String
        /// Who wants to join.
        public var device: Identifier
        /// How.
        public var manner: String
        /// Who observes it, where somebody does.
        public var observer: Identifier?
        /// Seconds until it fails by itself.
        public var secondsLeft: Int64
        /// Whether a value waits for human eyes.
        public var hasValue: Bool
    }

    /// A join that is over.
    public struct Ended: Codable, Equatable, Sendable {
        /// As it was while the join was open.
        public var id: String
        /// Who wanted to join.
        public var device: Identifier
        /// How.
        public var manner: String
        /// Who observed it, where somebody did.
        public var observer: Identifier?
        /// Seconds until it would have failed by itself: its place among the others.
        public var secondsLeft: Int64
        /// Seconds since its end.
        public var secondsAgo: Int64
        /// `accepted`, `refused` or `failed`.
        public var decision: String
        /// Why, in words.
        public var reason: String
    }

    /// The server.
    public var server: Identifier
    /// In the order of their numbers.
    public var nodes: [Node]
    /// Those before human eyes first, then by the time that they have left.
    public var joins: [Join]
    /// The joins that ended last, the newest last.
    public var ended: [Ended] = []
}

extension C2 {
    /// What this server knows now.
    /// - Parameters:
    ///   - known: the nodes whose keys it has.
    ///   - heard: when each was heard, in milliseconds since 1970.
    ///   - now: nanoseconds, on the clock that `tick` has.
    ///   - hasValue: whether the value for this device is still there to be shown.
    func snapshot(
        knowing known: some Sequence<Identifier>, heard: [Identifier: Int64], at now: Int64,
        hasValue: (Identifier) -> Bool
    ) -> C2Snapshot {
        let memory = memory
        let nodes = Set(known).union(memory.standings.keys).subtracting([own]).sorted { $0.number < $1.number }
        func left(_ deadline: Int64) -> Int64 { max(0, (deadline - now) / 1_000_000_000) }
        let byHand = moderated.map { device, join in
            C2Snapshot.Join(
                id: join.answerToken.description, device: device, manner: Manner.human.rawValue, observer: nil,
                secondsLeft: left(join.deadline), hasValue: hasValue(device))
        }
        let observed = open.map { token, join in
            C2Snapshot.Join(
                id: token.description, device: join.device, manner: Manner.observed.rawValue, observer: join.observer,
                secondsLeft: left(join.deadline), hasValue: false)
        }
        func before(_ one: C2Snapshot.Join, _ other: C2Snapshot.Join) -> Bool {
            (one.secondsLeft, one.id) < (other.secondsLeft, other.id)
        }
        return C2Snapshot(
            server: own,
            nodes: nodes.map {
                C2Snapshot.Node(
                    id: $0, membership: memory.standings[$0] ?? .known, role: role(of: $0),
                    mayObserve: mayObserve($0), heardMilliseconds: heard[$0]
                )
            },
            joins: byHand.sorted(by: before) + observed.sorted(by: before),
            ended: ended.map { one in
                C2Snapshot.Ended(
                    id: one.id, device: one.device, manner: one.manner.rawValue, observer: one.observer,
                    secondsLeft: left(one.deadline), secondsAgo: max(0, (now - one.at) / 1_000_000_000),
                    decision: one.decision.rawValue, reason: one.reason)
            })
    }

    /// The device whose open join before human eyes has this id; nil where that join is over, or another has taken its place.
    func device(ofJoin id: String) -> Identifier? {
        moderated.first { $0.value.answerToken.description == id }?.key
    }
}
