/// A Bluetooth device address, most significant byte first as people write it.
public struct BluetoothAddress: Hashable, Sendable, CustomStringConvertible {
    /// Six bytes, most significant first.
    public let bytes: [UInt8]

    /// All zero: any adapter of this machine.
    public static let any = BluetoothAddress(leastFirst: [UInt8](repeating: 0, count: 6))

    /// From `00:11:22:33:44:55`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { part in
            part.utf8.count == 2 && part.allSatisfy(\.isHexDigit) ? UInt8(part, radix: 16) : nil  // no sign
        }
        guard parts.count == 6, bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    /// From the kernel's order.
    /// - Precondition: six bytes, least significant first.
    package init(leastFirst bytes: some Collection<UInt8>) {
        precondition(bytes.count == 6, "an address of \(bytes.count) bytes")
        self.bytes = bytes.reversed()
    }

    /// The form people write, in capitals.
    public var description: String {
        bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) }.joined(separator: ":")
    }
}
