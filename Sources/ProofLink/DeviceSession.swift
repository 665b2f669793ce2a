import SRUP

/// The joining device's end of one link, as a value. The device may hold its value before the link is made or get it
/// while the link waits: the two sealed copies travel separately and in either order.
///
///     awaitingHello ──HELLO──▶ ready ──CHALLENGE──▶ challenged ──(value known)──▶ proving ──OUTCOME──▶ ended
///                                └──(value known first: proving follows CHALLENGE at once)
///
/// OUTCOME ends the session in every state after HELLO.
public struct DeviceSession: Sendable {
    /// Where the link stands.
    public enum State: Equatable, Sendable {
        /// Connected; the beacon speaks first.
        case awaitingHello
        /// READY has gone; the beacon may say WAIT any number of times.
        case ready
        /// CHALLENGE has come, and our server's value has not.
        case challenged([UInt8])
        /// PROOF or VALUE has gone; in challenge mode with this context.
        case proving(ProofContext?)
        /// OUTCOME has come.
        case ended
    }

    /// What the device is to do.
    public enum Step: Equatable, Sendable {
        /// Send this frame.
        case send(LinkFrame)
        /// Nothing: the beacon holds the link for so many seconds.
        case wait(seconds: UInt16)
        /// Nothing until the value is there: call `take(value:)`.
        case awaitValue
        /// The end. `beaconProved` is true only where the beacon showed that it holds the value too: always so for
        /// *valid* in challenge mode, never in value mode.
        case end(Outcome, beaconProved: Bool)
    }

    /// Why a device leaves a beacon.
    public enum Refusal: Error, Equatable, Sendable {
        /// A version that we do not speak.
        case version(UInt8)
        /// The beacon does not offer our mode: a device never falls back to another.
        case modeNotOffered(Mode)
        /// Not the beacon that the join names.
        case otherBeacon(Identifier)
        /// A frame that may not come now.
        case outOfTurn
        /// *valid* in challenge mode with a tag that is not the value's: a rogue that only relays a name.
        case rogueBeacon
    }

    /// Where the link stands.
    public private(set) var state = State.awaitingHello
    private let device: Identifier
    private let mode: Mode
    private let expected: Identifier?
    private let deviceNonce: [UInt8]
    private let authenticate: Authenticator
    private var value: Secret?
    private var beacon = Identifier(0)
    private var linkNonce: [UInt8] = []

    /// A session of a device in one mode, for the beacon that its join names (or any, where `expected` is nil).
    /// - Precondition: 32 fresh random bytes for the nonce.
    public init(
        device: Identifier, mode: Mode, expected: Identifier?, deviceNonce: [UInt8], value: Secret? = nil,
        authenticate: @escaping Authenticator
    ) {
        precondition(deviceNonce.count == LinkFrame.deviceNonceLength, "a device nonce of \(deviceNonce.count) bytes")
        (self.device, self.mode, self.expected, self.deviceNonce) = (device, mode, expected, deviceNonce)
        (self.value, self.authenticate) = (value, authenticate)
    }

    /// The value has come from the server. After the proof it is ignored: OUTCOME speaks of the value that was proved.
    public mutating func take(value: Secret) -> Step? {
        switch state {
        case .awaitingHello, .ready:
            self.value = value
            return nil
        case .challenged(let challenge):
            self.value = value
            return prove(challenge, value)
        case .proving, .ended:
            return nil
        }
    }

    /// Takes a frame from the beacon.
    /// - Throws: `Refusal`; the device closes the link.
    public mutating func receive(_ frame: LinkFrame) throws(Refusal) -> Step {
        switch (state, frame) {
        case (.awaitingHello, .hello(let version, let modes, let beacon, let nonce)):
            guard version == LinkFrame.version else { throw .version(version) }
            guard modes.contains(mode) else { throw .modeNotOffered(mode) }
            guard expected == nil || expected == beacon else { throw .otherBeacon(beacon) }
            (self.beacon, linkNonce, state) = (beacon, nonce, .ready)
            return .send(.ready(mode: mode, device: device))
        case (.ready, .wait(let seconds)):
            return .wait(seconds: seconds)
        case (.ready, .challenge(let challenge)):
            if let value { return prove(challenge, value) }
            state = .challenged(challenge)
            return .awaitValue
        case (.proving(let context?), .outcome(.valid, let tag)):
            guard let value, equalInConstantTime(tag, context.beaconTag(value, .valid, authenticate)) else {
                throw .rogueBeacon
            }
            state = .ended
            return .end(.valid, beaconProved: true)
        case (.proving(nil), .outcome(.valid, _)):
            state = .ended
            return .end(.valid, beaconProved: false)
        case (.awaitingHello, .outcome(.valid, _)), (.ready, .outcome(.valid, _)), (.challenged, .outcome(.valid, _)):
            throw .rogueBeacon
        case (.awaitingHello, .outcome(let outcome, _)), (.ready, .outcome(let outcome, _)),
            (.challenged, .outcome(let outcome, _)), (.proving, .outcome(let outcome, _)):
            state = .ended
            return .end(outcome, beaconProved: false)
        // Out of turn: the device's own frames, anything after the end, HELLO twice, WAIT or CHALLENGE not after READY.
        case (_, .ready), (_, .proof), (_, .value), (.ended, _),
            (.ready, .hello), (.challenged, .hello), (.proving, .hello),
            (.awaitingHello, .wait), (.challenged, .wait), (.proving, .wait),
            (.awaitingHello, .challenge), (.challenged, .challenge), (.proving, .challenge):
            throw .outOfTurn
        }
    }

    private mutating func prove(_ challenge: [UInt8], _ value: Secret) -> Step {
        switch mode {
        case .value:
            state = .proving(nil)
            return .send(.value(value))
        case .challenge:
            let context = ProofContext(
                linkNonce: linkNonce, challenge: challenge, deviceNonce: deviceNonce, beacon: beacon, device: device)
            state = .proving(context)
            return .send(.proof(nonce: deviceNonce, tag: context.deviceTag(value, authenticate)))
        }
    }
}
