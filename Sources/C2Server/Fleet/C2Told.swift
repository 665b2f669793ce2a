import FoundationEssentials
import SRUP

/// What a node says of itself in its answer to ID_REQUEST: a claim, bounded and without control characters. Keys that are missing are
/// *not told*, as by older beacons; unknown ones are ignored.
public struct C2Told: Equatable, Sendable {
    /// An adapter of the node.
    public struct Adapter: Equatable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public var name, state: String
    }

    /// Bound on the bytes of an answer; more is cut, and then it is no JSON.
    public static let maximumBytes = 4_096

    /// When it was told, in milliseconds since 1970.
    public var at: Int64
    /// As it was received: it may have parts for others, such as the head of its audit record.
    public var json: String
    /// At most 64, 64 and 128 bytes.
    public private(set) var name, site, position: String?
    /// Its program, the program's version, and the hash of its configuration.
    public private(set) var product, version, configuration: String?
    /// When its certificate expires: RFC 3339, in UTC.
    public private(set) var certificateExpires: String?
    /// At most 16.
    public private(set) var adapters: [Adapter] = []
    /// Since 00:00 UTC, for this server; and the open observations.
    public private(set) var accepted, refused, open: Int?
    /// Whether it listens, and whether this server has paused it.
    public var observing, paused: Bool?
    /// The transports that it has.
    public private(set) var transports: [String] = []

    /// - Parameters:
    ///   - bytes: of the DATA message; text that is not JSON is kept as text.
    ///   - at: milliseconds since 1970.
    public init(_ bytes: some Sequence<UInt8>, at: Int64) {
        let data = Array(bytes.prefix(C2Told.maximumBytes))
        (self.at, json) = (at, String(decoding: data, as: UTF8.self))
        guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(data)) else { return }
        (name, site, position) = (fields.text("name", 64), fields.text("site", 64), fields.text("position", 128))
        (product, version) = (fields.text("product", 64), fields.text("version", 64))
        (configuration, certificateExpires) = (fields.text("configuration", 64), fields.text("certificateExpires", 32))
        (accepted, refused, open) = (fields.number("accepted"), fields.number("refused"), fields.number("open"))
        (observing, paused) = (fields.truth("observing"), fields.truth("paused"))
        transports = fields.list("transports").prefix(8).compactMap { printable($0, 16) }
        adapters = fields.adapters.prefix(16)
            .map { Adapter(name: printable($0.name ?? "", 32) ?? "?", state: printable($0.state ?? "", 32) ?? "?") }
    }

    /// Whether its certificate expires before this time, RFC 3339 in UTC: such times are in order as texts.
    public func expires(before time: String) -> Bool { certificateExpires.map { $0 < time } ?? false }
}

/// Text for a page: without control characters and those that change the direction of writing; nil if nothing is left.
func printable(_ text: String, _ most: Int) -> String? {
    var kept = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
        guard !unprintable.contains(scalar.properties.generalCategory) else { continue }
        bytes += UTF8.width(scalar)
        guard bytes <= most else { break }
        kept.append(scalar)
    }
    let result = String(kept)
    return result.allSatisfy(\.isWhitespace) ? nil : result
}

private let unprintable: Set<Unicode.GeneralCategory> = [
    .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
]

/// A JSON object of which each field is read by itself: a wrong one does not hide the others.
private struct Fields: Decodable {
    struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    struct Adapter: Decodable {
        let name, state: String?
    }

    private let container: KeyedDecodingContainer<Name>

    init(from decoder: any Decoder) throws { container = try decoder.container(keyedBy: Name.self) }

    func text(_ name: String, _ most: Int) -> String? {
        (try? container.decode(String.self, forKey: Name(name))).flatMap { printable($0, most) }
    }

    func number(_ name: String) -> Int? {
        (try? container.decode(Int.self, forKey: Name(name))).flatMap { $0 >= 0 ? $0 : nil }
    }

    func truth(_ name: String) -> Bool? { try? container.decode(Bool.self, forKey: Name(name)) }

    func list(_ name: String) -> [String] { (try? container.decode([String].self, forKey: Name(name))) ?? [] }

    var adapters: [Adapter] { (try? container.decode([Adapter].self, forKey: Name("adapters"))) ?? [] }
}
