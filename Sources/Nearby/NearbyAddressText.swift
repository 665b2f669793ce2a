import Bluetooth
import OperatorText
import ProofLink

/// Why a text is not the address of a beacon's link.
public enum NearbyAddressFault: OperatorError, Equatable {
    /// Not `TRANSPORT:PLACE`, or of no transport.
    case noTransport
    /// This is not six bytes in hexadecimal digits.
    case notAnAddress(String)
    /// All bits are equal: no device has this address.
    case nobody(String)
    /// BR/EDR has no random addresses.
    case randomOverClassic(Transport)
    /// Its highest two bits are those of no kind of random address.
    case notRandom(String)
    /// The channel or PSM, as it was written.
    case number(String, Transport)
    /// A path that is empty, or longer than a Unix socket's.
    case path

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .noTransport: "it does not begin with local:, rfcomm:, l2cap:, le: or le-random:"
        case .notAnAddress(let text): "\"\(printable(text.utf8))\" is not a Bluetooth address"
        case .nobody(let text): "no device has the address \(text)"
        case .randomOverClassic(let transport): "\(transport.rawValue) is BR/EDR, which has no random addresses"
        case .notRandom(let text): "the address \(text) is not a random LE one: its first digit is 8, 9, A or B"
        case .number(let text, .rfcomm): "\"\(printable(text.utf8))\" is not an RFCOMM channel, which is 1 to 30"
        case .number(let text, .le): "\"\(printable(text.utf8))\" is not a PSM on LE, which is 0x80 to 0xFF"
        case .number(let text, .l2cap), .number(let text, .local):
            "\"\(printable(text.utf8))\" is not a PSM of L2CAP, which is odd, 0x1001 or above, with an even upper byte"
        case .path: "a socket's path has 1 to \(NearbyAddress.maximumPath) bytes"
        }
    }

    /// What to do.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .noTransport, .notAnAddress, .nobody, .number:
            "give local:PATH, rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM], le:ADDR[/PSM] or le-random:ADDR[/PSM]"
        case .randomOverClassic: "write le-random:ADDR, or the BR/EDR address of the beacon's adapter"
        case .notRandom: "write le:ADDR, where the address is the adapter's own"
        case .path: "give the path of the beacon's socket"
        }
    }
}

extension NearbyAddress {
    private enum Prefix: String {
        case local, rfcomm, l2cap, le
        case leRandom = "le-random"
        // BR/EDR has no such addresses.
        case rfcommRandom = "rfcomm-random"
        case l2capRandom = "l2cap-random"
    }

    /// From `local:PATH`, `rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL]`, `l2cap:ADDR[/PSM]`, `le:ADDR[/PSM]`, or
    /// `le-random:ADDR[/PSM]` where the other side's LE address is a random one. A PSM is decimal or `0x…`.
    /// - Throws: what keeps the text from being the address of a link that can exist.
    public init(checking text: String) throws(NearbyAddressFault) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let prefix = Prefix(rawValue: parts[0]) else { throw .noTransport }
        let place = parts[1].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let number = place.count == 2 ? place[1] : nil
        switch prefix {
        case .local:
            guard (1...NearbyAddress.maximumPath).contains(parts[1].utf8.count) else { throw .path }
            self = .local(path: parts[1])
        case .rfcomm:
            let address = try NearbyAddress.device(place[0])
            let channel = try NearbyAddress.number(number, .rfcomm) ?? UInt16(NearbyAddress.defaultChannel)
            self = .rfcomm(address, channel: UInt8(channel))
        case .l2cap:
            let address = try NearbyAddress.device(place[0])
            self = .l2cap(address, psm: try NearbyAddress.number(number, .l2cap) ?? NearbyAddress.defaultPSM)
        case .le, .leRandom:
            let (address, isRandom) = (try NearbyAddress.device(place[0]), prefix == .leRandom)
            // Static 11, resolvable 01, not resolvable 00 (Bluetooth Core, Vol 6, Part B, 1.3.2).
            if isRandom, address.bytes[0] >> 6 == 0b10 { throw .notRandom(address.description) }
            let psm = try NearbyAddress.number(number, .le) ?? NearbyAddress.defaultLEPSM
            self = .le(address, psm: psm, random: isRandom)
        case .rfcommRandom: throw .randomOverClassic(.rfcomm)
        case .l2capRandom: throw .randomOverClassic(.l2cap)
        }
    }

    /// The same; nil for anything else.
    public init?(_ text: String) {
        guard let address = try? NearbyAddress(checking: text) else { return nil }
        self = address
    }

    private static func device(_ text: String) throws(NearbyAddressFault) -> BluetoothAddress {
        guard let address = BluetoothAddress(text) else { throw .notAnAddress(text) }
        guard address != .any, address.bytes.contains(where: { $0 != 0xFF }) else { throw .nobody(address.description) }
        return address
    }

    private static func number(
        _ text: String?, _ transport: Transport
    ) throws(NearbyAddressFault) -> UInt16? {
        guard let text else { return nil }
        let isHexadecimal = text.hasPrefix("0x")
        let digits = text.dropFirst(isHexadecimal ? 2 : 0)
        // `UInt16` alone would take a sign.
        guard digits.allSatisfy(\.isHexDigit), let number = UInt16(digits, radix: isHexadecimal ? 16 : 10),
            isPossible(number, transport)
        else { throw .number(text, transport) }
        return number
    }

    private static func isPossible(_ number: UInt16, _ transport: Transport) -> Bool {
        switch transport {
        case .rfcomm: (1...30).contains(number)
        case .l2cap: number >= 0x1001 && number & 0x0101 == 0x0001
        case .le: (0x80...0xFF).contains(number)
        case .local: false
        }
    }

    /// The text that gives this address again.
    public var optionForm: String {
        switch self {
        case .local(let path): "local:\(path)"
        case .rfcomm(let address, let channel): "rfcomm:\(address)/\(channel)"
        case .l2cap(let address, let psm): "l2cap:\(address)/\(psm)"
        case .le(let address, let psm, let random): "\(random ? "le-random" : "le"):\(address)/\(psm)"
        }
    }
}
