import BootTime
import ProofLink

/// Our limits: what each one bounds, and what a larger one costs. The protocol's own constants are in SRUP and ProofLink.
public struct Policy: Equatable, Sendable {
    /// How long an observation stays open. Longer: a device has more time, a thief of a value too.
    public var observationWindow = Duration.seconds(120)
    /// Open observations in all. More: more memory for a server to fill (about 1 KiB each).
    public var observationLimit = 1024
    /// False values, in value mode, that make an observation *invalid* at once. More: more shows of values by strangers. In
    /// challenge mode their number never decides: a guess succeeds with probability 2^-128, and a limit would give strangers a
    /// veto.
    public var mismatchLimit = 3
    /// OBSERVE_REQs of one server. More: one server may keep the beacon busy, at about 2 ms each.
    public var requestRate = RateLimit(burst: 1_024, interval: .milliseconds(20))
    /// Commands of one server. More: the same.
    public var commandRate = RateLimit(burst: 128, interval: .milliseconds(200))
    /// Whether evidence is sent to the server as a DATA message before each response.
    public var reportsEvidence = false

    /// Which modes HELLO offers.
    public var modes: Modes = [.challenge, .keyed]
    /// Whether HELLO names nobody where it offers keyed mode alone: the beacon is private.
    public var hidesIdentity = false
    /// Links in all. More: more memory and descriptors for strangers to hold.
    public var linkLimit = 64
    /// Links of one peer address. More: one stranger may fill more places.
    public var linksPerPeer = 4
    /// Links that name one device and wait for its proof. More: more places for strangers who name an expected device.
    public var linksPerDevice = 8
    /// A link younger than this that has not said READY is dropped after all others: the expected device may be on it.
    /// Longer: a flood of silent strangers pushes out more of those who wait for their request.
    public var readyGrace = Duration.seconds(1)
    /// From HELLO to READY. Longer: silent strangers hold places longer.
    public var readyLimit = Duration.seconds(5)
    /// From CHALLENGE to the proof. Longer: a relay has more time.
    public var proofLimit = Duration.seconds(2)
    /// From PROOF to the last SIGN, in keyed mode: hardware may sign slowly. Longer: an unsigned proof holds its place longer.
    public var signLimit = Duration.seconds(10)
    /// From READY until the server's request must have come. Longer: waiting strangers hold places longer.
    public var holdLimit = Duration.seconds(120)
    /// The round trip above which a correct proof is *too far*; nil: no bound. It does not bound the distance.
    public var maximumRoundTrip: Duration?
    /// The signal below which a correct proof is *too far*, in dBm; nil: no bound. It does not bound the distance either.
    public var minimumSignal: Int8?

    /// The hold-off after a peer's first mismatch or malformed frame; each further one doubles it.
    public var initialHoldOff = Duration.seconds(1)
    /// The longest hold-off. Longer: a device that failed honestly waits longer.
    public var maximumHoldOff = Duration.seconds(300)
    /// Peers remembered as held off. More: more memory for someone with many addresses (about 100 bytes each).
    public var heldOffPeers = 4096

    /// How long an unanswered JOIN_REQ waits for the next one at first; each further one doubles it.
    public var initialJoinRetry = Duration.seconds(30)
    /// The longest time between two JOIN_REQs. Longer: a beacon reconnects later after a server's outage.
    public var maximumJoinRetry = Duration.seconds(600)

    /// How long a value of ours is shown before we ask again. Longer: a person has more time, but so has a thief of the value.
    public var presentingLimit = Duration.seconds(600)

    /// The default limits (docs/protocol.md, docs/proof-link.md).
    public init() {}
}

/// Hold-offs of peers that presented something false: growing, forgotten after a quiet time, bounded in number.
struct HoldOffs {
    private struct Entry {
        var count = 0
        var until: Instant
        var forgottenAt: Instant
    }

    private var entries: [String: Entry] = [:]

    /// Whether a peer is held off at a moment.
    func holds(_ address: String, at now: Instant) -> Bool { (entries[address]?.until).map { now < $0 } ?? false }

    /// What a peer presented was no fault of its own.
    mutating func forgive(_ address: String) { entries[address] = nil }

    /// Holds a peer off: twice as long as the last time, unless that is forgotten.
    mutating func add(_ address: String, at now: Instant, _ policy: Policy) {
        var entry = entries[address] ?? Entry(until: now, forgottenAt: now)
        if entry.forgottenAt <= now { entry.count = 0 }
        let doublings = min(entry.count, 20)
        let delay = min(policy.initialHoldOff * (1 << doublings), policy.maximumHoldOff)
        entry.count += 1
        entry.until = now + delay
        entry.forgottenAt = entry.until + policy.maximumHoldOff
        if entries[address] == nil, entries.count >= policy.heldOffPeers { makeRoom(at: now, policy) }
        entries[address] = entry
    }

    private mutating func makeRoom(at now: Instant, _ policy: Policy) {
        entries = entries.filter { now < $0.value.forgottenAt }
        guard entries.count >= policy.heldOffPeers else { return }
        let oldest = entries.min { $0.value.forgottenAt < $1.value.forgottenAt }
        if let oldest { entries[oldest.key] = nil }
    }
}
