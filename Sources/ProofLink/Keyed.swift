import SRUP

/// What the tags and the signature of keyed mode are made over (docs/proof-link.md, "Keyed mode"): who proves what to whom, over
/// which link. Both ends and the server know all of it; the device's identity is never on the air.
public struct KeyedContext: Equatable, Sendable {
    /// Bytes of `encoded`.
    public static let length = 44
    /// Bytes of a claim: the first half of an HMAC.
    public static let claimLength = 16
    /// The claim of a device that has no value yet.
    public static let noClaim = [UInt8](repeating: 0, count: claimLength)
    /// Stands for the device's nonce in an OUTCOME that comes before PROOF.
    public static let noNonce = [UInt8](repeating: 0, count: LinkFrame.deviceNonceLength)
    private static let signatureWords = "SRUP proof link keyed signature"

    /// The modes that HELLO offered, so that nobody on the path can remove the strongest one unnoticed.
    public var modes: Modes
    /// From HELLO.
    public var linkNonce: [UInt8]
    /// Who the beacon is, also where HELLO does not say it.
    public var beacon: Identifier
    /// Who the device is.
    public var device: Identifier
    /// Whose value it is.
    public var server: Identifier
    /// How the link was made.
    public var transport: Transport

    /// A context of these parts.
    /// - Precondition: 16 bytes of link nonce.
    public init(
        modes: Modes, linkNonce: [UInt8], beacon: Identifier, device: Identifier, server: Identifier,
        transport: Transport
    ) {
        precondition(linkNonce.count == LinkFrame.linkNonceLength, "a link nonce of \(linkNonce.count) bytes")
        (self.modes, self.linkNonce, self.transport) = (modes, linkNonce, transport)
        (self.beacon, self.device, self.server) = (beacon, device, server)
    }

    /// The prefix of everything that keyed mode authenticates: version 1 ‖ modes offered 1 ‖ mode 1 ‖ link nonce 16 ‖ beacon id 8 ‖
    /// device id 8 ‖ server id 8 ‖ transport 1.
    public var encoded: [UInt8] {
        var bytes = [LinkFrame.version, modes.rawValue, Mode.keyed.rawValue] + linkNonce
        for node in [beacon, device, server] { bytes.appendBigEndian(node.number) }
        return bytes + [transport.number]
    }

    /// The context of an encoded prefix; nil for another version, mode or transport.
    fileprivate init?(from reader: inout Reader) throws(FrameError) {
        let (version, modes, mode) = (try reader.byte(), Modes(rawValue: try reader.byte()), try reader.byte())
        linkNonce = Array(try reader.take(LinkFrame.linkNonceLength))
        beacon = Identifier(try reader.bigEndian(UInt64.self))
        device = Identifier(try reader.bigEndian(UInt64.self))
        server = Identifier(try reader.bigEndian(UInt64.self))
        let transport = Transport(number: try reader.byte())
        guard version == LinkFrame.version, mode == Mode.keyed.rawValue, let transport else { return nil }
        (self.modes, self.transport) = (modes, transport)
    }

    /// The claim of CLAIM, 16 bytes: it matches one open observation, and tells strangers nothing.
    /// - Parameter key: `KeyedKeys.claim` of the value.
    public func claim(_ key: Secret, _ authenticate: Authenticator) -> [UInt8] {
        Array(authenticate(key, encoded).prefix(KeyedContext.claimLength))
    }

    /// The tag of PROOF: only a holder of the value can make it.
    /// - Parameter key: `KeyedKeys.device` of the value.
    public func deviceTag(
        _ key: Secret, challenge: [UInt8], nonce: [UInt8], _ authenticate: Authenticator
    ) -> [UInt8] {
        authenticate(key, encoded + challenge + nonce)
    }

    /// The tag of OUTCOME: it shows the device that the beacon holds the value too, whatever the status is.
    /// - Parameters:
    ///   - key: `KeyedKeys.beacon` of the value.
    ///   - nonce: of PROOF; `noNonce` if none has been received.
    public func beaconTag(
        _ key: Secret, challenge: [UInt8], nonce: [UInt8], _ outcome: Outcome, _ authenticate: Authenticator
    ) -> [UInt8] {
        authenticate(key, encoded + challenge + nonce + [outcome.rawValue])
    }

