import BootTime
import SRUP

/// Which keys to ask the registry for, when, and which frames wait for them: as a value, without the requests themselves.
///
/// A frame that claims an unknown sender costs its sender nothing, so everything here is bounded. A key from the registry is requested
/// again after some time, because its device may have been revoked.
struct C2Lookups {
    /// The bounds.
    struct Policy: Sendable {
        /// Look-ups of unknown nodes in a minute; others wait. Without this bound, invented senders could flood the registry.
        var perMinute = C2Server.strangersPerMinute
        /// Look-ups at the same time.
        var inFlight = 2
        /// Waiting frames, in total and of one sender.
        var frames = 1_024
        var framesEach = 8
        /// Bytes of a frame of an unknown sender: it asks to join, and such a request is short.
        var strangerBytes = 4_096
        /// How long an unknown sender waits for its look-up. It has then repeated its request, or given up.
        var patience = Duration.seconds(180)
        /// How long a result is used: a key, "no such node", and no answer.
        var keyCounts = Duration.seconds(600)
        var noneCounts = Duration.seconds(60)
        var silenceCounts = Duration.seconds(10)
        /// Nodes of which a result is remembered.
        var remembered = 10_000
    }

    /// What happens to a frame.
    enum Verdict: Equatable {
        /// It is handled now, with the known keys.
        case serve
        /// It waits for its sender's key.
        case wait
        /// Its sender's key is not available now; the reason.
        case refuse(String)
    }

    /// The registry's result for a node.
    enum Answer: Equatable {
        case key, none, silence
    }

    private let policy: Policy
    /// The last result for a node, and until when it is used.
    private var answered: [Identifier: (answer: Answer, until: Instant)] = [:]
    private var waiting: [Identifier: [[UInt8]]] = [:]
    /// The nodes to look up: known ones.
    private var queue: [Identifier] = []
    /// Unknown ones, the oldest first, and until when they wait.
    private var strangers: [(node: Identifier, until: Instant)] = []
    private var asking: Set<Identifier> = []
    /// The look-ups of unknown nodes in the last minute.
    private var asked: [Instant] = []
    /// The repeated look-ups in the last minute, for keys that did not verify a frame.
    private var doubted: [Instant] = []

    init(_ policy: Policy = Policy()) { self.policy = policy }

    /// Number of waiting frames.
    var frames: Int { waiting.values.reduce(0) { $0 + $1.count } }

    /// Handles a frame of a sender whose key is not in the keyring.
    /// - Parameter isKnown: whether the registry returned its key before.
    mutating func take(_ frame: [UInt8], from sender: Identifier, isKnown: Bool, at now: Instant) -> Verdict {
        // Also while other frames of this sender wait in `doubt`: forged frames must not block the real sender.
        if let last = answered[sender], last.until > now {
            switch last.answer {
            case .key: return .serve
            case .silence where isKnown: return .serve
            case .silence: return .refuse("the registry cannot be reached for its key now")
            case .none: return .refuse("the registry has no key of this node")
            }
        }
        guard isKnown || frame.count <= policy.strangerBytes else {
            return .refuse("\(frame.count) bytes of an unknown sender, which is too long for a request to join")
        }
        guard frames < policy.frames, waiting[sender, default: []].count < policy.framesEach else {
            return .refuse("too many frames wait for keys")
        }
        if waiting[sender] == nil {
            if isKnown { queue.insert(sender, at: 0) } else { strangers.append((sender, now + policy.patience)) }
        }
        waiting[sender, default: []].append(frame)
        return .wait
    }

    /// Handles a frame that its sender's key does not verify. The sender may have a new key (`srup-beacon rotate`). Forged frames cost
    /// at most the bounded number of look-ups a minute, and half of the room for waiting frames.
    /// - Returns: whether the frame waits for the result.
    mutating func doubt(_ frame: [UInt8], from sender: Identifier, at now: Instant) -> Bool {
        guard answered[sender]?.answer == .key, frames < policy.frames / 2,
            waiting[sender, default: []].count < policy.framesEach
        else { return false }
        if waiting[sender] == nil {
            doubted.removeAll { $0 <= now - .seconds(60) }
            guard doubted.count < policy.perMinute else { return false }
            doubted.append(now)
            queue.append(sender)
        }
        waiting[sender, default: []].append(frame)
        return true
    }

    /// The node to look up now, if any. Known nodes do not wait behind unknown ones.
    mutating func next(at now: Instant) -> Identifier? {
        guard asking.count < policy.inFlight else { return nil }
        let node: Identifier
        if !queue.isEmpty {
            node = queue.removeFirst()
        } else {
            dropStrangers(at: now)
            asked.removeAll { $0 <= now - .seconds(60) }
            guard !strangers.isEmpty, asked.count < policy.perMinute else { return nil }
            node = strangers.removeFirst().node
            asked.append(now)
        }
        asking.insert(node)
        return node
    }

    /// When `next` may have an unknown node that waits for the limit.
    var due: Instant? {
        guard !strangers.isEmpty, asking.count < policy.inFlight, asked.count >= policy.perMinute else { return nil }
        return asked.first.map { $0 + .seconds(60) }
    }

    private mutating func dropStrangers(at now: Instant) {
        while let first = strangers.first, first.until <= now {
            strangers.removeFirst()
            waiting[first.node] = nil
        }
    }

    /// Handles a result.
    /// - Returns: the frames that waited for it, in order. They must not be passed to `take` again.
    mutating func answer(_ node: Identifier, _ answer: Answer, at now: Instant) -> [[UInt8]] {
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
