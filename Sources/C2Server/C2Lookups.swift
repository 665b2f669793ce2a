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
        /// Waiting frames, in total and of one sender. Half of them are for unknown senders, one frame each: otherwise anybody who
        /// invents senders could keep the known ones' frames out.
        var frames = 1_024
        var framesEach = 8
        /// Bytes of a frame of an unknown sender: it asks to join, and such a request is short.
        var strangerBytes = 4_096
        /// How long an unknown sender waits for its look-up. It has then repeated its request, or given up.
        var strangerTimeout = Duration.seconds(180)
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
    /// The frames of known senders.
    private var waiting: [Identifier: [[UInt8]]] = [:]
    /// The newest frame of each unknown sender.
    private var strangerFrames: [Identifier: [UInt8]] = [:]
    /// The frames of unknown senders whose time was over before their look-up.
    private var dropped: [(node: Identifier, frame: [UInt8])] = []
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
    var frames: Int { framesOfKnown + strangerFrames.count }

    private var framesOfKnown: Int { waiting.values.reduce(0) { $0 + $1.count } }

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
        guard isKnown else { return takeStranger(frame, from: sender, at: now) }
        guard framesOfKnown < policy.frames - policy.frames / 2, waiting[sender, default: []].count < policy.framesEach
        else {
            return .refuse("too many frames wait for keys")
        }
        if waiting[sender] == nil { queue.insert(sender, at: 0) }
        waiting[sender, default: []].append(frame)
        return .wait
    }

    /// The newest frame replaces an earlier one: a device that asks again has given up its earlier request.
    private mutating func takeStranger(_ frame: [UInt8], from sender: Identifier, at now: Instant) -> Verdict {
        guard frame.count <= policy.strangerBytes else {
            return .refuse("\(frame.count) bytes of an unknown sender, which is too long for a request to join")
        }
        if strangerFrames[sender] == nil {
            dropStrangers(at: now)
            guard strangerFrames.count < policy.frames / 2 else { return .refuse("too many frames wait for keys") }
            strangers.append((sender, now + policy.strangerTimeout))
        }
        strangerFrames[sender] = frame
        return .wait
    }

    /// Handles a frame that its sender's key does not verify. The sender may have a new key (`srup-beacon rotate`). Forged frames cost
    /// at most the bounded number of look-ups a minute, and half of the room for known senders' frames.
    /// - Returns: whether the frame waits for the result.
    mutating func doubt(_ frame: [UInt8], from sender: Identifier, at now: Instant) -> Bool {
        guard answered[sender]?.answer == .key, framesOfKnown < policy.frames / 4,
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
            if let frame = strangerFrames.removeValue(forKey: first.node) { dropped.append((first.node, frame)) }
        }
    }

    /// The frames of unknown senders that have waited too long since the last call, the oldest first.
    mutating func takeDropped() -> [(node: Identifier, frame: [UInt8])] {
        defer { dropped = [] }
        return dropped
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
        let stranger = strangerFrames.removeValue(forKey: node).map { [$0] } ?? []
        return stranger + (waiting.removeValue(forKey: node) ?? [])
    }
}
