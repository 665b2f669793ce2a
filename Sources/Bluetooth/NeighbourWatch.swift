import BootTime
import ProofLink
import SRUP

/// Whether a beacon hears the neighbours that its operator has named, as a value: no socket, no clock. An advertisement is not proven, so
/// what is heard raises or ends a warning, and decides nothing.
public struct NeighbourWatch: Sendable {
    /// What is known of a neighbour.
    public struct Neighbour: Equatable, Sendable {
        /// When it was last heard; nil: not since the beacon listens.
        public internal(set) var lastHeard: Instant?
        /// The same by each of our adapters that has heard it.
        public internal(set) var byAdapter: [BluetoothAddress: Instant] = [:]
        /// The signal strength in dBm of the last time; nil: unknown.
        public internal(set) var signal: Int8?
        /// How many of its own neighbours it hears, as it says; nil: it does not tell.
        public internal(set) var hearing: Hearing?
        /// Since when it can have been heard.
        var since: Instant
        /// How many times we have listened since then in vain.
        var silentScans = 0
        var isMissed = false
        var isDeaf = false
    }

    /// A change that the operator is told of.
    public enum Notice: Equatable, Sendable {
        /// A neighbour is no longer heard, or has never been, for the limit.
        case notHeard(Identifier)
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case heardAgain(Identifier)
        /// A neighbour says that it hears none of its own neighbours.
        case doesNotHear(Identifier)
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case hearsAgain(Identifier)
        /// None of them is heard, and there are at least two.
        case deaf
        /// After that, one is heard.
        case noLongerDeaf
    }

    /// Fewer scans in vain than this say nothing: the machine may have slept, or its adapters may have been away.
    static let leastScans = 3
    /// Our adapters for which it is kept when each was heard: they come and go.
    static let rememberedAdapters = 16

    /// How long a neighbour may be silent.
    public let limit: Duration
    /// By identity.
    public private(set) var neighbours: [Identifier: Neighbour]
    private var saysDeaf = false

    /// - Parameters:
    ///   - named: the identities of the neighbours, at least one.
    ///   - limit: how long one may be silent before it is reported.
    public init(_ named: [Identifier], limit: Duration, at now: Instant) {
        precondition(!named.isEmpty, "a watch needs a neighbour")
        self.limit = limit
        neighbours = Dictionary(named.map { ($0, Neighbour(since: now)) }, uniquingKeysWith: { first, _ in first })
    }

    /// An advertisement was received by one of our adapters. What is not a named neighbour's is ignored.
    /// - Parameter signal: in dBm; nil: unknown.
    /// - Returns: what the operator is told.
    public mutating func heard(
        _ announcement: Announcement, signal: Int8?, by adapter: BluetoothAddress, at now: Instant
    ) -> [Notice] {
        guard let identity = announcement.beacon, var neighbour = neighbours[identity] else { return [] }
        let notices: [Notice] = neighbour.isMissed ? [.heardAgain(identity)] : []
        (neighbour.lastHeard, neighbour.since, neighbour.silentScans) = (now, now, 0)
        (neighbour.signal, neighbour.hearing, neighbour.isMissed) = (signal, announcement.hearing, false)
        neighbour.byAdapter[adapter] = now
        if neighbour.byAdapter.count > NeighbourWatch.rememberedAdapters,
            let oldest = neighbour.byAdapter.min(by: { $0.value < $1.value })
        {
            neighbour.byAdapter[oldest.key] = nil
        }
        neighbours[identity] = neighbour
        return notices + deafness()
    }

    /// One scan has ended, with at least one adapter.
    /// - Returns: what the operator is told.
    public mutating func listened(at now: Instant) -> [Notice] {
        var notices: [Notice] = []
        for identity in neighbours.keys.sorted(by: { $0.number < $1.number }) {
            guard var neighbour = neighbours[identity] else { continue }
            neighbour.silentScans += 1
            let isMissed = neighbour.since + limit <= now && neighbour.silentScans >= NeighbourWatch.leastScans
            if isMissed, !neighbour.isMissed { notices.append(.notHeard(identity)) }
            // What it said about its own hearing is out of date.
            if isMissed { (neighbour.isMissed, neighbour.isDeaf, neighbour.hearing) = (true, false, nil) }
            // Once in a scan: advertisements in turn that say one thing and the other do not fill the log.
            let saysNone = neighbour.hearing?.isNone == true
            if !isMissed, saysNone != neighbour.isDeaf {
                notices.append(saysNone ? .doesNotHear(identity) : .hearsAgain(identity))
                neighbour.isDeaf = saysNone
            }
            neighbours[identity] = neighbour
        }
        return notices + deafness()
    }

    /// Whether a neighbour counts as heard: it has been within the limit, or the limit has not passed since the start.
    public func isHeard(_ identity: Identifier) -> Bool { neighbours[identity].map { !$0.isMissed } ?? false }

    /// None of the neighbours is heard: this beacon's own radio may be deaf. With a single one, it may as well be the neighbour that does
    /// not send.
    public var isDeaf: Bool { neighbours.count > 1 && neighbours.values.allSatisfy(\.isMissed) }

    /// What the advertisement says.
    public var hearing: Hearing? {
        Hearing(
            named: UInt8(clamping: neighbours.count), heard: UInt8(clamping: neighbours.values.count { !$0.isMissed }))
    }

    private mutating func deafness() -> [Notice] {
        guard isDeaf != saysDeaf else { return [] }
        saysDeaf = isDeaf
        return [isDeaf ? .deaf : .noLongerDeaf]
    }
}
