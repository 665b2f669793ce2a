import SRUP

/// Which keys are asked for at the registry, when, and which frames wait for them: as a value, without the asking.
///
/// A frame that claims an unknown sender costs whoever sends it nothing, so everything here is bounded. A key that the
/// registry has given is asked for again after a while, since its device may have been revoked.
struct C2Lookups {
    /// The bounds.
    struct Policy: Sendable {
        /// Questions about strangers in a minute. Without it, made-up senders would be a storm on the registry.
        var perMinute = 60
        /// Questions at a time.
        var inFlight = 2
        /// Frames that wait, in all and of one sender.
        var frames = 256
        var framesEach = 8
        /// Nanoseconds for which an answer counts: a key, «no such node», and none at all.
        var keyCounts: Int64 = 600_000_000_000
        var noneCounts: Int64 = 60_000_000_000
        var silenceCounts: Int64 = 10_000_000_000
        /// Nodes of which an answer is remembered.
        var remembered = 10_000
    }

    /// What becomes of a frame.
    enum Verdict: Equatable {
        /// It is handled now, with the keys that are there.
        case serve
        /// It waits for its sender's key.
        case wait
        /// Its sender's key will not be had now: in words.
        case refuse(String)
    }

    /// What the registry has said about a node.
    enum Answer: Equatable {
        case key, none, silence
    }

    private let policy: Policy
    /// Until when the last answer on a node counts.
    private var answered: [Identifier: (answer: Answer, until: Int64)] = [:]
    private var waiting: [Identifier: [[UInt8]]] = [:]
    private var queue: [Identifier] = []
    private var asking: Set<Identifier> = []
    /// When strangers were asked about, within the last minute.
    private var asked: [Int64] = []
    /// When keys that did not verify a frame were asked for again, within the last minute.
    private var doubted: [Int64] = []

    init(_ policy: Policy = Policy()) { self.policy = policy }

    /// Frames that wait.
    var frames: Int { waiting.values.reduce(0) { $0 + $1.count } }

    /// Takes a frame of a sender whose key is not in the keyring.
    /// - Parameter isKnown: whether the registry has given its key before.
    mutating func take(_ frame: [UInt8], from sender: Identifier, isKnown: Bool, at now: Int64) -> Verdict {
        // Also while others of its sender's wait because they were doubted: who makes those up shuts nobody out.
        if let last = answered[sender], last.until > now {
            switch last.answer {
            case .key: return .serve
            case .silence where isKnown: return .serve
            case .silence: return .refuse("the registry cannot be asked for its key now")
            case .none: return .refuse("the registry has no key of it")
            }
        }
        if waiting[sender] == nil, !isKnown {
            asked.removeAll { $0 <= now - 60_000_000_000 }
            guard asked.count < policy.perMinute else { return .refuse("too many unknown senders at a time") }
        }
        guard frames < policy.frames, waiting[sender, default: []].count < policy.framesEach else {
            return .refuse("too many frames wait for keys")
        }
        if waiting[sender] == nil {
            // Members do not wait behind strangers.
            if isKnown { queue.insert(sender, at: 0) } else { queue.append(sender) }
            if !isKnown { asked.append(now) }
        }
        waiting[sender, default: []].append(frame)
        return .wait
    }

    /// Takes a frame that its sender's key does not verify. The sender may have another one by now (`srup-beacon rotate`), and whoever
    /// has made the frame up costs us so many questions a minute, and half of the room at most.
    /// - Returns: whether it waits for the answer.
    mutating func doubt(_ frame: [UInt8], from sender: Identifier, at now: Int64) -> Bool {
        guard answered[sender]?.answer == .key, frames < policy.frames / 2,
            waiting[sender, default: []].count < policy.framesEach
        else { return false }
        if waiting[sender] == nil {
            doubted.removeAll { $0 <= now - 60_000_000_000 }
            guard doubted.count < policy.perMinute else { return false }
            doubted.append(now)
            queue.append(sender)
        }
        waiting[sender, default: []].append(frame)
        return true
    }

    /// Whom to ask about now, if anybody.
    mutating func next() -> Identifier? {
        guard asking.count < policy.inFlight, !queue.isEmpty else { return nil }
        let node = queue.removeFirst()
        asking.insert(node)
        return node
    }

    /// The registry has answered.
    /// - Returns: the frames that have waited for it, in their order. Each is to be given to `take` no more.
    mutating func answer(_ node: Identifier, _ answer: Answer, at now: Int64) -> [[UInt8]] {
        asking.remove(node)
        let counts =
            switch answer {
            case .key: policy.keyCounts
            case .none: policy.noneCounts
            case .silence: policy.silenceCounts
            }
        if answered[node] == nil, answered.count >= policy.remembered {
            answered = answered.filter { $0.value.until > now }
        }
        if answered[node] != nil || answered.count < policy.remembered { answered[node] = (answer, now + counts) }
        return waiting.removeValue(forKey: node) ?? []
    }
}
