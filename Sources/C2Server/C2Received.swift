import SRUP

// How a server treats each message, decided in one place: a new message does not compile until it has a case here, and a new case
// does not compile until every function that handles the cases has decided.
extension C2 {
    /// A request of a node.
    enum Request: Equatable, Sendable {
        /// JOIN_REQ, HM_JOIN_REQ, and OBS_JOIN_REQ with its observer.
        case join, humanJoin, observedJoin(observer: Identifier)
        /// RESIGN_REQ and DEREGISTER_REQ.
        case resign, deregister

        /// Whether the node wants to leave.
        var isToLeave: Bool {
            switch self {
            case .join, .humanJoin, .observedJoin: false
            case .resign, .deregister: true
            }
        }

        /// The answer if the request is refused immediately.
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
        /// Messages between servers.
        case betweenServers
        /// Messages from servers to devices.
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

        /// A description of what it answers, if it is an answer to a request or command of a server, under the same token.
        var answer: String? {
            switch self {
            case .response(let status): status.description
            case .data(let id, _):
                switch DataID(id) {
                case .identification, .observationEvidence, .updateHTTPStatus, .updateHTTPContents: DataID(id)?.rawValue
                case .observationProof: "a proof"
                // Of a node of the reference: its token is not that of the request.
                case .identifySeconds, .identificationResponse, .auditHead, nil: nil
                }
            case .request, .betweenServers, .toDevices: nil
            }
        }
    }
}
