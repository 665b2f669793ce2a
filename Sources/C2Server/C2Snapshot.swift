import Bench
import SRUP

/// What a C2 server knows at one moment, for people to look at. No value and no key is in it.
public struct C2Snapshot: Codable, Equatable, Sendable {
    /// A node that the server knows.
    public struct Node: Codable, Equatable, Sendable {
        /// Who it is.
        public var id: Identifier
        /// Where it stands.
        public var membership: C2.MembershipState
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
        public var joinMode: C2.JoinMode
        /// Who observes it, where somebody does.
        public var observer: Identifier?
        /// What the beacons of its site have said, where several were asked.
        public var votes: Votes?
        /// Seconds until it fails by itself.
        public var secondsLeft: Int64
        /// Whether a value waits for human eyes.
        public var hasValue: Bool
    }

    /// What several beacons have said of one join so far.
    public struct Votes: Codable, Equatable, Sendable {
        /// The site's name.
        public var site: String
        /// How many beacons were asked.
        public var asked: Int
        /// How many of them must have seen the device.
        public var needed: Int
        /// Who has, by a proof that the device has signed.
        public var seen: [Identifier]
        /// Who has answered otherwise.
        public var unseen: [Identifier]

        /// `1 of 3 beacons have seen it, 2 must`.
        public var description: String { "\(seen.count) of \(asked) beacons have seen it, \(needed) must" }
    }

    /// Beacons that observe together.
    public struct Site: Codable, Equatable, Sendable {
        /// Its name.
        public var name: String
        /// How many of its beacons must have seen a device.
        public var quorum: Int
        /// In the order of the command line.
        public var beacons: [Beacon]
    }

    /// One of them.
    public struct Beacon: Codable, Equatable, Sendable {
        /// Who it is.
        public var id: Identifier
        /// Whether it may observe.
        public var mayObserve: Bool
        /// Whether it may, and has joined.
        public var isAsked: Bool
    }

    /// A join that is over.
    public struct Ended: Codable, Equatable, Sendable {
        /// As it was while the join was open.
        public var id: String
        /// Who wanted to join.
        public var device: Identifier
        /// How.
        public var joinMode: C2.JoinMode
        /// Who observed it, where somebody did.
        public var observer: Identifier?
        /// Seconds until it would have failed by itself: its place among the others.
        public var secondsLeft: Int64
        /// Seconds since its end.
        public var secondsAgo: Int64
        /// What became of it.
        public var decision: C2.Decision
        /// Why, in words.
        public var reason: String
        /// How much the evidence shows, where an observer has said *valid*.
        public var grade: C2.Grade?
    }

    /// The server.
    public var server: Identifier
    /// In the order of their numbers.
    public var nodes: [Node]
    /// Those before human eyes first, then by the time that they have left.
    public var joins: [Join]
    /// The joins that ended last, the newest last.
    public var ended: [Ended] = []
    /// How much must be known of a device's proof.
    public var requires = C2.Grade.reachable
    /// In the order of their names.
    public var sites: [Site] = []
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
        let nodes = Set(known).union(memory.memberships.keys).subtracting([own]).sorted { $0.number < $1.number }
        func left(_ deadline: Int64) -> Int64 { max(0, (deadline - now) / 1_000_000_000) }
        let byHand = moderated.map { device, join in
            C2Snapshot.Join(
                id: join.answerToken.description, device: device, joinMode: .human, observer: nil,
                secondsLeft: left(join.deadline), hasValue: hasValue(device))
        }
        // One that several beacons were asked about stands in `open` several times. What the device's answer carries stays the
        // same, however often observers are asked.
        let open = Dictionary(open.values.map { ($0.answerToken.description, $0) }) { one, _ in one }
        let observed = open.map { id, join in
            C2Snapshot.Join(
                id: id, device: join.device, joinMode: .observed, observer: join.named,
                votes: shown(votes[join.answerToken], join), secondsLeft: left(join.deadline), hasValue: false)
        }
        func before(_ one: C2Snapshot.Join, _ other: C2Snapshot.Join) -> Bool {
            (one.secondsLeft, one.id) < (other.secondsLeft, other.id)
        }
        return C2Snapshot(
            server: own,
            nodes: nodes.map {
                C2Snapshot.Node(
                    id: $0, membership: memory.memberships[$0] ?? .known, role: role(of: $0),
                    mayObserve: mayObserve($0), heardMilliseconds: heard[$0]
                )
            },
            joins: byHand.sorted(by: before) + observed.sorted(by: before),
            ended: ended.map { one in
                C2Snapshot.Ended(
                    id: one.id, device: one.device, joinMode: one.joinMode, observer: one.observer,
                    secondsLeft: left(one.deadline), secondsAgo: max(0, (now - one.at) / 1_000_000_000),
                    decision: one.decision, reason: one.grounds.reason, grade: one.grounds.grade)
            }, requires: requires, sites: shownSites)
    }

    private func shown(_ votes: Votes?, _ join: Join) -> C2Snapshot.Votes? {
        guard join.isOfQuorum, let votes else { return nil }
        let site = policy.sites.first { $0.value.beacons.contains(join.named) }?.key ?? ""
        func sorted(_ nodes: Set<Identifier>) -> [Identifier] { nodes.sorted { $0.number < $1.number } }
        return C2Snapshot.Votes(
            site: site, asked: votes.asked, needed: votes.needed, seen: sorted(votes.valid),
            unseen: sorted(votes.others))
    }

    private var shownSites: [C2Snapshot.Site] {
        policy.sites.sorted { $0.key < $1.key }.map { name, site in
            let beacons = site.beacons.map {
                C2Snapshot.Beacon(id: $0, mayObserve: mayObserve($0), isAsked: mayObserve($0) && joined.contains($0))
            }
            return C2Snapshot.Site(name: name, quorum: site.quorum, beacons: beacons)
        }
    }

    /// The device whose open join before human eyes has this id; nil where that join is over, or another has taken its place.
    func device(ofJoin id: String) -> Identifier? {
        moderated.first { $0.value.answerToken.description == id }?.key
    }
}
