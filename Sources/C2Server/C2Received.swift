import SRUP

// What a server makes of a message that came, decided in one place: a new message does not compile until it has a case here,
// and a new case not until everything that handles them has decided.
extension C2 {
    /// What a node asks for.
    enum Request: Equatable, Sendable {
        /// JOIN_REQ, HM_JOIN_REQ, and OBS_JOIN_REQ with its observer.
        case join, humanJoin, observedJoin(observer: Identifier)
        /// RESIGN_REQ and DEREGISTER_REQ.
        case resign, deregister

        /// The answer to a request that is refused at once.
        var refusal: Status {
            switch self {
            case .join, .humanJoin, .observedJoin: .joinRefused
            case .resign: .resignFail
            case .deregister: .deregisterFail
            }
        }
    }

    /// A message's body as the server treats it.
    enum Received: Equatable, Sendable {
        case request(Request)
        /// RESPONSE: to a command, or an observer's verdict.
        case response(Status)
        case data(id: Octets, Octets)
        /// What servers say to each other.
        case betweenServers
        /// What servers send to devices: it is not for a server.
        case toDevices

        init(_ body: Body) {
            switch body {
            case .joinRequest: self = .request(.join)
            case .humanJoinRequest: self = .request(.humanJoin)
            case .observedJoinRequest(let observer): self = .request(.observedJoin(observer: observer))
            case .resignRequest: self = .request(.resign)
            case .deregisterRequest: self = .request(.deregister)
            case .response(let status): self = .response(status)
            case .data(let id, let data): self = .data(id: id, data)
            case .initiate, .activate, .action, .identityRequest, .joinCommand, .humanJoinResponse,
                .observedJoinResponse,
                .observationRequest, .terminateCommand, .deregisterCommand:
                self = .toDevices
            case .syndicationInitiate, .syndicatedAction, .syndicatedData, .syndicatedIdentityRequest,
                .syndicatedDeviceCount, .syndicatedDeviceList, .syndicationRequest, .syndicatedC2Request,
                .syndicationEnd,
                .syndicationTerminate:
                self = .betweenServers
            }
        }

        /// What it answers with, in words, where it is an answer to something that a server has asked under its token.
        var answer: String? {
            switch self {
            case .response(let status): status.description
            case .data(let id, _):
                ["OBSERVATION_EVIDENCE", "IDENTIFICATION", "UPDATE_HTTP_STATUS", "UPDATE_HTTP_CONTENTS"]
                    .first { id == Octets($0.utf8) } ?? (id == Body.observationProof ? "a proof" : nil)
            case .request, .betweenServers, .toDevices: nil
            }
        }
    }
}
