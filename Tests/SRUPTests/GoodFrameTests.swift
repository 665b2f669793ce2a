import Keys
import SRUP
import TestVectors
import Testing

@Suite("The reference's good frames")
struct GoodFrameTests {
    @Test("a frame contains what was put into it", arguments: try Vectors.allFrames().filter(\.isAccepted))
    func decodes(vector: GoodFrame) throws {
        let frame = try UnverifiedFrame(vector.serializedHex.bytes)
        #expect(frame.bytes.count == vector.length)
        #expect(frame.unverifiedMessage == (try vector.message))
    }

    @Test(
        "a message signed with the same key is the same bytes", arguments: try Vectors.allFrames().filter(\.isAccepted))
    func encodes(vector: GoodFrame) throws {
        let key = try #require(vector.key)
        for form in TestKeys.Form.allCases {
            #expect(try vector.message.signed(by: TestKeys.privateKey(key, form)) == vector.serializedHex.bytes)
        }
    }

    @Test("a frame is verified with its sender's key", arguments: try Vectors.allFrames().filter(\.isAccepted))
    func verifies(vector: GoodFrame) throws {
        let message = try vector.message
        let key = try #require(vector.key)
        let keyring = try TestKeys.keyring(key, of: message.sender)
        let verified = try UnverifiedFrame(vector.serializedHex.bytes).verified(by: keyring)
        #expect(verified.content == message)
        #expect(verified.frame == vector.serializedHex.bytes)
    }

    @Test("a frame is not verified with another key", arguments: try Vectors.allFrames().filter(\.isAccepted))
    func refusedByAnotherKey(vector: GoodFrame) throws {
        let frame = try UnverifiedFrame(vector.serializedHex.bytes)
        let signer = try #require(vector.key)
        let others = ["wrong_2048", "dev_2048", "c2_2048", "dev_3072", "c2_3072"].filter { $0 != signer }
        for other in others {
            #expect(throws: VerificationError.badSignature(frame.claimedSender)) {
                try frame.verified(by: TestKeys.keyring(other, of: frame.claimedSender))
            }
        }
    }

    @Test("the value sealed in a frame opens", arguments: try Vectors.allFrames().filter { $0.encrypted != nil })
    func unseals(vector: GoodFrame) throws {
        let sealed = try #require(vector.encrypted)
        let body = try UnverifiedFrame(vector.serializedHex.bytes).unverifiedMessage.body
        let octets = try #require(body.sealedValue)
        #expect(octets.bytes == sealed.envelopeHex.bytes)
        let key = try TestKeys.privateKey(sealed.to)
        if let value = sealed.value {
            #expect(try key.unseal(octets.bytes) == value)
        } else {
            #expect(throws: UnsealingError.value) { try key.unseal(octets.bytes) }
        }
    }

    @Test("the unsigned generic message is refused", arguments: ["messages_2048", "messages_3072"])
    func generic(file: String) throws {
        let vector = try #require(try Vectors.frames(in: file).first { $0.type == 0 })
        #expect(throws: FrameError.type(0)) { try UnverifiedFrame(vector.serializedHex.bytes) }
    }

    @Test("a frame with an empty token, which the reference accepts, is refused")
    func emptyToken() throws {
        let vector = try #require(try Vectors.allFrames().first { $0.name == "edge_token_0" })
        #expect(throws: FrameError.emptyToken) { try UnverifiedFrame(vector.serializedHex.bytes) }
    }

    @Test("the files have 168 frames of all types, and all but three are accepted")
    func complete() throws {
        let all = try Vectors.allFrames()
        #expect(all.count == 168)
        #expect(all.filter(\.isAccepted).count == 165)
        for file in ["messages_2048", "messages_3072"] {
            let types = try Vectors.frames(in: file).compactMap { MessageType(rawValue: $0.type) }
            #expect(Set(types) == Set(MessageType.allCases))
        }
    }
}

extension GoodFrame {
    /// Accepted by the reference and by us: all except the generic message and the empty token.
    var isAccepted: Bool { type != 0 && name != "edge_token_0" }

    /// The message that the fields describe.
    var message: Message {
        get throws {
            guard let token = Token(try fields.bytes("token_hex")) else { throw VectorFault(what: "empty token") }
            return Message(
                sequence: try fields.sequence(), sender: try fields.identifier("sender_id"), token: token,
                body: try body)
        }
    }

    private var body: Body {
        get throws {
            guard let type = MessageType(rawValue: type) else { throw VectorFault(what: "type \(type)") }
            switch type {
            case .activate, .identityRequest, .joinRequest, .humanJoinRequest, .resignRequest, .terminateCommand,
                .deregisterRequest, .deregisterCommand, .syndicationEnd, .syndicationTerminate:
                return Samples.body(of: type)
            case .initiate: return .initiate(url: try fields.octets("url_hex"), digest: try fields.octets("digest_hex"))
            case .response: return .response(Status(rawValue: try fields.number("status")))
            case .action: return .action(try fields.number("action_id"))
            case .data: return .data(id: try fields.octets("data_id_hex"), data: try fields.octets("data_hex"))
            case .joinCommand: return .joinCommand(device: try fields.identifier("device_id"))
            case .humanJoinResponse: return .humanJoinResponse(sealed: try sealed)
            case .observedJoinRequest: return .observedJoinRequest(observer: try fields.identifier("observer_id"))
            case .observedJoinResponse: return .observedJoinResponse(sealed: try sealed)
            case .observationRequest:
                return .observationRequest(joining: try fields.identifier("joining_device_id"), sealed: try sealed)
            case .syndicationInitiate:
                return .syndicationInitiate(url: try fields.octets("url_hex"), sealed: try sealed)
            case .syndicatedAction:
                return .syndicatedAction(try fields.number("action_id"), target: try fields.identifier("target_id"))
            case .syndicatedData:
                return .syndicatedData(
                    id: try fields.octets("data_id_hex"), data: try fields.octets("data_hex"),
                    source: try fields.identifier("source_id"))
            case .syndicatedIdentityRequest:
                return .syndicatedIdentityRequest(target: try fields.identifier("target_id"))
            case .syndicatedDeviceCount: return .syndicatedDeviceCount(try fields.number("count"))
            case .syndicatedDeviceList:
                return .syndicatedDeviceList(
                    sequence: try fields.number("device_sequence"), device: try fields.identifier("device_id"))
            case .syndicationRequest: return .syndicationRequest(sealed: try sealed)
            case .syndicatedC2Request:
                return .syndicatedC2Request(data: try fields.octets("data_hex"), request: try fields.number("req_id"))
            }
        }
    }

    private var sealed: Octets {
        get throws {
            guard let encrypted else { throw VectorFault(what: "no sealed value") }
            return Octets(encrypted.envelopeHex.bytes)
        }
    }
}

extension Body {
    /// The sealed value of a message that has one.
    var sealedValue: Octets? {
        switch self {
        case .humanJoinResponse(let sealed), .observedJoinResponse(let sealed), .observationRequest(_, let sealed),
            .syndicationInitiate(_, let sealed), .syndicationRequest(let sealed):
            sealed
        default: nil
        }
    }
}
