import ProofLink

/// The number in `hciN`. It may change when an adapter is plugged in again.
public struct AdapterIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 0 and up.
    public let number: UInt16
    /// An adapter by its number.
    public init(_ number: UInt16) { self.number = number }
    /// No adapter in particular.
    public static let none = AdapterIndex(0xFFFF)
    /// `hci0`.
    public var description: String { "hci\(number)" }
    /// By number.
    public static func < (left: AdapterIndex, right: AdapterIndex) -> Bool { left.number < right.number }
}

/// A Bluetooth address and its kind, as the kernel's management interface tells them.
public struct RadioAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address.
    public var address: BluetoothAddress
    /// BR/EDR, LE public or LE random.
    public var kind: AddressKind
    /// An address of a kind.
    public init(_ address: BluetoothAddress, _ kind: AddressKind) { (self.address, self.kind) = (address, kind) }
    /// Both, for a log line.
    public var description: String { "\(address) (\(kind.rawValue))" }

    fileprivate var bytes: [UInt8] { address.bytes.reversed() + [kind.code] }
}

extension AddressKind {
    /// The kernel's number: BDADDR_BREDR, BDADDR_LE_PUBLIC, BDADDR_LE_RANDOM.
    public var code: UInt8 {
        switch self {
        case .classic: 0
        case .lePublic: 1
        case .leRandom: 2
        }
    }

    /// From the kernel's number.
    public init?(code: UInt8) {
        guard let kind = AddressKind.allCases.first(where: { $0.code == code }) else { return nil }
        self = kind
    }
}

/// What an adapter's settings may hold, as the kernel's bits (BlueZ, doc/mgmt-api.txt, "Read Controller Information").
public struct AdapterSettings: OptionSet, Hashable, Sendable {
    /// The kernel's bits.
    public let rawValue: UInt32
    /// From the kernel's bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public static let powered = AdapterSettings(rawValue: 1 << 0)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public static let connectable = AdapterSettings(rawValue: 1 << 1)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public static let discoverable = AdapterSettings(rawValue: 1 << 3)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public static let bondable = AdapterSettings(rawValue: 1 << 4)
    /// Secure Simple Pairing.
    public static let simplePairing = AdapterSettings(rawValue: 1 << 6)
    /// Bluetooth BR/EDR.
    public static let classic = AdapterSettings(rawValue: 1 << 7)
    /// Bluetooth LE.
    public static let le = AdapterSettings(rawValue: 1 << 9)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public static let secureConnections = AdapterSettings(rawValue: 1 << 11)
    /// LE address rotation.
    public static let privacy = AdapterSettings(rawValue: 1 << 13)
}

/// A command of the kernel's management interface, as far as it is used here (BlueZ, doc/mgmt-api.txt).
public enum ManagementCommand: Equatable, Sendable {
    /// Which adapters there are.
    case readIndexList
    /// Address, name and settings of an adapter. It also tells the kernel that management is in charge: an adapter that
    /// is powered on without it has no LE pairing.
    case readInformation
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case setPowered(Bool)
    /// Stays on until it is switched off, or for `seconds`.
    case setDiscoverable(Bool, seconds: UInt16 = 0)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case setConnectable(Bool)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case setBondable(Bool)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case setSimplePairing(Bool)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case setLE(Bool)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case setSecureConnections(Bool)
    /// BR/EDR.
    case setClassic(Bool)
    /// At most 248 bytes of UTF-8.
    case setName(String)
    /// What the adapter can do to compare numbers in a pairing.
    case setCapability(PairingCapability)
    /// LE address rotation; 16 bytes of identity resolving key. Only while the adapter is off.
    case setPrivacy(Bool, key: [UInt8])
    /// Pairs with a device, numbers being compared.
    case pair(RadioAddress)
    /// Gives up a pairing that is under way.
    case cancelPairing(RadioAddress)
    /// Answers a comparison of numbers.
    case confirm(RadioAddress, Bool)
    /// Forgets a pairing, and breaks the connection.
    case unpair(RadioAddress)
    /// Looks for advertisements, LE only.
    case startDiscovery
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case stopDiscovery
    /// The signal strength of a connection.
    case readConnection(RadioAddress)
    /// Data for pairing out of band, which is not used here: a question to the controller, to see whether it answers.
    case readOutOfBand
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case readAdvertisingFeatures
    /// Advertises, connectable, in an instance; what is in it already is replaced.
    case addAdvertising(instance: UInt8, advertisement: [UInt8], scanResponse: [UInt8])
    /// Advertises, not connectable, in an instance; what is in it already is replaced.
    case addBroadcast(instance: UInt8, advertisement: [UInt8])
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case removeAdvertising(instance: UInt8)

