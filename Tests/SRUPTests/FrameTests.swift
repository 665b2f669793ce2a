import Keys
import SRUP
import TestVectors
import Testing

@Suite("Frames")
struct FrameTests {
    /// A signer that signs nothing, for frames of which only the shape matters.
    private struct Blank: Signer {
        var length = 256
        func signature(over parts: [ArraySlice<UInt8>]) -> [UInt8] { [UInt8](repeating: 0, count: length) }
    }

    private static let maximumField = Octets([UInt8](repeating: 0x78, count: 65_535))

    private func frame(_ body: Body, token: Token = Samples.token, signature: Int = 256) throws -> [UInt8] {
        try Message(sequence: SequenceID(1), sender: Samples.sender, token: token, body: body)
            .signed(by: Blank(length: signature))
    }

    @Test("the longest frame that the format allows is exactly the limit, and is read")
    func longest() throws {
        let token = try #require(Token(FrameTests.maximumField.bytes))
        let body = Body.syndicatedData(
            id: FrameTests.maximumField, data: FrameTests.maximumField, source: Identifier(1))
        let bytes = try frame(body, token: token, signature: 2_048)
        #expect(bytes.count == UnverifiedFrame.maximumLength)
        #expect(try UnverifiedFrame(bytes).unverifiedMessage.body == body)
    }

    @Test("one byte more than the limit is refused before anything is read")
    func oversize() throws {
        let count = UnverifiedFrame.maximumLength + 1
        #expect(throws: FrameError.oversize(count)) { try UnverifiedFrame([UInt8](repeating: 0, count: count)) }
        #expect(throws: FrameError.version(0)) { try UnverifiedFrame([UInt8](repeating: 0, count: count - 1)) }
    }

    @Test("a payload of 256 KiB is refused, whatever it begins with")
    func quarterOfAMegabyte() throws {
        let start = try frame(.activate)
        let padding = [UInt8](repeating: 0, count: 262_144 - start.count)
        #expect(throws: FrameError.oversize(262_144)) { try UnverifiedFrame(start + padding) }
    }

    @Test("an empty payload is refused")
    func empty() {
        #expect(throws: FrameError.truncated(needed: 1, left: 0)) { try UnverifiedFrame([]) }
    }

    @Test("every version but 5 is refused", arguments: UInt8.min...UInt8.max)
    func version(version: UInt8) throws {
        var bytes = try frame(.activate)
        bytes[0] = version
        if version == 5 {
            #expect(try UnverifiedFrame(bytes).claimedType == .activate)
        } else {
            #expect(throws: FrameError.version(version)) { try UnverifiedFrame(bytes) }
        }
    }

    @Test(
        "a signature of the length of an RSA-2048 to RSA-16384 key is read", arguments: [256, 384, 512, 1_024, 2_048])
    func signatureOfAKey(length: Int) throws {
        #expect(try UnverifiedFrame(frame(.activate, signature: length)).claimedType == .activate)
    }

    @Test("a signature of any other length is refused", arguments: [0, 1, 128, 255, 2_049, 65_535])
    func signatureOfNoKey(length: Int) throws {
        let bytes = try frame(.activate, signature: length)
        #expect(throws: FrameError.signatureLength(length)) { try UnverifiedFrame(bytes) }
    }

    @Test("an empty token is refused")
    func emptyToken() {
        let header: [UInt8] = [5, 3] + [UInt8](repeating: 1, count: 16)
        let rest: [UInt8] = [0, 0, 1, 0] + [UInt8](repeating: 0, count: 256)
        #expect(throws: FrameError.emptyToken) { try UnverifiedFrame(header + rest) }
    }

    @Test("the two bytes behind a SYNDICATED_C2_REQ must be zero")
    func reserved() throws {
        let bytes = try frame(.syndicatedC2Request(data: Octets([1]), request: 2))
        for index in [bytes.count - 2, bytes.count - 1] {
            var changed = bytes
            changed[index] = 1
            #expect(throws: FrameError.reservedNotZero) { try UnverifiedFrame(changed) }
        }
    }

    @Test("the integers are little-endian and the lengths big-endian, as in the format")
    func layout() throws {
        let token = try #require(Token([UInt8](repeating: 0x74, count: 258)))
        let message = Message(
            sequence: SequenceID(0x0102_0304_0506_0708), sender: Identifier(0x1112_1314_1516_1718), token: token,
            body: .syndicatedDeviceList(sequence: 0x2122_2324, device: Identifier(0x3132_3334_3536_3738)))
        let bytes = try message.signed(by: Blank())
        let header: [UInt8] = [
            5, 0x28, 8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 1, 2,
        ]
        let signature = [1, 0] + [UInt8](repeating: 0, count: 256)
        let tail: [UInt8] = [0x24, 0x23, 0x22, 0x21, 0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31]
        #expect(bytes == header + token.bytes + signature + tail)
    }

    @Test("a frame of a sender whose key is unknown is refused")
    func unknownSender() throws {
        let frame = try UnverifiedFrame(frame(.activate))
        #expect(throws: VerificationError.unknownSender(Samples.sender)) { try frame.verified(by: PublicKeys()) }
    }

    @Test("every fault of a frame is one line, in lower case and without a full stop")
    func descriptions() {
        let errors: [any CustomStringConvertible] = [
            FrameError.truncated(needed: 8, left: 3), FrameError.trailing(1), FrameError.oversize(200_000),
            FrameError.version(4), FrameError.type(0x14), FrameError.emptyToken, FrameError.signatureLength(1),
            FrameError.reservedNotZero, VerificationError.unknownSender(Samples.sender),
            VerificationError.badSignature(Samples.sender),
        ]
        for text in errors.map(\.description) {
            #expect(text.first?.isUppercase == false && text.last != "." && !text.contains("\n"))
        }
        #expect(FrameError.truncated(needed: 8, left: 3).description == "truncated: needed 8 bytes, 3 left")
    }
}
