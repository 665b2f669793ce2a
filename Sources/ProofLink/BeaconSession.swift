import SRUP

/// The beacon's end of one link, as a value: which frame may come now, and what it means. No socket, no clock, no
/// decision about the proof.
///
///     greeting ──READY──▶ holding ──challenge()──▶ challenged ──PROOF | VALUE──▶ presented ──end()──▶ ended
///        └──CLAIM──▶ claimed ──challenge(to:)──▶ challengedKeyed ──PROOF──▶ signing ──SIGN, the last──▶ presented
///
/// `end()` may come in any state; a frame out of turn is malformed in every state, and after `ended` nothing is read.
public struct BeaconSession: Sendable {
    /// The state of the link.
    public enum State: Equatable, Sendable {
        /// HELLO has been sent; READY is awaited.
        case greeting
        /// READY has been received; the beacon has no request for this device yet.
        case holding(Mode, Identifier)
        /// CLAIM has been received; it matches no open observation yet. If it is all zero, the device has no value yet.
        case claimed([UInt8])
        /// CHALLENGE has been sent; the proof is awaited.
        case challenged(Mode, Identifier)
        /// CHALLENGE has been sent to the device whose claim has matched.
        case challengedKeyed(KeyedContext)
        /// PROOF has been received in keyed mode, and this part of the signature.
        case signing(KeyedProof)
        /// The proof has come and is being judged.
        case presented(Mode, Identifier)
        /// OUTCOME has been sent.
        case ended
    }

    /// What a frame from the device meant.
    public enum Received: Equatable, Sendable {
        /// A device has named itself.
        case ready(Identifier)
        /// A device has claimed one of the values that the beacon may know, or says that it has none yet.
        case claim([UInt8])
        /// A device has presented the first half of its proof in keyed mode: the round trip ends here.
        case proved(KeyedProof)
        /// A piece of the signature that is not the last.
        case piece
        /// The proof with its whole signature.
        case signed(KeyedProof)
        /// A device has presented its proof.
        case presented(Presentation)
    }

    /// A frame that may not come now, or names a mode that HELLO did not offer.
    public struct OutOfTurn: Error, Equatable {}

    /// The state of the link.
    public private(set) var state = State.greeting
    private let beacon: Identifier
    private let modes: Modes
    private let hidesIdentity: Bool
    private let linkNonce: [UInt8]
    private let challenge: [UInt8]

    /// A session whose HELLO is about to go.
    /// - Parameter hidesIdentity: whether HELLO names nobody. Only keyed mode can do that: its tags hold the identity.
    /// - Precondition: 16 fresh random bytes for the link and 32 for its challenge.
    public init(
        beacon: Identifier, modes: Modes, hidesIdentity: Bool = false, linkNonce: [UInt8], challenge: [UInt8]
    ) {
        self.hidesIdentity = hidesIdentity && modes == [.keyed]
        precondition(linkNonce.count == LinkFrame.linkNonceLength, "a link nonce of \(linkNonce.count) bytes")
        precondition(challenge.count == LinkFrame.challengeLength, "a challenge of \(challenge.count) bytes")
        (self.beacon, self.modes, self.linkNonce, self.challenge) = (beacon, modes, linkNonce, challenge)
    }

    /// The first frame, sent at once on connect.
    public var hello: LinkFrame {
        let named = hidesIdentity ? Identifier(0) : beacon
        return .hello(version: LinkFrame.version, modes: modes, beacon: named, nonce: linkNonce)
    }

    /// The device that READY named, or that a matching claim belongs to, once it is known.
    public var device: Identifier? {
        switch state {
        case .greeting, .claimed, .ended: nil
        case .holding(_, let device), .challenged(_, let device), .presented(_, let device): device
        case .challengedKeyed(let context): context.device
        case .signing(let proof): proof.context.device
        }
    }

    /// What keyed mode authenticates, if this link is the device's, and the value this server's.
    public func context(device: Identifier, server: Identifier, over transport: Transport) -> KeyedContext {
        KeyedContext(
            modes: modes, linkNonce: linkNonce, beacon: beacon, device: device, server: server, transport: transport)
    }

