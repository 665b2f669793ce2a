/// A URL in an LE advertisement, in 18 bytes at most (Eddystone-URL, https://github.com/google/eddystone): how a beacon tells those nearby where
/// to register (the paper's §4.5). Everybody receives it, and anyone can send it.
public struct EddystoneURL: Hashable, Sendable {
    /// Why a URL cannot be advertised.
    public enum Fault: Error, Equatable, Sendable {
        /// Neither `https://` nor `http://`.
        case scheme
        /// A character that is not one of a URL's, or nothing behind the scheme.
        case characters
        /// Its encoded form has this many bytes behind the scheme's.
        case tooLong(bytes: Int)
    }

    /// The URL.
    public let text: String
    /// The scheme's byte, and 1 to 17 bytes.
    public let encoded: [UInt8]

    /// Bytes behind the scheme's.
    public static let maximumLength = 17

    /// By their byte; a longer one before those that it begins with.
    private static let schemes = ["http://www.", "https://www.", "http://", "https://"]
    private static let endings = [".com", ".org", ".edu", ".net", ".info", ".biz", ".gov"]
    /// What stands for a byte from 0 up.
    private static let expansions = endings.map { $0 + "/" } + endings

    private static let (allServices16, serviceData16) = (UInt8(0x03), UInt8(0x16))
    /// 0xFEAA, least significant byte first.
    private static let service: [UInt8] = [0xAA, 0xFE]
    private static let frameType: UInt8 = 0x10
    /// Received power at 0 m in dBm: of a usual adapter (-59 dBm at 1 m, and the 41 dB of that metre). No adapter is calibrated here, and
    /// nothing of ours reads it.
    private static let power: Int8 = -18

    /// A URL to be advertised.
    /// - Throws: `Fault`.
    public init(_ url: String) throws(Fault) {
        guard let scheme = EddystoneURL.schemes.firstIndex(where: { url.hasPrefix($0) }) else { throw .scheme }
        var left = Array(url.utf8.dropFirst(EddystoneURL.schemes[scheme].utf8.count))[...]
        guard !left.isEmpty, left.allSatisfy(EddystoneURL.isPlain) else { throw .characters }
        var bytes: [UInt8] = []
        while let first = left.first {
            if let place = EddystoneURL.expansions.firstIndex(where: { left.starts(with: $0.utf8) }) {
                bytes.append(UInt8(place))
                left = left.dropFirst(EddystoneURL.expansions[place].utf8.count)
            } else {
                bytes.append(first)
                left = left.dropFirst()
            }
        }
        guard bytes.count <= EddystoneURL.maximumLength else { throw .tooLong(bytes: bytes.count) }
        (text, encoded) = (url, [UInt8(scheme)] + bytes)
    }

    /// From the advertisement of a device; nil if it has no valid Eddystone-URL frame.
    public init?(heard data: [UInt8]) {
        guard let frame = advertisedPart(EddystoneURL.serviceData16, EddystoneURL.service, in: data), frame.count >= 4,
            frame.first == EddystoneURL.frameType
        else { return nil }
        let encoded = Array(frame.dropFirst(2))
        guard encoded.count <= 1 + EddystoneURL.maximumLength, let scheme = encoded.first,
            scheme < EddystoneURL.schemes.count
        else { return nil }
        var text = EddystoneURL.schemes[Int(scheme)]
        for byte in encoded.dropFirst() {
            if byte < EddystoneURL.expansions.count {
                text += EddystoneURL.expansions[Int(byte)]
            } else if EddystoneURL.isPlain(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                return nil
            }
        }
        (self.text, self.encoded) = (text, encoded)
    }

    /// The advertisement: the service, and the frame. The kernel adds the flags, 3 bytes of the 31.
    public var advertisement: [UInt8] {
        let data = EddystoneURL.service + [EddystoneURL.frameType, UInt8(bitPattern: EddystoneURL.power)] + encoded
        return [3, EddystoneURL.allServices16] + EddystoneURL.service + [
            UInt8(1 + data.count), EddystoneURL.serviceData16,
        ] + data
    }

    /// Whether a byte stands for itself: printable ASCII, but for what no URL may contain (RFC 3986).
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"\"<>\\^`{|}".utf8.contains(byte)
    }
}

/// The content of the first part of an advertisement that has this type and begins with these bytes, without them; nil: there is none.
func advertisedPart(_ type: UInt8, _ start: [UInt8], in data: [UInt8]) -> ArraySlice<UInt8>? {
    var rest = data[...]
    while let length = rest.popFirst(), length > 0, rest.count >= length {
        let part = rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
        if part.first == type, part.dropFirst().starts(with: start) { return part.dropFirst(1 + start.count) }
    }
    return nil
}
