import SRUP

/// Sequence ids as the reference keeps them (docs/protocol.md, sequence ids): **one** number per peer for both
/// directions. Sending adds 1 to it; a received id must be greater than it, and then replaces it. So two messages that
/// cross are both refused, which is what a beacon in the field has to live with.
public struct ReferenceCounter: Sendable {
    /// The number of each peer that has one.
    private(set) var numbers: [Identifier: UInt64]

    /// A counter that is 0 for every peer that is not named here.
    public init(_ numbers: [Identifier: UInt64] = [:]) { self.numbers = numbers }

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
        return true
    }
}
