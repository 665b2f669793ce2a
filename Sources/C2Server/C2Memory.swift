import Bench
import SRUP

// What a server remembers across runs, as a value: `C2Store` stores it; a `C2` returns it and is created from it.
extension C2 {
    /// A node's membership of the server.
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
        /// Permanently removed from the system: none of its messages is accepted.
        case deregistered
    }

    /// An open join, as far as it may be stored: without its value, which is in memory only.
    struct Unanswered: Hashable, Sendable {
        let device: Identifier
        /// nil: in a human-moderated join.
        let observer: Identifier?
        /// T2: what the device's answer carries.
        let answerToken: Token
    }

    /// Everything that is stored across runs.
    struct Memory: Equatable, Sendable {
        var memberships: [Identifier: MembershipState] = [:]
        /// The sequence number of each peer.
        var numbers: [Identifier: UInt64] = [:]
        var unanswered: Set<Unanswered> = []
        /// The commands that wait for their answer, by their tokens.
        var asked: [Token: Asked] = [:]
        /// The token of the last INITIATE to each node, which ACTIVATE must carry.
        var updates: [Identifier: Token] = [:]
        /// The staged update that is under way, or was last.
        var staged: StagedUpdate?
        /// Who may observe, and who may not although the registry's type says so.
        var given: [Identifier: Bool] = [:]
        /// The required grade of evidence; nil: nobody has set one.
        var required: Grade?
        /// The nodes of which a sequence id was accepted before. Of all others the first id may be any.
        var heard: Set<Identifier> = []
        /// The ends of nodes' records of verdicts.
        var records: [Identifier: Record] = [:]
    }

    var memory: Memory {
        var memory = Memory(
            numbers: counter.numbers, unanswered: leftOpen, asked: asked, updates: updates, staged: staged,
            given: given,
            required: required, heard: counter.heard, records: records)
        memory.memberships = departed
        for node in joined { memory.memberships[node] = mayObserve(node) ? .observer : .joined }
        for node in deregistered { memory.memberships[node] = .deregistered }
        memory.unanswered.formUnion(
            open.values.map { Unanswered(device: $0.device, observer: $0.named, answerToken: $0.answerToken) })
        memory.unanswered.formUnion(
            moderated.map { Unanswered(device: $0, observer: nil, answerToken: $1.answerToken) })
        return memory
    }

    /// A server that continues from the end of an earlier run.
    init(own: Identifier, policy: Policy, dependencies: Dependencies, memory: Memory) {
        self.init(
            own: own, policy: policy, dependencies: dependencies,
            counter: ReferenceCounter(memory.numbers, heard: memory.heard))
        records = memory.records
        given = memory.given.merging(given) { $1 }  // this run's command line takes precedence
        required = policy.requires ?? memory.required
        (leftOpen, asked, updates, staged) = (memory.unanswered, memory.asked, memory.updates, memory.staged)
        for (node, membership) in memory.memberships {
            switch membership {
            case .known: break
            case .joined, .observer: joined.insert(node)
            case .terminated, .resigned: departed[node] = membership
            case .deregistered: deregistered.insert(node)
            }
        }
    }

    /// Whether a node has joined, in any join mode.
    func isMember(_ node: Identifier) -> Bool { joined.contains(node) }

    /// A node's membership.
    public func membership(of node: Identifier) -> MembershipState {
        if deregistered.contains(node) { return .deregistered }
        if joined.contains(node) { return mayObserve(node) ? .observer : .joined }
        return departed[node] ?? .known
    }

    /// Answers the joins that an earlier run left open. Their values are lost, so nobody can decide on them.
    mutating func answerLeftOpen() -> [Effect] {
        let left = leftOpen.sorted { $0.device.number < $1.device.number }
        leftOpen = []
        return left.flatMap { join -> [Effect] in
            let reason = "it was open when this server stopped, and its value is lost"
            return [
                .say("the join of \(join.device) was open when this server stopped, and its value is lost"),
                .send(message(.response(.joinFail), join.answerToken, to: join.device), to: join.device),
                .decided(.failed, device: join.device, observer: join.observer, Grounds(reason: reason)),
            ]
        }
    }
}

extension C2.Asked.What {
    /// One or two words, as stored in the state file.
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

    /// nil if it is not such a name.
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
