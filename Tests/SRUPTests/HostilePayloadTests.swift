import Keys
import SRUP
import TestVectors
import Testing

@Suite("The reference's hostile payloads, each refused by its layer")
struct HostilePayloadTests {
    private static func payloads(_ groups: String...) throws -> [HostilePayload] {
        try Vectors.hostilePayloads().filter { groups.contains($0.group) }
    }

    private static func keyring(for payload: HostilePayload) throws -> PublicKeys {
        let dev = Identifier(0x5F1E_2D3C_4B5A_6978)
        let c2 = Identifier(0x9A8B_7C6D_5E4F_3021)
        return PublicKeys([payload.verifyKey == "dev_2048" ? dev : c2: try TestKeys.publicKey(payload.verifyKey)])
    }

    @Test("155 payloads in eight groups")
    func complete() throws {
        let groups = Dictionary(grouping: try Vectors.hostilePayloads(), by: \.group).mapValues(\.count)
        #expect(
            groups == [
                "version": 6, "truncation": 24, "length_lie": 21, "trailing": 4, "type": 11, "bitflip": 26,
                "signature": 12, "envelope": 51,
            ])
    }

    @Test("another version is refused by the frame", arguments: try payloads("version"))
    func version(payload: HostilePayload) {
        let first = payload.payloadHex.bytes[0]
        #expect(throws: FrameError.version(first)) { try UnverifiedFrame(payload.payloadHex.bytes) }
    }

    @Test("a truncated payload is refused by the frame", arguments: try payloads("truncation"))
    func truncation(payload: HostilePayload) throws {
        let error = #expect(throws: FrameError.self) { try UnverifiedFrame(payload.payloadHex.bytes) }
        guard case .truncated = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a false length is refused by the frame", arguments: try payloads("length_lie"))
    func lengthLie(payload: HostilePayload) {
        #expect(throws: FrameError.self) { try UnverifiedFrame(payload.payloadHex.bytes) }
    }

    @Test("bytes after the message are refused by the frame", arguments: try payloads("trailing"))
    func trailing(payload: HostilePayload) throws {
        let error = #expect(throws: FrameError.self) { try UnverifiedFrame(payload.payloadHex.bytes) }
        guard case .trailing = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "anything that is not a message is refused by the frame",
        arguments: try payloads("type").filter { !$0.isConfusion })
    func type(payload: HostilePayload) {
        let bytes = payload.payloadHex.bytes
        let expected: FrameError = bytes[0] == 5 ? .type(bytes[1]) : .version(bytes[0])
        #expect(throws: expected) { try UnverifiedFrame(bytes) }
    }

    @Test("a message with the type of another one of the same shape is refused by the signature")
    func confusion() throws {
        let payload = try #require(try Vectors.hostilePayloads().first(where: \.isConfusion))
        let frame = try UnverifiedFrame(payload.payloadHex.bytes)
        #expect(throws: VerificationError.badSignature(frame.claimedSender)) {
            try frame.verified(by: HostilePayloadTests.keyring(for: payload))
        }
    }

    @Test(
        "a flipped bit or another signature is refused by the frame or the signature",
        arguments: try payloads("bitflip", "signature"))
    func signature(payload: HostilePayload) throws {
        let frame = try? UnverifiedFrame(payload.payloadHex.bytes)
        // The shape is wrong if the version, the type or a length is, or if no key makes such a signature.
        let shapeless = ["flip_version", "flip_type", "_len_lsb", "sig_empty", "one_byte_short"]
        #expect((frame == nil) == shapeless.contains { payload.name.contains($0) })
        guard let frame else { return }
        #expect(throws: VerificationError.self) { try frame.verified(by: HostilePayloadTests.keyring(for: payload)) }
    }

    @Test("a bad sealed value under a good signature is refused by opening it", arguments: try payloads("envelope"))
    func envelope(payload: HostilePayload) throws {
        let frame = try UnverifiedFrame(payload.payloadHex.bytes)
        let body = try frame.verified(by: HostilePayloadTests.keyring(for: payload)).content.body
        let sealed = try #require(body.sealedValue)
        let key = try TestKeys.privateKey(payload.decryptKey)
        if payload.must == "accept" {
            #expect(throws: Never.self) { try key.unseal(sealed.bytes) }
        } else {
            let opens = payload.name.contains("env_pt_") || payload.name.contains("env_ct_60000")
            #expect(throws: opens ? UnsealingError.value : .seal) { try key.unseal(sealed.bytes) }
        }
    }
}

extension HostilePayload {
    /// The only payload of its group with the right shape.
    var isConfusion: Bool { name.contains("type_confusion") }
}
