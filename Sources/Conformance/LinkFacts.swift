import Keys
import ProofLink
import SRUP

/// What both ends know of one link: everything that a device's frames are computed from (docs/proof-link.md, "The tags", "Keyed mode").
package struct LinkFacts: Sendable {
    /// Who the device is.
    package var device: Identifier
    /// Whose value it proves.
    package var server: Identifier
    /// The beacon that its join request names.
    package var beacon: Identifier
    /// How the link was made.
    package var transport: Transport
    /// The value that the server has sent.
    package var value: Secret
    /// What HELLO offered.
    package var modes: Modes
    /// From HELLO, 16 bytes.
    package var linkNonce: [UInt8]
    /// From CHALLENGE, 32 bytes.
    package var challenge: [UInt8]
    /// From PROOF, 32 bytes; zeros before it.
    package var deviceNonce = KeyedContext.noNonce
    /// From PROOF.
    package var tag = LinkFrame.noTag

    /// The facts of a link whose nonces are fresh.
    package init(
        device: Identifier, server: Identifier, beacon: Identifier, transport: Transport, value: Secret,
        modes: Modes = [.challenge, .keyed]
    ) {
        (self.device, self.server, self.beacon) = (device, server, beacon)
        (self.transport, self.value, self.modes) = (transport, value, modes)
        linkNonce = randomBytes(LinkFrame.linkNonceLength)
        challenge = randomBytes(LinkFrame.challengeLength)
    }

    var proofContext: ProofContext {
        ProofContext(
            linkNonce: linkNonce, challenge: challenge, deviceNonce: deviceNonce, beacon: beacon, device: device)
    }

    var keyedContext: KeyedContext {
        KeyedContext(
            modes: modes, linkNonce: linkNonce, beacon: beacon, device: device, server: server, transport: transport)
    }

    var keys: KeyedKeys { KeyedKeys(value, hmacSHA256) }

    /// What a correct device sends, where only one answer is correct; nil for the signature, which only a key can check.
    package func expected(_ kind: DeviceFrame) -> [UInt8]? {
        switch kind {
        case .ready: Array(LinkFrame.ready(mode: .challenge, device: device).encoded.suffix(8))
        case .claim: keyedContext.claim(keys.claim, hmacSHA256)
        case .proof: proofContext.deviceTag(value, hmacSHA256)
        case .keyedProof:
            keyedContext.deviceTag(keys.device, challenge: challenge, nonce: deviceNonce, hmacSHA256)
        case .value: value.withBytes(Array.init)
        case .signature: nil
        }
    }

    /// What a correct device signs in keyed mode.
    package var signedBytes: [UInt8] {
        keyedContext.signedBytes(challenge: challenge, nonce: deviceNonce, tag: tag)
    }

    /// The tag of an OUTCOME of a beacon that holds the value.
    func beaconTag(_ outcome: Outcome, _ mode: Mode) -> [UInt8] {
        switch mode {
        case .challenge: proofContext.beaconTag(value, outcome, hmacSHA256)
        case .keyed:
            keyedContext.beaconTag(keys.beacon, challenge: challenge, nonce: deviceNonce, outcome, hmacSHA256)
        case .value: LinkFrame.noTag
        }
    }
}

/// The parts of a device's frames that are computed, and can be computed wrongly.
package enum DeviceFrame: CaseIterable, Sendable {
    /// The identity in READY.
    case ready
    /// The 16 bytes of CLAIM.
    case claim
    /// The tag of PROOF in challenge mode.
    case proof
    /// The tag of PROOF in keyed mode.
    case keyedProof
    /// The value in VALUE.
    case value
    /// The whole signature of SIGN.
    case signature
}
