import Bench
import SRUP

// What a server must not forget across runs, as a value: `C2Store` keeps it, `C2` gives it and is made of it.
extension C2 {
    /// Where a node stands with the server.
    public enum MembershipState: String, CaseIterable, Codable, Sendable {
        /// Its key is known, or it has asked; it has not joined.
        case known
        /// Joined, and may not observe.
        case joined
        /// Joined, and may observe.
        case observer
        /// The server has ended its membership (TERMINATE_CMD, or a DEREGISTER_CMD that it has not confirmed).
        case terminated
        /// It has left.
        case resigned
        /// Out of the system: nothing of its is believed any more.
        case deregistered
    }

    /// A join that is open, as far as it may be written down: not its value, which is in memory only.
    struct Unanswered: Hashable, Sendable {
        let device: Identifier
        /// nil: before human eyes.
        let observer: Identifier?
        /// T2: what the device's answer carries.
        let answerToken: Token
    }

    /// All that outlives a run.
    struct Memory: Equatable, Sendable {
        var memberships: [Identifier: MembershipState] = [:]
        /// The sequence number of each peer.
        var numbers: [Identifier: UInt64] = [:]
        var unanswered: Set<Unanswered> = []
        /// The commands that wait for their answer, by their tokens.
        var asked: [Token: Asked] = [:]
        /// The token of the last INITIATE to each node, which ACTIVATE must carry.
        var updates: [Identifier: Token] = [:]
        /// Who may observe, and who may not although the registry's type says so.
        var given: [Identifier: Bool] = [:]
        /// How much must be known of a device's proof; nil: nobody has said it.
        var required: Grade?
        /// Of whom a sequence id was ever accepted: of others any is, as their first.
        var heard: Set<Identifier> = []
    }

    var memory: Memory {
        var memory = Memory(
            numbers: counter.numbers, unanswered: leftOpen, asked: asked, updates: updates, given: given,
            required: required, heard: counter.heard)
        memory.memberships = departed
        for node in joined { memory.memberships[node] = mayObserve(node) ? .observer : .joined }
        for node in deregistered { memory.memberships[node] = .deregistered }
        memory.unanswered.formUnion(
            open.values.map { Unanswered(device: $0.device, observer: $0.named, answerToken: $0.answerToken) })
        memory.unanswered.formUnion(
            moderated.map { Unanswered(device: $0, observer: nil, answerToken: $1.answerToken) })
        return memory
    }

    /// A server that goes on where an earlier run has ended.
    init(own: Identifier, policy: Policy, dependencies: Dependencies, memory: Memory) {
        self.init(
            own: own, policy: policy, dependencies: dependencies,
            counter: ReferenceCounter(memory.numbers, heard: memory.heard))
        given = memory.given.merging(given) { $1 }  // what this run's command line gives counts
        required = policy.requires ?? memory.required
        (leftOpen, asked, updates) = (memory.unanswered, memory.asked, memory.updates)
        for (node, membership) in memory.memberships {
            switch membership {
            case .known: break
            case .joined, .observer: joined.insert(node)
            case .terminated, .resigned: departed[node] = membership
            case .deregistered: deregistered.insert(node)
            }
        }
    }

    /// Whether a node has joined, in whichever joinMode.
    func isMember(_ node: Identifier) -> Bool { joined.contains(node) }

    /// Where a node stands.
    public func membership(of node: Identifier) -> MembershipState { memory.memberships[node] ?? .known }

    /// Answers the joins that an earlier run has left open: their values are gone, so nobody can decide on them any more.
    mutating func answerLeftOpen() -> [Effect] {
        let left = leftOpen.sorted { $0.device.number < $1.device.number }
        leftOpen = []
        return left.flatMap { join -> [Effect] in
            let reason = "it was open when this server ended: its value is gone"
            return [
                .say("the join of \(join.device) was open when this server ended: its value is gone"),
                .send(message(.response(.joinFail), join.answerToken, to: join.device), to: join.device),
                .decided(.failed, device: join.device, observer: join.observer, Grounds(reason: reason)),
            ]
        }
    }
}

extension C2.Asked.What {
    /// One word, or two: as the state's file has it.
    var name: String {
        switch self {
        case .action(let code): "action \(code)"
        case .data: "data"
        case .identity: "identity"
        case .deregister: "deregister"
        case .update: "update"
        case .activate: "activate"
        }
    }

    /// nil for what is no name of ours.
    init?(name: String) {
        let words = name.split(separator: " ")
        switch (words.first, words.count) {
        case ("action", 2):
            guard let code = UInt8(words[1]) else { return nil }
            self = .action(code)
        case ("data", 1): self = .data
        case ("identity", 1): self = .identity
        case ("deregister", 1): self = .deregister
        case ("update", 1): self = .update
        case ("activate", 1): self = .activate
        default: return nil
        }
    }
}
