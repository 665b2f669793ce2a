import Keys
import SRUP

/// The joining device's side of an observed join towards its server, as a value: frames in, effects out.
///
///     asking ──OBS_JOIN_RESP (T2)──▶ answered ──RESPONSE (T2)──▶ joined | refused | failed
///        └──RESPONSE 5E or 5F (T1)──────────────────────────────▶ refused | failed
public struct DeviceJoin: Sendable {
    /// The server's decision.
    public enum Outcome: String, Sendable {
        /// RESPONSE 50.
        case joined
        /// RESPONSE 5E.
        case refused
        /// RESPONSE 5F.
        case failed
    }

    /// What the device must do.
    public enum Effect: Equatable, Sendable {
        /// The value has arrived: prove to the beacon that the device holds it.
        case prove(Secret)
        /// The server has decided.
        case decided(Outcome)
        /// The server has answered again after its decision.
        case answeredAgain
        /// Tell the operator.
        case say(String)
    }

    /// Unseals a value that was sealed to the device.
    public typealias Unsealer = @Sendable ([UInt8]) throws(UnsealingError) -> Secret

    private enum State {
        case asking
        case answered(Token)
        case over
    }

    private let own: Identifier
    private let server: Identifier
    private let observer: Identifier
    private let token: Token
    private let unseal: Unsealer
    private var counter: ReferenceCounter
    private var state = State.asking
    /// The token that the join has now: that of the request, and later that of OBS_JOIN_RESP, under which the server decides.
    public private(set) var latestToken: Token

    /// A join before its request.
    /// - Parameters:
    ///   - sequence: of the OBS_JOIN_REQ; greater than all that this device used before.
    ///   - token: T1, the request's own.
    public init(
        own: Identifier, server: Identifier, observer: Identifier, sequence: SequenceID, token: Token,
        unseal: @escaping Unsealer
    ) {
        (self.own, self.server, self.observer) = (own, server, observer)
        (self.token, self.unseal, latestToken) = (token, unseal, token)
        counter = ReferenceCounter([server: sequence.number &- 1])
    }

    /// The OBS_JOIN_REQ. To be called once.
    public mutating func request() -> Message {
        Message(
            sequence: counter.next(to: server), sender: own, token: token,
            body: .observedJoinRequest(observer: observer))
    }

    /// Handles a payload from the broker. Only messages of the device's server count, and they must be new.
    public mutating func receive(_ payload: [UInt8], checkedBy keyring: some Keyring) -> [Effect] {
        let message: Message
        do {
            let frame = try UnverifiedFrame(payload)
            guard frame.claimedSender != own else { return [] }
            guard frame.claimedSender == server else {
                return [.say("ignored \(frame.claimedType.name) of \(frame.claimedSender): not our server")]
            }
            message = try frame.verified(by: keyring).content
        } catch {
            return [.say("ignored a payload of \(payload.count) bytes: \(error)")]
        }
        let last = counter[server]
        guard message.sequence > last else {
            return [.say("ignored \(message.body.type.name): sequence \(message.sequence) is not above \(last)")]
        }
        return serve(message)
    }

    /// Accepts a message's sequence id. Signed messages do not name their recipient: a message that neither token nor seal binds to this
    /// device may be a copy of one for another device, and its sequence id must not block messages for this one.
    private mutating func accept(_ message: Message) { _ = counter.accept(message.sequence, from: server) }

    private mutating func serve(_ message: Message) -> [Effect] {
        switch (state, message.body) {
        case (.over, _):
            accept(message)
            return [.answeredAgain]
        case (.asking, .observedJoinResponse(let sealed)):
            do throws(UnsealingError) {
                let value = try unseal(sealed.bytes)
                accept(message)
                state = .answered(message.token)
                latestToken = message.token
                return [.say("the value has arrived"), .prove(value)]
            } catch {
                return [.say("ignored \(message.body.type.name): \(error)")]
            }
        // An immediate refusal has the request's token. Success without an observation is not accepted.
        case (.asking, .response(let status)) where message.token == token && status != .joinSuccess:
            return decided(status, message)
        case (.answered(let expected), .response(let status)) where message.token == expected:
            return decided(status, message)
        case (.asking, _), (.answered, _):
            return [.say("ignored \(message.body.type.name) with token \(message.token)")]
        }
    }

    private mutating func decided(_ status: Status, _ message: Message) -> [Effect] {
        let outcome: Outcome
        switch status.name {
        case .joinSuccess: outcome = .joined
        case .joinRefused: outcome = .refused
        case .joinFail: outcome = .failed
        case .updateSuccess, .updateFailHTTPError, .updateFailServer, .updateFailFile, .updateFailDigest,
            .activateSuccess, .activateFail, .actionSuccess, .actionUnknown, .actionFail, .dataTypeUnknown,
            .observedJoinValid, .observedJoinInvalid, .observedJoinFail, .resignSuccess, .resignFail,
            .deregisterSuccess,
            .deregisterFail, nil:
            return [.say("ignored the status \(status)")]
        }
        accept(message)
        state = .over
        return [.say("the server says: \(status)"), .decided(outcome)]
    }
}
