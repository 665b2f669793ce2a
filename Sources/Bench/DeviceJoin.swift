import Keys
import SRUP

/// A device's side of a join and of a membership towards its server, as a value: frames in, effects out (§5.2, §6).
///
///     asking ──OBS_JOIN_RESP, HM_JOIN_RESP (T2)──▶ answered ──RESPONSE (T2)──▶ joined | refused | failed
///        ├──RESPONSE 5E or 5F (T1)──────────────────────────────────────────▶ refused | failed
///        └──RESPONSE 50 (T1), in a simple join only─────────────────────────▶ joined
///
///     joined ──stay──▶ member ──TERMINATE_CMD──▶ terminated
///        │               └─────DEREGISTER_CMD──▶ deregistered
///        └──leave (T3)──▶ leaving ──RESPONSE (T3)──▶ resigned | deregistered | kept
public struct DeviceJoin: Sendable {
    /// How a device joins.
    public enum Way: Equatable, Sendable {
        /// JOIN_REQ (§5.2).
        case simple
        /// HM_JOIN_REQ: a person compares the values (§5.2.1).
        case human
        /// OBS_JOIN_REQ: this beacon observes (§5.2.2).
        case observed(by: Identifier)
    }

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
        /// The value has arrived: show it to a person.
        case show(Secret)
        /// The server has decided.
        case decided(Outcome)
        /// Sign this message, and publish it.
        case answer(Message)
        /// The membership has ended, or the server has refused to end it.
        case left(Departure)
        /// The server has answered this join's request again after its decision.
        case answeredAgain
        /// Tell the operator.
        case say(String)
    }

    /// Unseals a value that was sealed to the device.
    public typealias Unsealer = @Sendable ([UInt8]) throws(UnsealingError) -> Secret

    enum State {
        case asking
        case answered(Token)
        case over
        case member
        case leaving(Token, Withdrawal)
    }

    let own: Identifier
    let server: Identifier
    private let way: Way
    private let token: Token
    private let unseal: Unsealer
    var counter: ReferenceCounter
    var state = State.asking
    /// The token that the join has now: that of the request, and later that of OBS_JOIN_RESP, under which the server decides.
    public private(set) var latestToken: Token

    /// A join before its request.
    /// - Parameters:
    ///   - sequence: of the request; greater than all that this device used before.
    ///   - token: T1, the request's own.
    public init(
        own: Identifier, server: Identifier, way: Way, sequence: SequenceID, token: Token,
        unseal: @escaping Unsealer
    ) {
        (self.own, self.server, self.way) = (own, server, way)
        (self.token, self.unseal, latestToken) = (token, unseal, token)
        counter = ReferenceCounter([server: sequence.number &- 1])
    }

    /// The request to join. To be called once.
    public mutating func request() -> Message {
        let body: Body =
            switch way {
            case .simple: .joinRequest
            case .human: .humanJoinRequest
            case .observed(let observer): .observedJoinRequest(observer: observer)
            }
        return message(body, token)
    }

    mutating func message(_ body: Body, _ token: Token) -> Message {
        Message(sequence: counter.next(to: server), sender: own, token: token, body: body)
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
        // An accepted one above it would leave no room for others (docs/protocol.md, D20).
        guard message.sequence <= SequenceID(.max - 1 << 32) else {
            return [.say("ignored \(message.body.type.name): sequence \(message.sequence) is too high")]
        }
        return serve(message)
    }

    /// Accepts a message's sequence id. Signed messages do not name their recipient: a message that neither token nor seal binds to this
    /// device may be a copy of one for another device, and its sequence id must not block messages for this one.
    mutating func accept(_ message: Message) { _ = counter.accept(message.sequence, from: server) }

    private mutating func serve(_ message: Message) -> [Effect] {
        switch (state, message.body) {
        case (.over, _) where isOfJoin(message):
            accept(message)
            return [.answeredAgain]
        case (.asking, .observedJoinResponse(let sealed)) where isObserved:
            return received(sealed, message) { .prove($0) }
        case (.asking, .humanJoinResponse(let sealed)) where way == .human:
            return received(sealed, message) { .show($0) }
        // An immediate refusal has the request's token. Success without a comparison is accepted in a simple join only.
        case (.asking, .response(let status))
        where message.token == token && (status != .joinSuccess || way == .simple):
            return decided(status, message)
        case (.answered(let expected), .response(let status)) where message.token == expected:
            return decided(status, message)
        case (.member, _), (.leaving, _): return serveMember(message)
        case (.asking, _), (.answered, _), (.over, _): return ignored(message)
        }
    }

    /// Whether a token or a seal binds a message to this join, which is over.
    private func isOfJoin(_ message: Message) -> Bool {
        if case .response = message.body { return message.token == token || message.token == latestToken }
        if case .observedJoinResponse(let sealed) = message.body, isObserved { return opens(sealed) }
        if case .humanJoinResponse(let sealed) = message.body, way == .human { return opens(sealed) }
        return false
    }

    private func opens(_ sealed: Octets) -> Bool { (try? unseal(sealed.bytes)) != nil }

    private var isObserved: Bool { if case .observed = way { true } else { false } }

    func ignored(_ message: Message) -> [Effect] {
        [.say("ignored \(message.body.type.name) with token \(message.token)")]
    }

    private mutating func received(_ sealed: Octets, _ message: Message, _ use: (Secret) -> Effect) -> [Effect] {
        do throws(UnsealingError) {
            let value = try unseal(sealed.bytes)
            accept(message)
            state = .answered(message.token)
            latestToken = message.token
            return [.say("the value has arrived"), use(value)]
        } catch {
            return [.say("ignored \(message.body.type.name): \(error)")]
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
