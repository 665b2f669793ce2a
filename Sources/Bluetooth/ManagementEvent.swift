import ProofLink

/// How a command of the management interface ended; the kernel's number where it means nothing to us.
public enum ManagementStatus: Hashable, Sendable, CustomStringConvertible {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case success, notConnected, connectFailed, authenticationFailed, notPaired, noResources, timeout, alreadyConnected,
        rejected, invalid, disconnected, busy, notSupported, notPowered, cancelled, noAdapter, blocked, alreadyPaired,
        denied
    /// Any other.
    case failed(UInt8)

    init(_ number: UInt8) {
        switch number {
        case 0x00: self = .success
        case 0x02: self = .notConnected
        case 0x04: self = .connectFailed
        case 0x05: self = .authenticationFailed
        case 0x06: self = .notPaired
        case 0x07: self = .noResources
        case 0x09: self = .alreadyConnected
        case 0x0E: self = .disconnected
        case 0x10: self = .cancelled
        case 0x13: self = .alreadyPaired
        case 0x0B: self = .rejected
        case 0x0D: self = .invalid
        case 0x08: self = .timeout
        case 0x0A: self = .busy
        case 0x01, 0x0C: self = .notSupported  // also: a command that this kernel does not know
        case 0x0F: self = .notPowered
        case 0x11: self = .noAdapter
        case 0x12: self = .blocked
        case 0x14: self = .denied
        default: self = .failed(number)
        }
    }

    /// In a few words.
    public var description: String {
        switch self {
        case .success: "done"
        case .notConnected: "not connected"
        case .connectFailed: "the connection failed"
        case .authenticationFailed: "the authentication failed"
        case .notPaired: "not paired"
        case .noResources: "no resources"
        case .rejected: "rejected"
        case .invalid: "not valid here"
        case .timeout: "the controller does not answer"
        case .alreadyConnected: "connected already"
        case .disconnected: "disconnected"
        case .cancelled: "cancelled"
        case .alreadyPaired: "paired already"
        case .busy: "busy"
        case .notSupported: "not supported"
        case .notPowered: "not powered"
        case .noAdapter: "no such adapter"
        case .blocked: "blocked by rfkill"
        case .denied: "not permitted"
        case .failed(0x03): "failed"
        case .failed(let number): "failed with status 0x\(String(number, radix: 16))"
        }
    }
}

/// What the management interface tells of an adapter (BlueZ, doc/mgmt-api.txt).
public enum ManagementEvent: Equatable, Sendable {
    /// A command has ended.
    case completed(code: UInt16, ManagementStatus, reply: [UInt8])
    /// An adapter was added, or was present already.
    case appeared
    /// An adapter was removed.
    case disappeared
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case settings(AdapterSettings)
    /// A device has connected; if it is an LE device, the kernel has stopped advertising.
    case connected(RadioAddress)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case disconnected(RadioAddress)
    /// A person must compare this number with the one that the peer shows; `isHint`: the peer shows none.
    case confirmation(RadioAddress, number: UInt32, isHint: Bool)
    /// A pairing has failed.
    case pairingFailed(RadioAddress)
    /// A pairing has given a key: whether it is kept, and whether people have compared numbers for it.
    case paired(RadioAddress, isBonded: Bool, isAuthenticated: Bool)
    /// An advertisement, or a device's answer to an inquiry; nil if the controller gives no signal strength.
    case found(RadioAddress, signal: Int8?, data: [UInt8])
    /// A search has begun, or has ended.
    case discovering(Bool)
    /// Another program has added an advertisement, under a number that was free.
    case advertisingAdded(instance: UInt8)
    /// Another program has removed an advertisement.
    case advertisingRemoved(instance: UInt8)

    /// A packet of the management socket; nil for events that are not used here and for a packet that is too short.
    public static func decode(_ packet: [UInt8]) -> (adapter: AdapterIndex, event: ManagementEvent)? {
        var reader = LittleEndianReader(packet[...])
        guard let code = reader.u16(), let adapter = reader.u16(), let length = reader.u16(),
            let parameters = reader.take(Int(length)), let event = ManagementEvent(code, parameters)
        else { return nil }
        return (AdapterIndex(adapter), event)
    }

