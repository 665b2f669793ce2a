/// The identity of a node: 64 bits (the paper's §3.3 counts 128; version 5 sends 64).
public struct Identifier: Hashable, Sendable, CustomStringConvertible {
    /// The number itself, whatever its byte order on the wire.
    public let number: UInt64

    /// An identity from its number.
    public init(_ number: UInt64) { self.number = number }

    /// An identity from 1 to 16 hexadecimal digits of either case, as a configuration file or a file name has it;
    /// nil if the text is anything else.
    public init?(hexadecimal text: some StringProtocol) {
        guard (1...16).contains(text.utf8.count), text.utf8.allSatisfy({ hexadecimalDigitValue($0) != nil }),
            let number = UInt64(text, radix: 16)
        else { return nil }
        self.number = number
    }

    /// The form that topics and registration URLs carry: lower case, **no leading zeros**, as the reference writes it.
    public var topicForm: String { String(number, radix: 16) }

    /// Sixteen lower-case digits: for people, logs and JSON; never for topics.
    public var description: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The mark of one exchange: 1 to 65,535 bytes that the answer echoes exactly. The reference sends 36-character UUIDs.
public struct Token: Hashable, Sendable, CustomStringConvertible {
    /// The bytes as they came.
    public let bytes: [UInt8]

    /// A token of the given bytes; nil if there are none or more than 65,535.
    public init?(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard (1...Int(UInt16.max)).contains(bytes.count) else { return nil }
        self.bytes = bytes
    }

    /// A new token in the reference's form, a lower-case UUID (RFC 4122, version 4), from 16 random bytes.
    public init(random sixteen: [UInt8]) {
        precondition(sixteen.count == 16, "a token needs 16 random bytes, got \(sixteen.count)")
        var octets = sixteen
        octets[6] = octets[6] & 0x0F | 0x40
        octets[8] = octets[8] & 0x3F | 0x80
        let digits = Array(hexadecimal(octets).utf8)
        let hyphen = UInt8(ascii: "-")
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { digits[$0] }
        bytes = Array(groups.joined(separator: [hyphen]))
    }

    /// A new token that says whom a command is for: a UUID, `@`, and the identifier in its topic form. Nothing else that
    /// is signed names the recipient (docs/protocol.md, "Commands that name their device").
    public init(random sixteen: [UInt8], for device: Identifier) {
        bytes = Token(random: sixteen).bytes + Array("@\(device.topicForm)".utf8)
    }

    /// The token of an OBSERVE_REQ: a UUID, `@`, the server, `@`, the beacon, both identifiers with 16 digits. It keeps another
    /// server from using it as its own, and another beacon from answering it (docs/protocol.md, "Tokens that name their parties").
    public init(random sixteen: [UInt8], server: Identifier, beacon: Identifier) {
        bytes = Token(random: sixteen).bytes + Array("@\(server)@\(beacon)".utf8)
    }

    /// The server and the beacon that a token ends in, if it does: `TEXT@SERVER@BEACON`, 16 hexadecimal digits each.
    public var parties: (server: Identifier, beacon: Identifier)? {
        let at = UInt8(ascii: "@")
        guard bytes.count > 34 else { return nil }
        let end = bytes.suffix(34)
        let (first, second) = (end.prefix(17), end.suffix(17))
        guard first.first == at, second.first == at,
            let server = Identifier(hexadecimal: String(decoding: first.dropFirst(), as: UTF8.self)),
            let beacon = Identifier(hexadecimal: String(decoding: second.dropFirst(), as: UTF8.self))
        else { return nil }
        return (server, beacon)
    }

    /// Whether a message of this sender may be for this node, as far as the token says: it names no other sender and no other
    /// node. A token that names nobody says nothing.
    public func mayBe(from sender: Identifier, for node: Identifier) -> Bool {
        if let parties { return parties.server == sender && parties.beacon == node }
        return !namesSomebody || names(node)
    }

    /// Whether the token names a recipient, whichever node that is.
    public var namesSomebody: Bool { bytes.count > 37 && bytes[36] == UInt8(ascii: "@") }

    /// Whether the token says that a message is for this node.
    public func names(_ device: Identifier) -> Bool { bytes.dropFirst(36).elementsEqual("@\(device.topicForm)".utf8) }

    /// The token as text if it is printable ASCII without spaces, otherwise as `0x…`: received bytes are never printed raw.
    public var description: String {
        readable(bytes, atMost: 96, spaces: false)
    }
}

/// The number that makes a message fresh (§3.1.2): from one sender, each must be greater than the last.
public struct SequenceID: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The number itself.
    public let number: UInt64

    /// A sequence id from its number.
    public init(_ number: UInt64) { self.number = number }

    /// The order in which messages were sent.
    public static func < (left: SequenceID, right: SequenceID) -> Bool { left.number < right.number }

    /// Decimal.
    public var description: String { String(number) }
}

/// A run of bytes whose length the wire carries in two bytes: 0 to 65,535 of them.
public struct Octets: Hashable, Sendable {
    /// The bytes, without their length.
    public let bytes: [UInt8]