    /// The OUTCOME that ends the link now: once a claim has matched, it shows that the beacon holds the value too.
    /// - Parameter key: `KeyedKeys.beacon` of the value that the claim has matched; nil if none has.
    public func outcome(_ outcome: Outcome, _ key: Secret?, _ authenticate: Authenticator) -> LinkFrame {
        let (context, nonce): (KeyedContext, [UInt8])
        switch state {
        case .challengedKeyed(let open): (context, nonce) = (open, KeyedContext.noNonce)
        case .signing(let proof): (context, nonce) = (proof.context, proof.nonce)
        case .greeting, .holding, .claimed, .challenged, .presented, .ended:
            return .outcome(outcome, tag: LinkFrame.noTag)
        }
        guard let key else { preconditionFailure("a claim has fitted, and its key is not there") }
        return .outcome(
            outcome, tag: context.beaconTag(key, challenge: challenge, nonce: nonce, outcome, authenticate))
    }

    /// Takes a frame from the device.
    /// - Throws: `OutOfTurn`; nothing has changed, and the link must be ended as *malformed*.
    public mutating func receive(_ frame: LinkFrame) throws(OutOfTurn) -> Received {
        switch (state, frame) {
        case (.greeting, .ready(let mode, let device)):
            guard modes.contains(mode) else { throw OutOfTurn() }
            state = .holding(mode, device)
            return .ready(device)
        case (.challenged(.challenge, let device), .proof(let nonce, let tag)):
            state = .presented(.challenge, device)
            let context = ProofContext(
                linkNonce: linkNonce, challenge: challenge, deviceNonce: nonce, beacon: beacon, device: device)
            return .presented(.proof(context, tag: tag))
        case (.challenged(.value, let device), .value(let value)):
            state = .presented(.value, device)
            return .presented(.value(value))
        case (.greeting, .claim(let claim)), (.claimed(KeyedContext.noClaim), .claim(let claim)):
            guard modes.contains(Mode.keyed), state == .greeting || claim != KeyedContext.noClaim else {
                throw OutOfTurn()
            }
            state = .claimed(claim)
            return .claim(claim)
        case (.challengedKeyed(let context), .proof(let nonce, let tag)):
            let proof = KeyedProof(context: context, challenge: challenge, nonce: nonce, tag: tag)
            state = .signing(proof)
            return .proved(proof)
        case (.signing(var proof), .sign(let isLast, let piece)):
            proof.signature += piece
            guard proof.signature.count <= KeyedProof.maximumSignature else { throw OutOfTurn() }
            state = .signing(proof)
            return isLast ? .signed(proof) : .piece
        // Out of turn: the beacon's own frames, READY twice, a proof nobody asked for, another mode's proof.
        case (_, .hello), (_, .wait), (_, .challenge), (_, .outcome),
            (.holding, _), (.challenged, _), (.claimed, _), (.challengedKeyed, _), (.signing, _), (.presented, _),
            (.ended, _), (.greeting, .proof), (.greeting, .value), (.greeting, .sign):
            throw OutOfTurn()
        }
    }

    /// The CHALLENGE of a device whose value is known now.
    /// - Precondition: the link is held: READY has been received and no challenge has been sent.
    public mutating func sendChallenge() -> LinkFrame {
        guard case .holding(let mode, let device) = state else {
            preconditionFailure("a challenge while the link is \(state)")
        }
        state = .challenged(mode, device)
        return .challenge(challenge)
    }

    /// The CHALLENGE of a device whose claim has matched.
    /// - Precondition: CLAIM has been received and no challenge has been sent.
    public mutating func sendChallenge(to context: KeyedContext) -> LinkFrame {
        guard case .claimed = state else { preconditionFailure("a challenge in keyed mode while the link is \(state)") }
        state = .challengedKeyed(context)
        return .challenge(challenge)
    }

    /// Nothing is read after this.
    public mutating func end() { state = .ended }
}
