import SRUP

// Who may observe: an observer vouches for devices, so the right is given explicitly, and no node has it by default.
extension C2 {
    /// Why an earlier join has ended without an answer.
    static let askedAgain = "the device has asked again"

    /// Gives a node the right to observe, or takes it: its open observations fail then.
    mutating func setObserver(_ node: Identifier, _ may: Bool) -> [Effect] {
        guard node != own else { return [.say("\(node) is this server")] }
        guard !deregistered.contains(node) else { return [.say("\(node) is out of the system")] }
        given[node] = may
        let text = "\(node) \(may ? "may observe from now on" : "may not observe any more")"
        return [.say(text)] + (may ? [] : endObserving(of: node, "its observer may not observe any more"))
    }

    /// A node's word is not waited for any more: the observations that it was asked for have failed.
    mutating func endObserving(of node: Identifier, _ reason: String) -> [Effect] {
        open.filter { $0.value.observer == node }.sorted { $0.value.deadline < $1.value.deadline }
            .flatMap { settle(.failed, $0.key, $0.value, reason) }
    }

    /// A device has left: its open join has failed, however many were asked about it.
    mutating func endJoin(of device: Identifier, _ reason: String) -> [Effect] {
        open.first { $0.value.device == device }.map { decide(.failed, $0.key, $0.value, reason) } ?? []
    }
}

// The joins that have ended, for the console's result pages.
extension C2 {
    /// A join that is over.
    public struct Ended: Equatable, Sendable {
        /// What the console calls it: as `C2Snapshot.Join.id`.
        public let id: String
        /// Who wanted to join.
        public let device: Identifier
        /// How.
        public let joinMode: JoinMode
        /// Who observed it, where somebody did.
        public let observer: Identifier?
        /// When it would have failed by itself, on the clock that `tick` has.
        public let deadline: Int64
        /// What became of it.
        public let decision: Decision
        /// On what.
        public let grounds: Grounds
        /// When it ended, on the same clock.
        public internal(set) var at: Int64 = 0

        init(_ join: Join, _ decision: Decision, _ grounds: Grounds) {
            (id, device, joinMode) = (join.answerToken.description, join.device, .observed)
            (observer, deadline, self.decision, self.grounds) = (join.named, join.deadline, decision, grounds)
        }

        init(_ device: Identifier, _ join: Moderated, _ decision: Decision, _ grounds: Grounds) {
            (id, self.device, joinMode) = (join.answerToken.description, device, .human)
            (observer, deadline, self.decision, self.grounds) = (nil, join.deadline, decision, grounds)
        }
    }

    /// Joins that are remembered after their end.
    static let mostEnded = 256

    mutating func note(_ one: Ended) {
        var one = one
        one.at = now
        ended = ended.suffix(C2.mostEnded - 1) + [one]
    }
}
