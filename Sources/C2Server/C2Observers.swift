import BootTime
import SRUP

// Who may observe. An observer vouches for devices, so the right is given explicitly, and no node has it by default.
extension C2 {
    /// The reason of a join that ended without an answer.
    static let askedAgain = "the device has asked again"

    /// Gives a node the right to observe, or withdraws it; then its open observations fail.
    mutating func setObserver(_ node: Identifier, _ may: Bool) -> [Effect] {
        guard node != own else { return [.say("\(node) is this server")] }
        guard !deregistered.contains(node) else { return [.say("\(node) is permanently deregistered")] }
        given[node] = may
        let text = "\(node) \(may ? "may observe from now on" : "may no longer observe")"
        return [.say(text)] + (may ? [] : endObserving(of: node, "its observer may no longer observe"))
    }

    /// The server no longer waits for a node's verdicts: the observations that it was asked for fail.
    mutating func endObserving(of node: Identifier, _ reason: String) -> [Effect] {
        open.filter { $0.value.observer == node }.sorted { $0.value.deadline < $1.value.deadline }
            .flatMap { settle(.failed, $0.key, $0.value, reason) }
    }

    /// A device has left: its open join fails, also one with a quorum.
    mutating func endJoin(of device: Identifier, _ reason: String) -> [Effect] {
        open.first { $0.value.device == device }.map { decide(.failed, $0.key, $0.value, reason) } ?? []
    }
}

// The finished joins, for the console's result pages.
extension C2 {
    /// A finished join.
    public struct Ended: Equatable, Sendable {
        /// As `C2Snapshot.Join.id`.
        public let id: String
        /// The device that asked to join.
        public let device: Identifier
        /// Its join mode.
        public let joinMode: JoinMode
        /// The observer; nil in other join modes.
        public let observer: Identifier?
        /// When it would have failed, on the clock of `tick`.
        public let deadline: Instant
        /// Its result.
        public let decision: Decision
        /// The reasons for the decision.
        public let grounds: Grounds
        /// When it ended, on the same clock.
        public internal(set) var at = Instant.boot

        init(_ join: Join, _ decision: Decision, _ grounds: Grounds) {
            (id, device, joinMode) = (join.answerToken.description, join.device, .observed)
            (observer, deadline, self.decision, self.grounds) = (join.named, join.deadline, decision, grounds)
        }

        init(_ device: Identifier, _ join: Moderated, _ decision: Decision, _ grounds: Grounds) {
            (id, self.device, joinMode) = (join.answerToken.description, device, .human)
            (observer, deadline, self.decision, self.grounds) = (nil, join.deadline, decision, grounds)
        }
    }

    /// Bound on the finished joins that are remembered.
    static let mostEnded = 256

    mutating func note(_ one: Ended) {
        var one = one
        one.at = now
        ended = ended.suffix(C2.mostEnded - 1) + [one]
    }
}
