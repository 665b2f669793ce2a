/// How many of the neighbours that its operator has named a beacon hears, as it says in its advertisement (docs/proof-link.md,
/// "Being found"). It is not proven: anyone can advertise it.
public struct Hearing: Hashable, Sendable {
    /// The form of these bytes.
    static let version: UInt8 = 1
    /// How many neighbours are named, at least 1.
    public let named: UInt8
    /// How many of them are heard, at most `named`.
    public let heard: UInt8

    /// nil: no neighbour is named, or more are heard than are named.
    public init?(named: UInt8, heard: UInt8) {
        guard named > 0, heard <= named else { return nil }
        (self.named, self.heard) = (named, heard)
    }

    /// Version 1 ‖ named 1 ‖ heard 1.
    public var encoded: [UInt8] { [Hearing.version, named, heard] }

    /// From these bytes; nil for another version and for anything else.
    public init?(encoded: some Collection<UInt8>) {
        let bytes = Array(encoded)
        guard bytes.count == 3, bytes[0] == Hearing.version else { return nil }
        self.init(named: bytes[1], heard: bytes[2])
    }

    /// None of them, which may mean that its radio is deaf.
    public var isNone: Bool { heard == 0 }
}
