/// A way into the beacon for nearby devices (docs/proof-link.md, «Transports»).
public enum Transport: String, CaseIterable, Hashable, Sendable {
    /// Bluetooth BR/EDR, a stream.
    case rfcomm
    /// Bluetooth BR/EDR, packets.
    case l2cap
    /// Bluetooth LE, a connection-oriented channel.
    case le
    /// A Unix socket on this machine: no radio, no evidence of place.
    case local

    /// Whether frames are runs of bytes in a stream, not one packet each.
    public var isStream: Bool {
        switch self {
        case .rfcomm, .local: true
        case .l2cap, .le: false
        }
    }
}
