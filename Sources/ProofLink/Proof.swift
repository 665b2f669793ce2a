import SRUP

/// HMAC-SHA256 under a value. Supplied by `Keys`, so that this module needs no C; the same bytes give the same tag.
public typealias Authenticator = @Sendable (_ key: Secret, _ message: [UInt8]) -> [UInt8]

/// What both tags are computed over (docs/proof-link.md, "The tags").
public struct ProofContext: Equatable, Sendable {
    /// From HELLO.
    public let linkNonce: [UInt8]
    /// From CHALLENGE.
    public let challenge: [UInt8]
    /// From PROOF.
    public let deviceNonce: [UInt8]
    /// From HELLO.
    public let beacon: Identifier
    /// From READY.
    public let device: Identifier

    /// A context of these parts.
    public init(
        linkNonce: [UInt8], challenge: [UInt8], deviceNonce: [UInt8], beacon: Identifier, device: Identifier
    ) {
        (self.linkNonce, self.challenge, self.deviceNonce) = (linkNonce, challenge, deviceNonce)
        (self.beacon, self.device) = (beacon, device)
    }

    /// The bytes: link nonce ‖ challenge ‖ device nonce ‖ beacon id ‖ device id.
    var bytes: [UInt8] {
        var bytes = linkNonce + challenge + deviceNonce
        bytes.appendBigEndian(beacon.number)
        bytes.appendBigEndian(device.number)
        return bytes
    }

    /// The tag of PROOF: only a holder of the value can make it.
    public func deviceTag(_ value: Secret, _ authenticate: Authenticator) -> [UInt8] {
        authenticate(value, Array("SRUP proof link v1 device".utf8) + bytes)
    }

    /// The tag of OUTCOME *valid*: it shows the device that the beacon holds the value too.
    public func beaconTag(_ value: Secret, _ outcome: Outcome, _ authenticate: Authenticator) -> [UInt8] {
        authenticate(value, Array("SRUP proof link v1 beacon".utf8) + bytes + [outcome.rawValue])
    }
}

/// What a device presented to a beacon, to be compared with the value of each open observation that names it.
public enum Presentation: Equatable, Sendable {
    /// In challenge mode: a tag over this context.
    case proof(ProofContext, tag: [UInt8])
    /// In value mode: the value itself.
    case value(Secret)

    /// Whether the device holds this value; compared in constant time.
    public func matches(_ value: Secret, _ authenticate: Authenticator) -> Bool {
        switch self {
        case .proof(let context, let tag): equalInConstantTime(tag, context.deviceTag(value, authenticate))
        case .value(let shown): shown == value
        }
    }

    /// The OUTCOME that says so to the device.
    public func validOutcome(_ value: Secret, _ authenticate: Authenticator) -> LinkFrame {
        switch self {
        case .proof(let context, _):
            .outcome(.valid, tag: context.beaconTag(value, .valid, authenticate))
        case .value: .outcome(.valid, tag: LinkFrame.noTag)
        }
    }
}
