import SRUP

/// One message of every type. The switch has no default: a new type does not build until it has a sample here.
enum Samples {
    static let sender = Identifier(0x5F1E_2D3C_4B5A_6978)
    static let token = Token(random: Array(0..<16))

    static func message(of type: MessageType) -> Message {
        Message(sequence: SequenceID(0x0102_0304_0506_0708), sender: sender, token: token, body: body(of: type))
    }

    static func body(of type: MessageType) -> Body {
        let node = Identifier(0x0123_4567_89AB_CDEF)
        let sealed = Octets(200..<216)
        let url = Octets(terminated: "https://example.org/f")
        switch type {
        case .initiate: return .initiate(url: url, digest: Octets(terminated: "digest"))
        case .response: return .response(.observedJoinValid)
        case .activate: return .activate
        case .action: return .action(0xA5)
        case .data: return .data(id: Octets("ID".utf8), data: Octets("value".utf8))
        case .identityRequest: return .identityRequest
        case .joinRequest: return .joinRequest
        case .joinCommand: return .joinCommand(device: node)
        case .humanJoinRequest: return .humanJoinRequest
        case .humanJoinResponse: return .humanJoinResponse(sealed: sealed)
        case .observedJoinRequest: return .observedJoinRequest(observer: node)
        case .observedJoinResponse: return .observedJoinResponse(sealed: sealed)
        case .observationRequest: return .observationRequest(joining: node, sealed: sealed)
        case .resignRequest: return .resignRequest
        case .terminateCommand: return .terminateCommand
        case .deregisterRequest: return .deregisterRequest
        case .deregisterCommand: return .deregisterCommand
        case .syndicationInitiate: return .syndicationInitiate(url: url, sealed: sealed)
        case .syndicatedAction: return .syndicatedAction(3, target: node)
        case .syndicatedData: return .syndicatedData(id: Octets("ID".utf8), data: Octets([]), source: node)
        case .syndicatedIdentityRequest: return .syndicatedIdentityRequest(target: node)
        case .syndicatedDeviceCount: return .syndicatedDeviceCount(0x0102_0304)
        case .syndicatedDeviceList: return .syndicatedDeviceList(sequence: 0x0A0B_0C0D, device: node)
        case .syndicationRequest: return .syndicationRequest(sealed: sealed)
        case .syndicatedC2Request: return .syndicatedC2Request(data: Octets([7, 8]), request: 9)
        case .syndicationEnd: return .syndicationEnd
        case .syndicationTerminate: return .syndicationTerminate
        }
    }
}
