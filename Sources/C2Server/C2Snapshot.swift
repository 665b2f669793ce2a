import Bench
import BootTime
import SRUP

/// The state of a C2 server at one moment, for the console. It contains no value and no key.
public struct C2Snapshot: Sendable {
    /// An open join.
    public struct Join: Codable, Equatable, Sendable {
        /// Unique to this join: a new request of the device gets another one.
        public var id: String
        /// The device that asks to join.
        public var device: Identifier
        /// Its join mode.
        public var joinMode: C2.JoinMode
        /// The observer; nil in other join modes.
        public var observer: Identifier?
        /// The verdicts of its site's beacons; nil without a site.
        public var votes: Votes?
        /// Seconds until it fails.
        public var secondsLeft: Int64
        /// Whether there is a value to compare.
        public var hasValue: Bool
    }

    /// The verdicts of a site's beacons on one join so far.
    public struct Votes: Codable, Equatable, Sendable {
        /// The site's name.
        public var site: String
        /// How many beacons were asked.
        public var asked: Int
        /// How many of them must have seen the device.
        public var needed: Int
        /// Those that have, by a proof that the device has signed.
        public var seen: [Identifier]
        /// Those that answered otherwise.
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

    /// A beacon of a site.
    public struct Beacon: Codable, Equatable, Sendable {
        /// Its identity.
        public var id: Identifier
        /// Whether it may observe.
        public var mayObserve: Bool
        /// Whether it may, and is a member.
        public var isAsked: Bool
    }

    /// A finished join.
    public struct Ended: Codable, Equatable, Sendable {
        /// The same as while the join was open.
        public var id: String
        /// The device that asked to join.
        public var device: Identifier
        /// Its join mode.
        public var joinMode: C2.JoinMode
        /// The observer; nil in other join modes.
        public var observer: Identifier?
        /// Seconds until it would have failed: its place in the list.
        public var secondsLeft: Int64
        /// Seconds since its end.
        public var secondsAgo: Int64
        /// Its result.
        public var decision: C2.Decision
        /// Why, as text.
        public var reason: String
        /// The grade of the evidence, if an observer said *valid*.
        public var grade: C2.Grade?
    }

    /// The server.
    public var server: Identifier
    /// The nodes that it knows.
    public var fleet = C2Fleet()
    /// Whether a broker is connected.
    public var hasBroker = true
    /// Human-moderated joins first, then by the remaining time.
    public var joins: [Join]
    /// The last finished joins, the newest last.
    public var ended: [Ended] = []
    /// The required grade of evidence.
    public var requires = C2.Grade.reachable
    /// In the order of their names.
    public var sites: [Site] = []
    /// The staged update that is under way, or was last.
    public var staged: Staged?
}

extension C2 {
    /// The state of this server now, without its fleet.
    /// - Parameters:
    ///   - now: on the clock of `tick`.
    ///   - hasValue: whether the value for this device is still available.
    func snapshot(at now: Instant, hasValue: (Identifier) -> Bool) -> C2Snapshot {
        func left(_ deadline: Instant) -> Int64 { max(0, (deadline - now).wholeSeconds) }
        let byHand = moderated.map { device, join in
            C2Snapshot.Join(
                id: join.answerToken.description, device: device, joinMode: .human, observer: nil,
                secondsLeft: left(join.deadline), hasValue: hasValue(device))
        }
        // A join with a quorum has several entries in `open`. The token of the device's answer stays the same, also when observers are
        // asked again.
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
            joins: byHand.sorted(by: before) + observed.sorted(by: before),
            ended: ended.map { one in
                C2Snapshot.Ended(
                    id: one.id, device: one.device, joinMode: one.joinMode, observer: one.observer,
                    secondsLeft: left(one.deadline), secondsAgo: max(0, (now - one.at).wholeSeconds),
                    decision: one.decision, reason: one.grounds.reason, grade: one.grounds.grade)
            }, requires: requires, sites: shownSites, staged: shownStaged)
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

    /// The device of the open human-moderated join with this id; nil if that join is finished or was replaced.
    func device(ofJoin id: String) -> Identifier? {
        moderated.first { $0.value.answerToken.description == id }?.key
    }
}
