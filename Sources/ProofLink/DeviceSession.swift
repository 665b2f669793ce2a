import SRUP

/// The joining device's end of one link, as a value. The device may hold its value before the link is made or get it
/// while the link waits: the two sealed copies travel separately and in either order.
///
///     awaitingHello ──HELLO──▶ ready ──CHALLENGE──▶ challenged ──(value known)──▶ proving ──OUTCOME──▶ ended
///           │                    └──(value known first: proving follows CHALLENGE at once)
///           └──HELLO, keyed──▶ claimed ──(value known: CLAIM again)──CHALLENGE──▶ provingKeyed ──OUTCOME──▶ ended
///
/// OUTCOME ends the session in every state. Only one with the value's tag comes from a node that holds the
/// value; any other proves nothing (docs/proof-link.md, "What a device makes of it").
public struct DeviceSession: Sendable {
    /// The state of the link.
    public enum State: Equatable, Sendable {
        /// Connected; the beacon speaks first.
        case awaitingHello
        /// READY has been sent; the beacon may say WAIT any number of times.
        case ready(Mode)
        /// CLAIM has been sent, with a claim or without a value yet; the beacon may say WAIT any number of times.
        case claimed(KeyedContext, hasValue: Bool)
        /// CHALLENGE has been received, and our server's value has not.
        case challenged(Mode, [UInt8])
        /// PROOF or VALUE has been sent; in challenge mode with this context.
        case proving(ProofContext?)
        /// PROOF has been sent in keyed mode, and SIGN follows.
        case provingKeyed(KeyedProof)
        /// OUTCOME has been received.
        case ended
    }

    /// What the device must do.
    public enum Step: Equatable, Sendable {
        /// Send this frame.
        case send(LinkFrame)
        /// Send this PROOF at once; then sign these bytes with the identity key, and send `KeyedProof.frames(of:)`.
        case prove(LinkFrame, signing: [UInt8])
        /// Nothing: the beacon holds the link for so many seconds.
        case wait(seconds: UInt16)
        /// Nothing until the value is there: call `take(value:)`.
        case awaitValue
        /// The end. `beaconProved` is true only where the beacon showed that it holds the value too: always so for
        /// *valid* in challenge mode, for every outcome with a tag in keyed mode, never in value mode.
        case end(Outcome, beaconProved: Bool)
    }

    /// Why a device leaves a beacon.
    public enum Refusal: Error, Equatable, Sendable {
        /// A version that we do not speak.
        case version(UInt8)
        /// The beacon offers none of our modes: a device never falls back to another.
        case modeNotOffered([Mode])
        /// Not the beacon that the join names.
        case otherBeacon(Identifier)
        /// A frame that may not come now.
        case outOfTurn
        /// *valid* with a tag that is not the value's: a false beacon that only relays a name.
        case rogueBeacon
    }

    /// Who speaks with whom, in which modes.
    public struct Parties: Equatable, Sendable {
        /// Ourselves.
        public var device: Identifier
        /// Whose value we prove.
        public var server: Identifier
        /// The beacon that the join names; nil: any that says who it is.
        public var beacon: Identifier?
        /// How the link was made.
        public var transport: Transport
        /// Our modes: the first that HELLO offers is used.
        public var modes: [Mode]

        /// The parties of one link.
        /// - Precondition: at least one mode; value mode stands alone, since nothing falls back to it.
        public init(
            device: Identifier, server: Identifier, beacon: Identifier?, transport: Transport,
            modes: [Mode] = [.keyed, .challenge]
        ) {
            precondition(!modes.isEmpty && (modes == [.value] || !modes.contains(.value)), "modes \(modes)")
            (self.device, self.server, self.beacon) = (device, server, beacon)
            (self.transport, self.modes) = (transport, modes)
        }
    }

    /// The state of the link.
    public private(set) var state = State.awaitingHello
    private let parties: Parties
    /// The modes that the device takes.
    public var modes: [Mode] { parties.modes }
    private let deviceNonce: [UInt8]
    private let authenticate: Authenticator
    private var value: Secret?
    private var beacon = Identifier(0)
    private var linkNonce: [UInt8] = []

    /// A session that waits for HELLO.
    /// - Precondition: 32 fresh random bytes for the nonce.
    public init(
        _ parties: Parties, deviceNonce: [UInt8], value: Secret? = nil, authenticate: @escaping Authenticator
    ) {
        precondition(deviceNonce.count == LinkFrame.deviceNonceLength, "a device nonce of \(deviceNonce.count) bytes")
        (self.parties, self.deviceNonce) = (parties, deviceNonce)
        (self.value, self.authenticate) = (value, authenticate)
    }

    /// The value has come from the server. After the proof, and after a claim, it is ignored: they speak of the value that they
    /// were made with.
    public mutating func take(value: Secret) -> Step? {
        switch state {
        case .awaitingHello, .ready:
            self.value = value
            return nil
        case .challenged(let mode, let challenge):
            self.value = value
            return prove(mode, challenge, value)
        case .claimed(let context, hasValue: false):
            self.value = value
            return claim(context)
        case .claimed, .proving, .provingKeyed, .ended:
            return nil
        }
    }

