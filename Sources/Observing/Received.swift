import SRUP

/// A message's body as the beacon treats it, decided in one place: a new message does not compile until it has a case here, and a new
/// case does not compile until every function that handles the cases has decided.
public enum Received: Equatable, Sendable {
    /// OBSERVE_REQ.
    case observation(joining: Identifier, sealed: Octets)
    /// RESPONSE: to a request of ours.
    case answer(Status)
    /// HM_JOIN_RESP and OBS_JOIN_RESP: the value of our own join.
    case value(sealed: Octets)
    /// JOIN_CMD.
    case joinCommand(device: Identifier)
    /// What a server may have done by a member.
    case command(Command)
    /// TERMINATE_CMD and DEREGISTER_CMD, which end a membership.
    case terminate, deregister
    /// Messages from devices to servers.
    case toServers
    /// Messages between servers.
    case betweenServers

    /// A command to a member that goes on with the membership.
    public enum Command: Equatable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case initiate(url: Octets, digest: Octets), activate, action(UInt8), data(id: Octets, Octets), identityRequest
    }

    /// The treatment of a body.
    public init(_ body: Body) {
        switch body {
        case .observationRequest(let device, let sealed): self = .observation(joining: device, sealed: sealed)
        case .response(let status): self = .answer(status)
        case .humanJoinResponse(let sealed), .observedJoinResponse(let sealed): self = .value(sealed: sealed)
        case .joinCommand(let device): self = .joinCommand(device: device)
        case .initiate(let url, let digest): self = .command(.initiate(url: url, digest: digest))
        case .activate: self = .command(.activate)
        case .action(let code): self = .command(.action(code))
        case .data(let id, let data): self = .command(.data(id: id, data))
        case .identityRequest: self = .command(.identityRequest)
        case .terminateCommand: self = .terminate
        case .deregisterCommand: self = .deregister
        case .joinRequest, .humanJoinRequest, .observedJoinRequest, .resignRequest, .deregisterRequest:
            self = .toServers
        case .syndicationInitiate, .syndicatedAction, .syndicatedData, .syndicatedIdentityRequest,
            .syndicatedDeviceCount, .syndicatedDeviceList, .syndicationRequest, .syndicatedC2Request, .syndicationEnd,
            .syndicationTerminate:
            self = .betweenServers
        }
    }

    /// What is sealed to us.
    var sealed: Octets? {
        switch self {
        case .observation(_, let sealed), .value(let sealed): sealed
        case .answer, .joinCommand, .command, .terminate, .deregister, .toServers, .betweenServers: nil
        }
    }

    /// Whether it counts for the rate of commands. What ends a membership is obeyed whatever came before it, once.
    var isLimited: Bool {
        switch self {
        case .command, .joinCommand: true
        case .observation, .answer, .value, .terminate, .deregister, .toServers, .betweenServers: false
        }
    }

    /// What a server orders a member to do. OBSERVE_REQ is not among them: what binds it to us is its sealed value.
    var isCommand: Bool {
        switch self {
        case .command, .terminate, .deregister: true
        case .observation, .answer, .value, .joinCommand, .toServers, .betweenServers: false
        }
    }

    /// Whether a server may say it however much it has said before: an answer to us, and what ends a membership.
    public var isAlwaysHeard: Bool {
        switch self {
        case .answer, .terminate, .deregister: true
        case .observation, .value, .joinCommand, .command, .toServers, .betweenServers: false
        }
    }
}
