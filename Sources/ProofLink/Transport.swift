/// A way for nearby devices to reach the beacon (docs/proof-link.md, "Transports").
public enum Transport: String, CaseIterable, Hashable, Sendable {
    /// Bluetooth BR/EDR, a stream.
    case rfcomm
    /// Bluetooth BR/EDR, packets.
    case l2cap
    /// Bluetooth LE, a connection-oriented channel.
    case le
    /// A Unix socket on this machine: no radio, no evidence of proximity.
    case local

    /// The transport as keyed mode authenticates it.
    var number: UInt8 {
        switch self {
        case .local: 0
        case .rfcomm: 1
        case .l2cap: 2
        case .le: 3
        }
    }

    init?(number: UInt8) {
        guard let transport = Transport.allCases.first(where: { $0.number == number }) else { return nil }
        self = transport
    }

    /// Whether it is Bluetooth: it needs an adapter, has a peer with an address, and can be secured and measured.
    public var isRadio: Bool {
        switch self {
        case .rfcomm, .l2cap, .le: true
        case .local: false
        }
    }

    /// Whether a signal strength in dBm can be measured on it. BR/EDR controllers report how far the signal is outside a target range
    /// (HCI, Read RSSI), which is not a value in dBm.
    public var reportsSignal: Bool {
        switch self {
        case .le: true
        case .rfcomm, .l2cap, .local: false
        }
    }

    /// Whether frames are runs of bytes in a stream, not one packet each.
    public var isStream: Bool {
        switch self {
        case .rfcomm, .local: true
        case .l2cap, .le: false
        }
    }
}

/// What kind of address a nearby peer has.
public enum AddressKind: String, CaseIterable, Hashable, Sendable {
    /// Of a BR/EDR device: it is the device's own, and can be forged.
    case classic = "br/edr"
    /// LE, the device's own.
    case lePublic = "le public"
    /// LE, chosen by the device; it may be another one at any time.
    case leRandom = "le random"
}

/// How a radio link is secured by Bluetooth itself, beneath the proof link.
public enum LinkSecurity: String, CaseIterable, Hashable, Sendable {
    /// Nothing is asked for.
    case none
    /// Encrypted. On BR/EDR strangers get that too, without anyone's consent.
    case encrypted
    /// Encrypted, under a key from a pairing in which a person compared numbers.
    case authenticated
}