    /// What the device signs with its identity key (RSASSA-PKCS1-v1_5, SHA-256).
    public func signedBytes(challenge: [UInt8], nonce: [UInt8], tag: [UInt8]) -> [UInt8] {
        Array(KeyedContext.signatureWords.utf8) + encoded + challenge + nonce + tag
    }
}

/// The three keys that keyed mode derives from a value: one for each use, so that no tag can stand for another.
public struct KeyedKeys: Sendable {
    /// Of CLAIM.
    public let claim: Secret
    /// Of PROOF.
    public let device: Secret
    /// Of OUTCOME.
    public let beacon: Secret

    /// K(word) = HMAC-SHA256(value, "SRUP proof link keyed " ‖ word).
    public init(_ value: Secret, _ authenticate: Authenticator) {
        func key(_ word: String) -> Secret {
            var bytes = authenticate(value, Array("SRUP proof link keyed \(word)".utf8))
            defer { bytes.withUnsafeMutableBytes { wipe($0) } }
            return Secret(derived: bytes)
        }
        (claim, device, beacon) = (key("claim"), key("device"), key("beacon"))
    }
}

/// A device's proof in keyed mode, whole: what the beacon forwards to the server, which can check all of it
/// (docs/proof-link.md, "Keyed mode"). The beacon cannot check the signature: it holds no device's key.
public struct KeyedProof: Equatable, Sendable {
    /// More bytes of a signature are refused: a key of 16,384 bits makes as many, and SRUP knows no larger one.
    public static let maximumSignature = 2_048
    /// Bytes of a signature in one SIGN at most.
    public static let maximumPiece = 128

    /// Who proved what to whom.
    public var context: KeyedContext
    /// From CHALLENGE.
    public var challenge: [UInt8]
    /// From PROOF.
    public var nonce: [UInt8]
    /// From PROOF.
    public var tag: [UInt8]
    /// From SIGN; empty until it is whole.
    public var signature: [UInt8]

    /// A proof, signed or not yet.
    public init(context: KeyedContext, challenge: [UInt8], nonce: [UInt8], tag: [UInt8], signature: [UInt8] = []) {
        (self.context, self.challenge, self.nonce, self.tag) = (context, challenge, nonce, tag)
        self.signature = signature
    }

    /// Whether the tag is the value's; compared in constant time.
    public func matches(_ keys: KeyedKeys, _ authenticate: Authenticator) -> Bool {
        equalInConstantTime(tag, context.deviceTag(keys.device, challenge: challenge, nonce: nonce, authenticate))
    }

    /// What the signature is over.
    public var signedBytes: [UInt8] { context.signedBytes(challenge: challenge, nonce: nonce, tag: tag) }

    /// The data of OBSERVATION_PROOF: prefix 44 ‖ challenge 32 ‖ nonce 32 ‖ tag 32 ‖ signature.
    public var encoded: [UInt8] { context.encoded + challenge + nonce + tag + signature }

    /// A proof from the data of OBSERVATION_PROOF; nil if it is too short, too long, or its prefix is not one of keyed mode.
    public init?(encoded bytes: [UInt8]) {
        var reader = Reader(bytes)
        do throws(FrameError) {
            guard let context = try KeyedContext(from: &reader) else { return nil }
            self.context = context
            challenge = Array(try reader.take(LinkFrame.challengeLength))
            nonce = Array(try reader.take(LinkFrame.deviceNonceLength))
            tag = Array(try reader.take(LinkFrame.tagLength))
            signature = Array(try reader.take(reader.left))
        } catch {
            return nil
        }
        guard (1...KeyedProof.maximumSignature).contains(signature.count) else { return nil }
    }

    /// The SIGN frames of a signature, in pieces of at most 128 bytes.
    public static func frames(of signature: [UInt8]) -> [LinkFrame] { frames(of: signature, pieces: maximumPiece) }

    /// The same in pieces of another length, for a beacon that accepts packets of less than 132 bytes only.
    /// - Precondition: 1 to 128 bytes.
    public static func frames(of signature: [UInt8], pieces length: Int) -> [LinkFrame] {
        precondition((1...maximumPiece).contains(length), "pieces of \(length) bytes")
        return stride(from: 0, to: signature.count, by: length).map { start in
            let end = min(start + length, signature.count)
            return .sign(last: end == signature.count, Array(signature[start..<end]))
        }
    }
}
