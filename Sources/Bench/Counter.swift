import SRUP

/// Sequence ids as the reference keeps them (docs/protocol.md, sequence ids): **one** number per peer for both
/// directions. Sending adds 1 to it; a received id must be greater than it, and then replaces it. So two messages that
/// cross are both refused, which is what a beacon in the field has to live with.
public struct ReferenceCounter: Sendable {
    /// The number of each peer that has one.
    package private(set) var numbers: [Identifier: UInt64]
    /// Of whom an id was ever accepted.
    package private(set) var heard: Set<Identifier>

    /// How far above the last one an id may be. Without a bound, one message with an id near the greatest, which somebody copies
    /// from another server's topic, would shut its sender out permanently.
    static let farthest: UInt64 = 1 << 32

    /// A counter that is 0 for every peer that is not named here.
    public init(_ numbers: [Identifier: UInt64] = [:], heard: Set<Identifier> = []) {
        (self.numbers, self.heard) = (numbers, heard)
    }

    /// Whether an id is too far above the last one. Never the first one of a peer: nothing is known of it.
    public func isJump(_ id: SequenceID, of peer: Identifier) -> Bool {
        let last = numbers[peer, default: 0]
        return heard.contains(peer) && id.number > last && id.number - last > ReferenceCounter.farthest
    }

    /// The number of a peer: the last id sent to it or accepted from it.
    public subscript(peer: Identifier) -> SequenceID { SequenceID(numbers[peer, default: 0]) }

    /// The id of the next message to a peer. After the greatest number comes 0, which no peer accepts: a peer that used
    /// it up has shut itself out, and must not be able to stop us.
    public mutating func next(to peer: Identifier) -> SequenceID {
        numbers[peer, default: 0] &+= 1
        return self[peer]
    }

    /// Takes a received id; false, and nothing has changed, where it is not greater.
    public mutating func accept(_ id: SequenceID, from peer: Identifier) -> Bool {
        guard id > self[peer] else { return false }
        numbers[peer] = id.number
        heard.insert(peer)
        return true
    }
}