    /// Takes a frame from the beacon.
    /// - Throws: `Refusal`; the device closes the link.
    public mutating func receive(_ frame: LinkFrame) throws(Refusal) -> Step {
        switch (state, frame) {
        case (.awaitingHello, .hello(let version, let modes, let beacon, let nonce)):
            return try greet(version, modes, beacon, nonce)
        case (.ready, .wait(let seconds)), (.claimed, .wait(let seconds)):
            return .wait(seconds: seconds)
        case (.ready(let mode), .challenge(let challenge)):
            if let value { return prove(mode, challenge, value) }
            state = .challenged(mode, challenge)
            return .awaitValue
        case (.claimed(let context, hasValue: true), .challenge(let challenge)):
            return proveKeyed(context, challenge)
        case (_, .outcome(let outcome, let tag)) where state != .ended:
            return try end(outcome, tag)
        // Out of turn: the device's own frames, anything after the end, HELLO twice, WAIT or CHALLENGE not now.
        case (_, .ready), (_, .proof), (_, .value), (_, .claim), (_, .sign), (_, .hello), (_, .wait), (_, .challenge),
            (_, .outcome):
            throw .outOfTurn
        }
    }

    private mutating func greet(
        _ version: UInt8, _ modes: Modes, _ named: Identifier, _ nonce: [UInt8]
    ) throws(Refusal) -> Step {
        guard version == LinkFrame.version else { throw .version(version) }
        guard let mode = parties.modes.first(where: modes.contains) else { throw .modeNotOffered(parties.modes) }
        // A private beacon names nobody; its tags hold its identity, so that only the one that we mean can make them.
        // Bits that we do not know are ignored here, too. With another mode, zero is nobody's identity.
        let isHidden = named == Identifier(0) && modes.intersection([.value, .challenge, .keyed]) == [.keyed]
        guard named != Identifier(0) || isHidden, let beacon = isHidden ? parties.beacon : named,
            parties.beacon == nil || parties.beacon == beacon
        else { throw .otherBeacon(named) }
        (self.beacon, linkNonce) = (beacon, nonce)
        guard mode == .keyed else {
            state = .ready(mode)
            return .send(.ready(mode: mode, device: parties.device))
        }
        return claim(
            KeyedContext(
                modes: modes, linkNonce: nonce, beacon: beacon, device: parties.device, server: parties.server,
                transport: parties.transport))
    }

    private mutating func claim(_ context: KeyedContext) -> Step {
        state = .claimed(context, hasValue: value != nil)
        guard let value else { return .send(.claim(KeyedContext.noClaim)) }
        return .send(.claim(context.claim(KeyedKeys(value, authenticate).claim, authenticate)))
    }

    /// An OUTCOME with the value's tag comes from a node that holds the value. *valid* without it comes from a false beacon,
    /// except in value mode, which cannot tell.
    private mutating func end(_ outcome: Outcome, _ tag: [UInt8]) throws(Refusal) -> Step {
        let isProved = isProved(outcome, tag)
        guard outcome != .valid || isProved || state == .proving(nil) else { throw .rogueBeacon }
        state = .ended
        return .end(outcome, beaconProved: isProved)
    }

    private func isProved(_ outcome: Outcome, _ tag: [UInt8]) -> Bool {
        guard let value else { return false }
        switch state {
        case .proving(let context?):
            return outcome == .valid && equalInConstantTime(tag, context.beaconTag(value, .valid, authenticate))
        case .provingKeyed(let proof):
            let key = KeyedKeys(value, authenticate).beacon
            // The beacon may have ended the link before PROOF reached it; valid, it says only after PROOF (L65).
            let nonces = outcome == .valid ? [proof.nonce] : [proof.nonce, KeyedContext.noNonce]
            let tags = nonces.map {
                proof.context.beaconTag(key, challenge: proof.challenge, nonce: $0, outcome, authenticate)
            }
            return tags.map { equalInConstantTime(tag, $0) }.contains(true)
        case .awaitingHello, .ready, .claimed, .challenged, .proving(nil), .ended: return false
        }
    }

    private mutating func prove(_ mode: Mode, _ challenge: [UInt8], _ value: Secret) -> Step {
        guard mode == .challenge else {
            state = .proving(nil)
            return .send(.value(value))
        }
        let context = ProofContext(
            linkNonce: linkNonce, challenge: challenge, deviceNonce: deviceNonce, beacon: beacon,
            device: parties.device)
        state = .proving(context)
        return .send(.proof(nonce: deviceNonce, tag: context.deviceTag(value, authenticate)))
    }

    private mutating func proveKeyed(_ context: KeyedContext, _ challenge: [UInt8]) -> Step {
        guard let value else { preconditionFailure("a claim without a value") }
        let key = KeyedKeys(value, authenticate).device
        let tag = context.deviceTag(key, challenge: challenge, nonce: deviceNonce, authenticate)
        let proof = KeyedProof(context: context, challenge: challenge, nonce: deviceNonce, tag: tag)
        state = .provingKeyed(proof)
        return .prove(.proof(nonce: deviceNonce, tag: tag), signing: proof.signedBytes)
    }
}