    /// Octets of the given bytes.
    /// - Precondition: at most 65,535 of them; the wire format allows no more, so more is a programming error.
    public init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        precondition(self.bytes.count <= Int(UInt16.max), "\(self.bytes.count) bytes in a field of at most 65535")
    }

    /// Text with the one NUL behind it that the reference puts inside URL and digest fields.
    public init(terminated text: String) { self.init(Array(text.utf8) + [0]) }

    /// The text without one final NUL; nil if it is not UTF-8.
    public var terminatedText: String? {
        String(validating: bytes.last == 0 ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }
}

/// The outcome in a RESPONSE: the paper's and the reference's codes. Codes that neither names are carried, not refused.
public struct Status: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The code on the wire.
    public let rawValue: UInt8

    /// A status from its code.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The status of this name.
    public init(_ name: Name) { rawValue = name.rawValue }

    /// Update fetched and verified (§3.2).
    public static let updateSuccess = Status(.updateSuccess)
    /// The web server answered with an error; two DATA messages tell which (§3.7).
    public static let updateFailHTTPError = Status(.updateFailHTTPError)
    /// The web server could not be reached.
    public static let updateFailServer = Status(.updateFailServer)
    /// The file could not be stored.
    public static let updateFailFile = Status(.updateFailFile)
    /// The file's digest is not the one announced.
    public static let updateFailDigest = Status(.updateFailDigest)
    /// Activation confirmed (§3.2).
    public static let activateSuccess = Status(.activateSuccess)
    /// Activation failed.
    public static let activateFail = Status(.activateFail)
    /// Action done (§3.6).
    public static let actionSuccess = Status(.actionSuccess)
    /// No such action here.
    public static let actionUnknown = Status(.actionUnknown)
    /// The action failed.
    public static let actionFail = Status(.actionFail)
    /// No such data id here (§3.5).
    public static let dataTypeUnknown = Status(.dataTypeUnknown)
    /// Joined (§5.2).
    public static let joinSuccess = Status(.joinSuccess)
    /// The server does not want this device.
    public static let joinRefused = Status(.joinRefused)
    /// The join went wrong.
    public static let joinFail = Status(.joinFail)
    /// The device showed the right value (§5.2.2).
    public static let observedJoinValid = Status(.observedJoinValid)
    /// The device showed a wrong value.
    public static let observedJoinInvalid = Status(.observedJoinInvalid)
    /// Nothing was observed.
    public static let observedJoinFail = Status(.observedJoinFail)
    /// Resignation accepted (§6).
    public static let resignSuccess = Status(.resignSuccess)
    /// Resignation refused.
    public static let resignFail = Status(.resignFail)
    /// Deregistered (§6).
    public static let deregisterSuccess = Status(.deregisterSuccess)
    /// Not deregistered.
    public static let deregisterFail = Status(.deregisterFail)

    /// The codes that the paper or the reference names: a switch over them has no `default`, so that a new one must be decided on.
    public enum Name: UInt8, CaseIterable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case updateSuccess = 0x00, updateFailHTTPError = 0xFC, updateFailServer, updateFailFile, updateFailDigest
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case activateSuccess = 0x10, activateFail = 0x1F
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case actionSuccess = 0x20, actionUnknown = 0x2E, actionFail = 0x2F
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case dataTypeUnknown = 0x3F
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case joinSuccess = 0x50, joinRefused = 0x5E, joinFail = 0x5F
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case observedJoinValid = 0x60, observedJoinInvalid = 0x6E, observedJoinFail = 0x6F
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case resignSuccess = 0x70, resignFail = 0x7F
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case deregisterSuccess = 0x80, deregisterFail = 0x8F
    }

    /// The code's name; nil for a code that neither the paper nor the reference names.
    public var name: Name? { Name(rawValue: rawValue) }

    /// The code's meaning in words, or the code in hexadecimal where nobody named it.
    public var description: String {
        switch name {
        case .updateSuccess: "update success"
        case .updateFailHTTPError: "update failed: HTTP error"
        case .updateFailServer: "update failed: server"
        case .updateFailFile: "update failed: file"
        case .updateFailDigest: "update failed: digest"
        case .activateSuccess: "activate success"
        case .activateFail: "activate failed"
        case .actionSuccess: "action success"
        case .actionUnknown: "action unknown"
        case .actionFail: "action failed"
        case .dataTypeUnknown: "data type unknown"
        case .joinSuccess: "join success"
        case .joinRefused: "join refused"
        case .joinFail: "join failed"
        case .observedJoinValid: "observed join valid"
        case .observedJoinInvalid: "observed join invalid"
        case .observedJoinFail: "observed join failed"
        case .resignSuccess: "resign success"
        case .resignFail: "resign failed"
        case .deregisterSuccess: "deregister success"
        case .deregisterFail: "deregister failed"
        case nil: "status 0x" + hexadecimal([rawValue])
        }
    }
}
