import SRUP

/// What a beacon announces about itself over Bluetooth LE (docs/proof-link.md, "Being found"). None of it is proven: anyone
/// can announce it.
public struct Announcement: Hashable, Sendable {
    /// The service's UUID, 128 bits, most significant first.
    public static let service: [UInt8] = [
        0x5F, 0x1C, 0x3A, 0x7E, 0x8B, 0x24, 0x4D, 0x96, 0xA0, 0xE3, 0x52, 0xC6, 0xF7, 0xD8, 0x1B, 0x40,
    ]

    /// The same as people write it: `5f1c3a7e-8b24-4d96-a0e3-52c6f7d81b40`.
    public static var serviceText: String {
        let digits = service.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }

    /// PSM of the L2CAP LE transport; 0: not listened for.
    public var lePSM: UInt16
    /// Who the beacon is; nil if it does not tell everybody.
    public var beacon: Identifier?
    /// How many of its neighbours it hears; nil: it does not tell. It is not part of the service data.
    public var hearing: Hearing?

    /// An announcement of this version.
    public init(lePSM: UInt16, beacon: Identifier?, hearing: Hearing? = nil) {
        (self.lePSM, self.beacon, self.hearing) = (lePSM, beacon, hearing)
    }

    /// The service data: version 1 ‖ LE PSM 2 ‖ beacon id 8, the last only where the beacon tells it. 3 or 11 bytes.
    public var encoded: [UInt8] {
        [LinkFrame.version] + lePSM.bigEndianBytes + (beacon?.number.bigEndianBytes ?? [])
    }

    /// From service data; nil for another version of the link and for anything else.
    public init?(serviceData: some Collection<UInt8>) {
        let bytes = Array(serviceData)
        guard bytes.first == LinkFrame.version, bytes.count == 3 || bytes.count == 11 else { return nil }
        lePSM = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        beacon = bytes.count == 11 ? Identifier(bytes[3...].reduce(0) { $0 << 8 | UInt64($1) }) : nil
    }
}

extension FixedWidthInteger {
    fileprivate var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian, Array.init) }
}
