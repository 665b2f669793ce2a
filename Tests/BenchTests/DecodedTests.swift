import Bench
import Foundation
import Keys
import SRUP
import Testing
import TestVectors

@Suite("decode")
struct DecodedTests {
    private static let goodFrames =
        (try? Vectors.allFrames().filter { $0.key != nil && $0.name != "edge_token_0" }) ?? []
    private static let hostile = (try? Vectors.hostilePayloads()) ?? []

    @Test("All vectors are there: a test without arguments would pass without checking anything")
    func vectors() {
        #expect(DecodedTests.goodFrames.count == 165)
        #expect(DecodedTests.hostile.count == 155)
    }

    private func fields(_ decoded: Decoded) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(decoded.json.line.utf8))
        return try #require(object as? [String: Any])
    }

    @Test(
        "Each frame of the reference decodes to what its vector says, and its signature is valid", arguments: goodFrames
    )
    func good(frame: GoodFrame) throws {
        let key = try TestKeys.publicKey(try #require(frame.key))
        let decoded = Decoded(frame.serializedHex.bytes, verifyWith: key, openWith: nil)
        #expect(decoded.refusedBy == nil)
        let found = try fields(decoded)
        #expect(found["version"] as? Int == 5)
        #expect(found["type"] as? Int == Int(frame.type))
        #expect(found["signature"] as? String == "valid")
        #expect(found["sequence_id"] as? String == "\(try frame.fields.sequence())")
        #expect(found["sender"] as? String == "\(try frame.fields.identifier("sender_id"))")
        #expect(found["token_hex"] as? String == hexadecimal(try frame.fields.bytes("token_hex")))
        let body = try #require(found["body"] as? [String: Any])
        for (name, value) in body { try expect(value, is: name, of: frame) }
    }

    /// A body's field has the vector's name and value; fields that only we have are checked by their own tests.
    private func expect(_ value: Any, is name: String, of frame: GoodFrame) throws {
        switch name {
        case "status_name": break
        case "sealed_hex": #expect(value as? String == frame.encrypted.map { hexadecimal($0.envelopeHex.bytes) })
        case _ where name.hasSuffix("_hex"): #expect(value as? String == hexadecimal(try frame.fields.bytes(name)))
        case _ where value is String: #expect(value as? String == "\(try frame.fields.identifier(name))")
        default: #expect(value as? UInt64 == (try frame.fields.number(name) as UInt64))
        }
    }

    @Test("A sealed value is opened if the key is given", arguments: goodFrames.filter { $0.encrypted != nil })
    func opening(frame: GoodFrame) throws {
        let sealed = try #require(frame.encrypted)
        let decoded = Decoded(
            frame.serializedHex.bytes, verifyWith: nil, openWith: try TestKeys.privateKey(sealed.to))
        let found = try fields(decoded)
        if let value = sealed.value {
            #expect(found["value_hex"] as? String == value.withBytes { hexadecimal($0) })
            #expect(found["signature"] as? String == "unchecked")
        } else {
            #expect(decoded.refusedBy == .value)
        }
    }

    @Test(
        "Each hostile payload is refused by the right layer, and the one good payload is accepted", arguments: hostile)
    func refused(payload: HostilePayload) throws {
        let opener = payload.group == "envelope" ? try TestKeys.privateKey(payload.decryptKey) : nil
        let decoded = Decoded(
            payload.payloadHex.bytes, verifyWith: try TestKeys.publicKey(payload.verifyKey), openWith: opener)
        switch payload.group {
        case _ where payload.must == "accept": #expect(decoded.refusedBy == nil)
        case "version", "truncation", "trailing": #expect(decoded.refusedBy == .frame)
        case "envelope": #expect(decoded.refusedBy == .seal || decoded.refusedBy == .value)
        case "length_lie", "bitflip", "signature", "type":
            #expect(decoded.refusedBy == .frame || decoded.refusedBy == .signature)
        default: Issue.record("a group that nobody knows: \(payload.group)")
        }
        if let layer = decoded.refusedBy {
            let found = try fields(decoded)
            #expect(found["refused"] as? String == layer.rawValue)
            #expect((found["reason"] as? String)?.isEmpty == false)
            #expect(found.count == 2)
        }
    }

    @Test("A device's signed proof is shown in parts, and other data under that name is reported as not a proof")
    func proof() throws {
        let id = DataID.observationProof.octets
        let data = try TestProof.right.data()
        let frame = Roles.beacon.says(.data(id: id, data: Octets(data)), 1, "T")
        let body = try #require(try fields(Decoded(frame, verifyWith: nil, openWith: nil))["body"] as? [String: Any])
        let proof = try #require(body["proof"] as? [String: String])
        #expect(proof["server_id"] == "\(Roles.c2.id)" && proof["device_id"] == "\(Roles.device.id)")
        #expect(proof["beacon_id"] == "\(Roles.beacon.id)" && proof["transport"] == "le")
        #expect(proof["modes_offered"] == "challenge,keyed")
        let signed = bytes(hexadecimal: (proof["signed_hex"] ?? "").utf8) ?? []
        let signature = bytes(hexadecimal: (proof["signature_hex"] ?? "").utf8) ?? []
        #expect(Roles.device.key.publicKey.verifies(signature[...], over: [signed[...]]))
        let cut = Roles.beacon.says(.data(id: id, data: Octets(data.prefix(139))), 1, "T")
        let short = try #require(try fields(Decoded(cut, verifyWith: nil, openWith: nil))["body"] as? [String: Any])
        #expect((short["proof"] as? [String: String])?["refused"] == "not a proof of keyed mode")
    }

    @Test("A frame without a value cannot be opened")
    func nothingSealed() throws {
        let frame = Roles.device.says(.joinRequest, 1, "T")
        #expect(Decoded(frame, verifyWith: nil, openWith: Roles.device.key).refusedBy == .seal)
    }

    @Test("Hexadecimal with white space and raw bytes are the same frame")
    func forms() {
        let frame = Roles.device.says(.joinRequest, 1, "T")
        let digits = hexadecimal(frame)
        let broken = digits.prefix(100) + "\n " + digits.dropFirst(100).uppercased() + "\r\n"
        #expect(Decoded.frame(in: Array(broken.utf8)) == frame)
        #expect(Decoded.frame(in: frame) == frame)
    }
}
