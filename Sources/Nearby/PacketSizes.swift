import Bluetooth
import CBlueZ
import Glibc
import OperatorText
import ProofLink

/// The longest packets (MTU) on an L2CAP channel, in bytes.
public struct PacketSizes: Hashable, Sendable {
    /// What the peer accepts.
    public var sent: Int
    /// What this end accepts.
    public var received: Int

    /// What a device must accept: OUTCOME (docs/proof-link.md, "Transports").
    public static let device = LinkFrame.headerLength + 1 + LinkFrame.tagLength
    /// What a beacon must accept: PROOF. The pieces of a signature can be as short.
    public static let beacon = LinkFrame.headerLength + LinkFrame.deviceNonceLength + LinkFrame.tagLength

    /// Sizes in bytes.
    public init(sent: Int, received: Int) { (self.sent, self.received) = (sent, received) }

    /// Those of a connected socket; nil on a stream, and if the kernel does not tell.
    init?(of socket: Int32, _ transport: Transport) {
        switch transport {
        case .rfcomm, .local: return nil
        case .l2cap:
            var (options, length) = (l2cap_options(), socklen_t(MemoryLayout<l2cap_options>.size))
            guard getsockopt(socket, SOL_L2CAP, L2CAP_OPTIONS, &options, &length) == 0 else { return nil }
            self.init(sent: Int(options.omtu), received: Int(options.imtu))
        case .le:
            var (sent, received, length) = (UInt16(0), UInt16(0), socklen_t(MemoryLayout<UInt16>.size))
            guard getsockopt(socket, SOL_BLUETOOTH, BT_SNDMTU, &sent, &length) == 0,
                getsockopt(socket, SOL_BLUETOOTH, BT_RCVMTU, &received, &length) == 0
            else { return nil }
            self.init(sent: Int(sent), received: Int(received))
        }
    }

    /// What makes a link impossible, seen from a device.
    /// - Parameter modes: in value mode alone, what a device sends is shorter than what any transport carries.
    public func fault(forDeviceWith modes: [Mode]) -> ShortPackets? {
        if received < PacketSizes.device { return ShortPackets(of: .device, received) }
        if modes != [.value], sent < PacketSizes.beacon { return ShortPackets(of: .beacon, sent) }
        return nil
    }

    /// What makes a link impossible, seen from a beacon.
    public var faultForBeacon: ShortPackets? {
        if sent < PacketSizes.device { return ShortPackets(of: .device, sent) }
        return received < PacketSizes.beacon ? ShortPackets(of: .beacon, received) : nil
    }
}

/// One end of a link accepts packets that are too short for the proof link. Both ends say it in the same words.
public struct ShortPackets: OperatorError, Hashable {
    /// An end of a link.
    public enum End: CaseIterable, Hashable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case device, beacon
    }

    /// Whose packets.
    public let end: End
    /// Its MTU in bytes.
    public let accepted: Int

    /// An end, and its MTU in bytes.
    public init(of end: End, _ accepted: Int) { (self.end, self.accepted) = (end, accepted) }

    /// What is wrong: one line, lower case.
    public var message: String {
        switch end {
        case .device:
            "the device accepts packets of \(accepted) bytes only (MTU), and the proof link needs \(PacketSizes.device)"
        case .beacon:
            "the beacon accepts packets of \(accepted) bytes only (MTU), and the proof link needs \(PacketSizes.beacon)"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch end {
        case .device: "ask for a larger MTU at the device's socket: docs/proof-link.md, \"Transports\""
        case .beacon: "ask for a larger MTU at the beacon's socket, or use RFCOMM: docs/proof-link.md, \"Transports\""
        }
    }
}