    /// What pairing may ask a person here.
    public enum PairingCapability: UInt8, Sendable {
        /// Shows a number and takes yes or no.
        case displayAndConfirm = 1
        /// Nobody is there.
        case none = 3
    }

    /// The kernel's number of the command.
    public var code: UInt16 {
        switch self {
        case .readIndexList: 0x0003
        case .readInformation: 0x0004
        case .setPowered: 0x0005
        case .setDiscoverable: 0x0006
        case .setConnectable: 0x0007
        case .setBondable: 0x0009
        case .setSimplePairing: 0x000B
        case .setLE: 0x000D
        case .setName: 0x000F
        case .unpair: 0x001B
        case .setCapability: 0x0018
        case .pair: 0x0019
        case .cancelPairing: 0x001A
        case .confirm(_, true): 0x001C
        case .confirm(_, false): 0x001D
        case .readOutOfBand: 0x0020
        case .startDiscovery: 0x0023
        case .stopDiscovery: 0x0024
        case .setClassic: 0x002A
        case .setSecureConnections: 0x002D
        case .setPrivacy: 0x002F
        case .readConnection: 0x0031
        case .readAdvertisingFeatures: 0x003D
        case .addAdvertising, .addBroadcast: 0x003E
        case .removeAdvertising: 0x003F
        }
    }

    /// LE public and LE random, in the kernel's mask of address kinds.
    private static let leKinds: UInt8 = 0b110

    private var parameters: [UInt8] {
        switch self {
        case .readIndexList, .readInformation, .readAdvertisingFeatures, .readOutOfBand: []
        case .setPowered(let on), .setConnectable(let on), .setBondable(let on), .setSimplePairing(let on),
            .setLE(let on), .setClassic(let on), .setSecureConnections(let on):
            [on ? 1 : 0]
        case .setDiscoverable(let on, let seconds): [on ? 1 : 0] + littleEndian(seconds)
        case .setName(let name):
            ManagementCommand.padded(name, to: 249) + [UInt8](repeating: 0, count: 11)
        case .setCapability(let capability): [capability.rawValue]
        case .setPrivacy(let on, let key): [on ? 1 : 0] + key
        case .confirm(let peer, _), .readConnection(let peer), .cancelPairing(let peer): peer.bytes
        case .unpair(let peer): peer.bytes + [1]
        case .pair(let peer): peer.bytes + [PairingCapability.displayAndConfirm.rawValue]
        case .startDiscovery, .stopDiscovery: [ManagementCommand.leKinds]
        case .addAdvertising(let instance, let advertisement, let scanResponse):
            // Flags: connectable, generally discoverable, the kernel adds the Flags field.
            ManagementCommand.adding(instance, 0b1011, advertisement, scanResponse)
        case .addBroadcast(let instance, let advertisement):
            // The same without connectable.
            ManagementCommand.adding(instance, 0b1010, advertisement, [])
        case .removeAdvertising(let instance): [instance]
        }
    }

    /// The parameters of "Add Advertising": no duration, no timeout.
    private static func adding(
        _ instance: UInt8, _ flags: UInt32, _ advertisement: [UInt8], _ scanResponse: [UInt8]
    ) -> [UInt8] {
        [instance] + littleEndian(flags) + [0, 0, 0, 0] + [UInt8(advertisement.count), UInt8(scanResponse.count)]
            + advertisement + scanResponse
    }

    /// The first bytes of the reply to this very command.
    package var replyStart: [UInt8] {
        switch self {
        case .confirm(let peer, _), .pair(let peer), .cancelPairing(let peer), .unpair(let peer),
            .readConnection(let peer):
            peer.bytes
        case .readIndexList, .readInformation, .setPowered, .setDiscoverable, .setConnectable, .setBondable,
            .setSimplePairing, .setLE, .setSecureConnections, .setClassic, .setName, .setCapability, .setPrivacy,
            .startDiscovery, .stopDiscovery, .readOutOfBand, .readAdvertisingFeatures, .addAdvertising,
            .addBroadcast, .removeAdvertising:
            []
        }
    }

    private static func padded(_ text: String, to length: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(length - 1))
        return bytes + [UInt8](repeating: 0, count: length - bytes.count)
    }

    /// The packet for the management socket.
    public func encoded(for adapter: AdapterIndex) -> [UInt8] {
        let parameters = parameters
        return littleEndian(code) + littleEndian(adapter.number) + littleEndian(UInt16(parameters.count)) + parameters
    }
}

func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
}
