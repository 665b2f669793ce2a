import SRUP

/// The beacon's end of one link, as a value: which frame may come now, and what it means. No socket, no clock, no
/// decision about the proof.
///
///     greeting ──READY──▶ holding ──challenge()──▶ challenged ──PROOF | VALUE──▶ presented ──end()──▶ ended
///
/// `end()` may come in any state; a frame out of turn is malformed in every state, and after `ended` nothing is read.
public struct BeaconSession: Sendable {
    /// Where the link stands.
    public enum State: Equatable, Sendable {
        /// HELLO has gone; READY is awaited.
        case greeting
        /// READY has come; the beacon has no request for this device yet.
        case holding(Mode, Identifier)
        /// CHALLENGE has gone; the proof is awaited.
        case challenged(Mode, Identifier)
        /// The proof has come and is being judged.
        case presented(Mode, Identifier)
        /// OUTCOME has gone.
        case ended
    }

    /// What a frame from the device meant.
    public enum Received: Equatable, Sendable {
        /// A device has named itself.
        case ready(Identifier)
        /// A device has presented its proof.
        case presented(Presentation)
    }

    /// A frame that may not come now, or names a mode that HELLO did not offer.
    public struct OutOfTurn: Error, Equatable {}

    /// Where the link stands.
    public private(set) var state = State.greeting
    private let beacon: Identifier
    private let modes: Modes
    private let linkNonce: [UInt8]
    private let challenge: [UInt8]

    /// A session whose HELLO is about to go.
    /// - Precondition: 16 fresh random bytes for the link and 32 for its challenge.
    public init(beacon: Identifier, modes: Modes, linkNonce: [UInt8], challenge: [UInt8]) {
        precondition(linkNonce.count == LinkFrame.linkNonceLength, "a link nonce of \(linkNonce.count) bytes")
        precondition(challenge.count == LinkFrame.challengeLength, "a challenge of \(challenge.count) bytes")
        (self.beacon, self.modes, self.linkNonce, self.challenge) = (beacon, modes, linkNonce, challenge)
    }

    /// The first frame, sent at once on connect.
    public var hello: LinkFrame {
        .hello(version: LinkFrame.version, modes: modes, beacon: beacon, nonce: linkNonce)
    }

    /// The device that READY named, once it has.
    public var device: Identifier? {
        switch state {
        case .greeting, .ended: nil
        case .holding(_, let device), .challenged(_, let device), .presented(_, let device): device
        }
    }

    /// Takes a frame from the device.
    /// - Throws: `OutOfTurn`; nothing has changed, and the link is to be ended as *malformed*.
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
        // Out of turn: the beacon's own frames, READY twice, a proof nobody asked for, the other mode's proof.
        case (_, .hello), (_, .wait), (_, .challenge), (_, .outcome),
            (.holding, .ready), (.challenged, .ready), (.presented, .ready), (.ended, .ready),
            (.greeting, .proof), (.holding, .proof), (.challenged(.value, _), .proof), (.presented, .proof),
            (.ended, .proof),
            (.greeting, .value), (.holding, .value), (.challenged(.challenge, _), .value), (.presented, .value),
            (.ended, .value):
            throw OutOfTurn()
        }
    }

    /// The CHALLENGE of a device whose value is known now.
    /// - Precondition: the link is held: READY has come and no challenge has gone.
    public mutating func sendChallenge() -> LinkFrame {
        guard case .holding(let mode, let device) = state else {
            preconditionFailure("a challenge while the link is \(state)")
        }
        state = .challenged(mode, device)
        return .challenge(challenge)
    }

    /// Nothing is read after this.
    public mutating func end() { state = .ended }
}
