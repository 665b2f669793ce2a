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

    /// Whether an id is too far above the last one. A peer's first id never is.
    public func isJump(_ id: SequenceID, of peer: Identifier) -> Bool {
        let last = numbers[peer, default: 0]
        return heard.contains(peer) && id.number > last && id.number - last > ReferenceCounter.farthest
    }

    /// The number of a peer: the last id sent to it or accepted from it.
    public subscript(peer: Identifier) -> SequenceID { SequenceID(numbers[peer, default: 0]) }

    /// The id of the next message to a peer. The maximum is followed by 0, which no peer accepts: a peer that has used up the ids has
    /// locked itself out, and must not be able to crash this node.
    public mutating func next(to peer: Identifier) -> SequenceID {
        numbers[peer, default: 0] &+= 1
        return self[peer]
    }

    /// Accepts a received id; returns false, without a change, if it is not greater.
    public mutating func accept(_ id: SequenceID, from peer: Identifier) -> Bool {
        guard id > self[peer] else { return false }
        numbers[peer] = id.number
        heard.insert(peer)
        return true
    }
}
