/// The message types of version 5, by the paper's and the reference's names. The generic message (00) and the group
/// messages (07, 08, 14; withdrawn in version 4) are not among them: nobody dispatches them.
public enum MessageType: UInt8, CaseIterable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case initiate = 0x01, response, activate, action, data, identityRequest
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case joinRequest = 0x09, joinCommand, humanJoinRequest, humanJoinResponse
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case observedJoinRequest = 0x0D, observedJoinResponse, observationRequest
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case resignRequest = 0x10, terminateCommand, deregisterRequest, deregisterCommand
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case syndicationInitiate = 0x21
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case syndicatedAction = 0x24, syndicatedData, syndicatedIdentityRequest, syndicatedDeviceCount
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case syndicatedDeviceList = 0x28, syndicationRequest
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case syndicatedC2Request = 0x2C
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    case syndicationEnd = 0x2E, syndicationTerminate

    /// Whether a device asks a server to let it join (§5.2).
    public var isRequestToJoin: Bool {
        switch self {
        case .joinRequest, .humanJoinRequest, .observedJoinRequest: true
        case .initiate, .response, .activate, .action, .data, .identityRequest, .joinCommand, .humanJoinResponse,
            .observedJoinResponse, .observationRequest, .resignRequest, .terminateCommand, .deregisterRequest,
            .deregisterCommand, .syndicationInitiate, .syndicatedAction, .syndicatedData, .syndicatedIdentityRequest,
            .syndicatedDeviceCount, .syndicatedDeviceList, .syndicationRequest, .syndicatedC2Request, .syndicationEnd,
            .syndicationTerminate:
            false
        }
    }

    /// Whether a device asks a server to let it join, resign or be deregistered (§5.2, §6).
    public var isRequest: Bool { isRequestToJoin || self == .resignRequest || self == .deregisterRequest }

    /// The name that the specification gives the message, without its `SRUP_MESSAGE_TYPE_`.
    public var name: String {
        switch self {
        case .initiate: "INITIATE"
        case .response: "RESPONSE"
        case .activate: "ACTIVATE"
        case .action: "ACTION"
        case .data: "DATA"
        case .identityRequest: "ID_REQUEST"
        case .joinRequest: "JOIN_REQ"
        case .joinCommand: "JOIN_CMD"
        case .humanJoinRequest: "HM_JOIN_REQ"
        case .humanJoinResponse: "HM_JOIN_RESP"
        case .observedJoinRequest: "OBS_JOIN_REQ"
        case .observedJoinResponse: "OBS_JOIN_RESP"
        case .observationRequest: "OBSERVE_REQ"
        case .resignRequest: "RESIGN_REQ"
        case .terminateCommand: "TERMINATE_CMD"
        case .deregisterRequest: "DEREGISTER_REQ"
        case .deregisterCommand: "DEREGISTER_CMD"
        case .syndicationInitiate: "SYNDICATION_INIT"
        case .syndicatedAction: "SYNDICATED_ACTION"
        case .syndicatedData: "SYNDICATED_DATA"
        case .syndicatedIdentityRequest: "SYNDICATED_ID_REQUEST"
        case .syndicatedDeviceCount: "SYNDICATED_DEVICE_COUNT"
        case .syndicatedDeviceList: "SYNDICATED_DEVICE_LIST"
        case .syndicationRequest: "SYNDICATION_REQUEST"
        case .syndicatedC2Request: "SYNDICATED_C2_REQ"
        case .syndicationEnd: "SYNDICATION_END"
        case .syndicationTerminate: "SYNDICATION_TERMINATE"
        }
    }
}

/// What a message says beyond its header. One case a type, in the order of the table in docs/protocol.md, section 2.
public enum Body: Hashable, Sendable {
    /// A server offers an update (§3.2).
    case initiate(url: Octets, digest: Octets)
    /// The outcome of whatever the token names.
    case response(Status)
    /// A server orders the fetched update to be put in place (§3.2).
    case activate
    /// A server orders something to be done (§3.6).
    case action(UInt8)
    /// Application data in either direction (§3.5).
    case data(id: Octets, data: Octets)
    /// A server asks who a device is.
    case identityRequest
    /// A device asks to join (§5.2).
    case joinRequest
    /// A server orders a device to join.
    case joinCommand(device: Identifier)
    /// A device asks to join, with a person comparing the value (§5.2.1).
    case humanJoinRequest
    /// The value that the device shows to the person, sealed to the device.
    case humanJoinResponse(sealed: Octets)
    /// A device asks to join, with an observer comparing the value (§5.2.2).
    case observedJoinRequest(observer: Identifier)
    /// The value that the device shows to the observer, sealed to the device.
    case observedJoinResponse(sealed: Octets)
    /// The same value, sealed to the observer.
    case observationRequest(joining: Identifier, sealed: Octets)
    /// A device asks to leave a server (§6).
    case resignRequest
    /// A server lets a device go (§6).
    case terminateCommand
    /// A device asks to leave the system (§6).
    case deregisterRequest
    /// A server expels a device from the system (§6).
    case deregisterCommand
    /// Messages between servers: decoded and shown, never acted on by a beacon.
    case syndicationInitiate(url: Octets, sealed: Octets)
    /// See `syndicationInitiate`.
    case syndicatedAction(UInt8, target: Identifier)
    /// See `syndicationInitiate`.
    case syndicatedData(id: Octets, data: Octets, source: Identifier)
    /// See `syndicationInitiate`.
    case syndicatedIdentityRequest(target: Identifier)
    /// See `syndicationInitiate`.
    case syndicatedDeviceCount(UInt32)
    /// See `syndicationInitiate`.
    case syndicatedDeviceList(sequence: UInt32, device: Identifier)
    /// See `syndicationInitiate`.
    case syndicationRequest(sealed: Octets)
    /// See `syndicationInitiate`.
    case syndicatedC2Request(data: Octets, request: UInt8)
    /// See `syndicationInitiate`.
    case syndicationEnd
    /// See `syndicationInitiate`.
    case syndicationTerminate
}