    private init?(_ code: UInt16, _ parameters: ArraySlice<UInt8>) {
        var reader = LittleEndianReader(parameters)
        switch code {
        case 0x0001, 0x0002:
            guard let command = reader.u16(), let status = reader.u8() else { return nil }
            self = .completed(code: command, ManagementStatus(status), reply: Array(reader.rest))
        case 0x0004: self = .appeared
        case 0x0005: self = .disappeared
        case 0x0006:
            guard let bits = reader.u32() else { return nil }
            self = .settings(AdapterSettings(rawValue: bits))
        case 0x0009:  // New Link Key: authenticated ones have the types 5, from P-192, and 8, from P-256
            guard let keep = reader.u8(), let peer = reader.address(), let type = reader.u8() else { return nil }
            self = .paired(peer, isBonded: keep == 1, isAuthenticated: type == 5 || type == 8)
        case 0x000A:  // New Long Term Key: authenticated ones have the types 1, legacy, and 3, from P-256
            guard let keep = reader.u8(), let peer = reader.address(), let type = reader.u8() else { return nil }
            self = .paired(peer, isBonded: keep == 1, isAuthenticated: type == 1 || type == 3)
        case 0x000B: self.init(reader.address(), ManagementEvent.connected)
        case 0x000C: self.init(reader.address(), ManagementEvent.disconnected)
        case 0x000F:
            guard let peer = reader.address(), let hint = reader.u8(), let number = reader.u32() else { return nil }
            self = .confirmation(peer, number: number, isHint: hint == 1)
        case 0x0011: self.init(reader.address(), ManagementEvent.pairingFailed)
        case 0x0012:
            guard let peer = reader.address(), let signal = reader.u8(), reader.u32() != nil,
                let length = reader.u16(), let data = reader.take(Int(length))
            else { return nil }
            self = .found(peer, signal: ManagementEvent.signal(signal), data: Array(data))
        case 0x0013:
            guard reader.u8() != nil, let isOn = reader.u8() else { return nil }
            self = .discovering(isOn == 1)
        case 0x0023:
            guard let instance = reader.u8() else { return nil }
            self = .advertisingAdded(instance: instance)
        case 0x0024:
            guard let instance = reader.u8() else { return nil }
            self = .advertisingRemoved(instance: instance)
        default: return nil
        }
    }

    private init?(_ peer: RadioAddress?, _ event: (RadioAddress) -> ManagementEvent) {
        guard let peer else { return nil }
        self = event(peer)
    }

    /// In dBm; 127 means that the controller does not report it.
    static func signal(_ byte: UInt8) -> Int8? { byte == 127 ? nil : Int8(bitPattern: byte) }
}

/// The reply to "Read Controller Information".
public struct AdapterInformation: Equatable, Sendable {
    /// Its public address; all zero where it has none.
    public var address: BluetoothAddress
    /// What it can be set to.
    public var supported: AdapterSettings
    /// What it is set to.
    public var current: AdapterSettings
    /// Its classic name.
    public var name: String

    /// From the reply to `readInformation`; nil if that is too short.
    public init?(reply: [UInt8]) {
        var reader = LittleEndianReader(reply[...])
        guard let address = reader.bluetoothAddress(), reader.take(3) != nil, let supported = reader.u32(),
            let current = reader.u32(), reader.take(3) != nil, let name = reader.take(249)
        else { return nil }
        (self.address, self.supported, self.current) = (
            address, AdapterSettings(rawValue: supported), AdapterSettings(rawValue: current)
        )
        self.name = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }

    init(address: BluetoothAddress, supported: AdapterSettings, current: AdapterSettings, name: String = "") {
        (self.address, self.supported, self.current, self.name) = (address, supported, current, name)
    }
}

extension AdapterInformation {
    /// The adapters that are there now, from the reply to `readIndexList`.
    public static func indices(_ reply: [UInt8]) -> [AdapterIndex] {
        var reader = LittleEndianReader(reply[...])
        let count = reader.u16() ?? 0
        return (0..<count).compactMap { _ in reader.u16().map(AdapterIndex.init) }
    }

    /// The signal strength in dBm from the reply to `readConnection`; nil if the controller does not report it.
    public static func signal(_ reply: [UInt8]) -> Int8? {
        reply.count >= 8 ? ManagementEvent.signal(reply[7]) : nil
    }
}

/// The kernel's numbers are little-endian. nil if too few bytes are left.
struct LittleEndianReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        take(Number.bitWidth / 8)?.reversed().reduce(Number(0)) { $0 << 8 | Number($1) }
    }

    mutating func u8() -> UInt8? { take(1)?.first }
    mutating func u16() -> UInt16? { number(UInt16.self) }
    mutating func u32() -> UInt32? { number(UInt32.self) }
    mutating func bluetoothAddress() -> BluetoothAddress? { take(6).map { BluetoothAddress(leastFirst: $0) } }

    mutating func address() -> RadioAddress? {
        guard let address = bluetoothAddress(), let kind = u8().flatMap(AddressKind.init(code:)) else { return nil }
        return RadioAddress(address, kind)
    }
}
