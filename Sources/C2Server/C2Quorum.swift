import SRUP

// More than one beacon for one join, so that one captured beacon is not sufficient (docs/proof-link.md, "Quorum"). All beacons of the
// site are asked at the same time, each under its own token and with the same value sealed to it. Each of them knows the value and could
// answer a challenge in the device's place, so only proofs that the device has signed for that beacon count.
extension C2 {
    /// Beacons that observe together.
    public struct Site: Equatable, Sendable {
        /// Their identities.
        public var beacons: [Identifier]
        /// How many of them must have seen the device.
        public var quorum: Int

        /// A site.
        /// - Precondition: the quorum is 1 to the number of beacons.
        public init(beacons: [Identifier], quorum: Int) {
            precondition((1...beacons.count).contains(quorum), "\(quorum) of \(beacons.count) beacons")
            (self.beacons, self.quorum) = (beacons, quorum)
        }
    }

    /// The verdicts of a site's beacons on one join, which is identified by the token of the device's answer.
    struct Votes: Equatable, Sendable {
        let needed: Int
        let asked: Int
        var valid: Set<Identifier> = []
        var others: Set<Identifier> = []

        var isReached: Bool { valid.count >= needed }
        var isOutOfReach: Bool { asked - others.count < needed }
        var description: String { "\(valid.count) of \(asked) beacons have seen it, \(needed) must" }
    }

    /// The site that a beacon belongs to.
    func site(of beacon: Identifier) -> Site? { policy.sites.values.first { $0.beacons.contains(beacon) } }

    /// The beacons to ask for a join by this observer: the members of its site, or the observer alone.
    func observers(for observer: Identifier) -> (asked: [Identifier], quorum: Int) {
        guard let site = site(of: observer) else { return ([observer], 1) }
        return (site.beacons.filter { mayObserve($0) && joined.contains($0) }, site.quorum)
    }

    /// Tells those of a site's beacons, or the observer alone, that may observe and are not members.
    mutating func remindSite(of observer: Identifier) -> [Effect] {
        (site(of: observer)?.beacons ?? [observer]).filter { mayObserve($0) }.flatMap { remind($0) }
    }

    /// Handles the result of one observer: without a site it decides, in a site it is one vote.
    /// - Parameter grade: of the evidence, if the observer said *valid*.
    mutating func settle(
        _ decision: Decision, _ token: Token, _ join: Join, _ reason: String, grade: Grade? = nil
    ) -> [Effect] {
        guard join.isOfQuorum, var votes = votes[join.answerToken] else {
            return decide(decision, token, join, reason, grade: grade)
        }
        endWaiting(token)
        if decision == .accepted { votes.valid.insert(join.observer) } else { votes.others.insert(join.observer) }
        self.votes[join.answerToken] = votes
        let said = Effect.say("\(join.device): \(votes.description)")
        if votes.isReached {
            return [said] + decide(.accepted, token, join, "\(votes.description): \(reason)", grade: .keyed)
        }
        if votes.isOutOfReach { return [said] + decide(.refused, token, join, "\(votes.description): \(reason)") }
        return [said]
    }

    /// A join is decided: the server no longer waits for the other beacons of its site.
    mutating func close(_ join: Join) {
        guard join.isOfQuorum else { return }
        votes[join.answerToken] = nil
        for (token, other) in open where other.answerToken == join.answerToken {
            open[token] = nil
            late = late.suffix(C2.mostLate - 1) + [token]
        }
    }

    /// Bound on the tokens of late verdicts that are remembered.
    private static let mostLate = 1_024
}