extension Body {
    init(_ type: MessageType, from r: inout Reader) throws(FrameError) {
        switch type {
        case .initiate: self = .initiate(url: try r.read(), digest: try r.read())
        case .response: self = .response(try r.read())
        case .activate: self = .activate
        case .action: self = .action(try r.read())
        case .data: self = .data(id: try r.read(), data: try r.read())
        case .identityRequest: self = .identityRequest
        case .joinRequest: self = .joinRequest
        case .joinCommand: self = .joinCommand(device: try r.read())
        case .humanJoinRequest: self = .humanJoinRequest
        case .humanJoinResponse: self = .humanJoinResponse(sealed: try r.read())
        case .observedJoinRequest: self = .observedJoinRequest(observer: try r.read())
        case .observedJoinResponse: self = .observedJoinResponse(sealed: try r.read())
        case .observationRequest: self = .observationRequest(joining: try r.read(), sealed: try r.read())
        case .resignRequest: self = .resignRequest
        case .terminateCommand: self = .terminateCommand
        case .deregisterRequest: self = .deregisterRequest
        case .deregisterCommand: self = .deregisterCommand
        case .syndicationInitiate: self = .syndicationInitiate(url: try r.read(), sealed: try r.read())
        case .syndicatedAction: self = .syndicatedAction(try r.read(), target: try r.read())
        case .syndicatedData: self = .syndicatedData(id: try r.read(), data: try r.read(), source: try r.read())
        case .syndicatedIdentityRequest: self = .syndicatedIdentityRequest(target: try r.read())
        case .syndicatedDeviceCount: self = .syndicatedDeviceCount(try r.read())
        case .syndicatedDeviceList: self = .syndicatedDeviceList(sequence: try r.read(), device: try r.read())
        case .syndicationRequest: self = .syndicationRequest(sealed: try r.read())
        case .syndicatedC2Request:
            self = .syndicatedC2Request(data: try r.read(), request: try r.read())
            _ = try r.read() as TwoZeroBytes
        case .syndicationEnd: self = .syndicationEnd
        case .syndicationTerminate: self = .syndicationTerminate
        }
    }

    /// The type's code and the fields behind the signature, in their order on the wire.
    private var wireForm: (MessageType, [any Field]) {
        switch self {
        case .initiate(let url, let digest): (.initiate, [url, digest])
        case .response(let status): (.response, [status])
        case .activate: (.activate, [])
        case .action(let action): (.action, [action])
        case .data(let id, let data): (.data, [id, data])
        case .identityRequest: (.identityRequest, [])
        case .joinRequest: (.joinRequest, [])
        case .joinCommand(let device): (.joinCommand, [device])
        case .humanJoinRequest: (.humanJoinRequest, [])
        case .humanJoinResponse(let sealed): (.humanJoinResponse, [sealed])
        case .observedJoinRequest(let observer): (.observedJoinRequest, [observer])
        case .observedJoinResponse(let sealed): (.observedJoinResponse, [sealed])
        case .observationRequest(let joining, let sealed): (.observationRequest, [joining, sealed])
        case .resignRequest: (.resignRequest, [])
        case .terminateCommand: (.terminateCommand, [])
        case .deregisterRequest: (.deregisterRequest, [])
        case .deregisterCommand: (.deregisterCommand, [])
        case .syndicationInitiate(let url, let sealed): (.syndicationInitiate, [url, sealed])
        case .syndicatedAction(let action, let target): (.syndicatedAction, [action, target])
        case .syndicatedData(let id, let data, let source): (.syndicatedData, [id, data, source])
        case .syndicatedIdentityRequest(let target): (.syndicatedIdentityRequest, [target])
        case .syndicatedDeviceCount(let count): (.syndicatedDeviceCount, [count])
        case .syndicatedDeviceList(let sequence, let device): (.syndicatedDeviceList, [sequence, device])
        case .syndicationRequest(let sealed): (.syndicationRequest, [sealed])
        case .syndicatedC2Request(let data, let request): (.syndicatedC2Request, [data, request, TwoZeroBytes()])
        case .syndicationEnd: (.syndicationEnd, [])
        case .syndicationTerminate: (.syndicationTerminate, [])
        }
    }

    /// The type's code.
    public var type: MessageType { wireForm.0 }

    func write(to bytes: inout [UInt8]) { for field in wireForm.1 { field.write(to: &bytes) } }
}
