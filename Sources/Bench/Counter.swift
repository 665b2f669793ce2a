import SRUP

/// Sequence ids as in the reference (docs/protocol.md, sequence ids): **one** number per peer for both directions. Sending adds 1 to it;
/// a received id must be greater, and then replaces it. So two messages that cross are both refused, as with real servers.
public struct ReferenceCounter: Sendable {
    /// The number of each known peer.
    package private(set) var numbers: [Identifier: UInt64]
    /// Peers of which an id was accepted before.
    package private(set) var heard: Set<Identifier>

    /// Bound on the difference to the last id. Without it, one message with an id near the maximum, copied from another server's topic,
    /// would permanently lock out its sender.
    static let farthest: UInt64 = 1 << 32

    /// A counter that is 0 for all other peers.
    public init(_ numbers: [Identifier: UInt64] = [:], heard: Set<Identifier> = []) {
        (self.numbers, self.heard) = (numbers, heard)
    }

    /// Whether an id is too far above the last one. A peer's first id never is, nor one that begins at the peer's clock.
    /// - Parameter clock: in microseconds since 1970; nil: there is none.
    public func isJump(_ id: SequenceID, of peer: Identifier, clock: Int64?) -> Bool {
        let last = numbers[peer, default: 0]
        guard heard.contains(peer), id.number > last, id.number - last > ReferenceCounter.farthest else { return false }
        return clock.map { id > SequenceID.highest(atClock: $0) } ?? true
    }

    /// Whether an id is above the last one. Of a peer that was not heard before, any is.
    public func isNew(_ id: SequenceID, of peer: Identifier) -> Bool {
        heard.contains(peer) ? id > self[peer] : id > SequenceID(0)
    }

    /// Any id of this peer is new again. Our own go on where they were.
    public mutating func forget(_ peer: Identifier) { heard.remove(peer) }

    /// The number of a peer: the last id sent to it or accepted from it.
    public subscript(peer: Identifier) -> SequenceID { SequenceID(numbers[peer, default: 0]) }

    /// The id of the next message to a peer. The first one begins at the clock: an earlier run may have used others. The maximum is
    /// followed by 0, which no peer accepts: a peer that has used up the ids has locked itself out, and must not be able to crash this
    /// node.
    /// - Parameter clock: in microseconds since 1970; nil: there is none.
    public mutating func next(to peer: Identifier, clock: Int64? = nil) -> SequenceID {
        if numbers[peer] == nil, let clock, let start = SequenceID(clock: clock) { numbers[peer] = start.number }
        numbers[peer, default: 0] &+= 1
        return self[peer]
    }

    /// Accepts a received id; returns false, without a change, if it is not new.
    public mutating func accept(_ id: SequenceID, from peer: Identifier) -> Bool {
        guard isNew(id, of: peer) else { return false }
        numbers[peer] = max(self[peer], id).number
        heard.insert(peer)
        return true
    }
}
