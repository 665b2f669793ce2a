import Keys
import SRUP
import TestVectors
import Testing

@Suite("Every message type")
struct WholeTableTests {
    let key: IdentityKey
    let keyring: PublicKeys

    init() throws {
        key = try TestKeys.privateKey("dev_2048")
        keyring = PublicKeys([Samples.sender: key.publicKey])
    }

    @Test("each type has a sample", arguments: MessageType.allCases)
    func sampled(type: MessageType) {
        #expect(Samples.body(of: type).type == type)
    }

    @Test("the types are the 27 that version 5 has, and each has a name of its own")
    func codes() {
        let codes: [UInt8] = Array(0x01...0x06) + Array(0x09...0x13) + [0x21] + Array(0x24...0x29) + [0x2C, 0x2E, 0x2F]
        #expect(MessageType.allCases.map(\.rawValue) == codes)
        #expect(Set(MessageType.allCases.map(\.name)).count == codes.count)
    }

    @Test("a signed message is read back unchanged", arguments: MessageType.allCases)
    func roundTrip(type: MessageType) throws {
        let message = Samples.message(of: type)
        let bytes = try message.signed(by: key)
        let frame = try UnverifiedFrame(bytes)
        #expect(frame.claimedType == type)
        #expect(frame.claimedSender == message.sender)
        #expect(frame.unverifiedMessage == message)
        let verified = try frame.verified(by: keyring)
        #expect(verified.content == message)
        #expect(verified.frame == bytes)
    }

    @Test("a frame cut at any length is truncated", arguments: MessageType.allCases)
    func cut(type: MessageType) throws {
        let bytes = try Samples.message(of: type).signed(by: key)
        for length in 0..<bytes.count {
            let error = #expect(throws: FrameError.self, "\(length) bytes") {
                try UnverifiedFrame(Array(bytes[..<length]))
            }
            guard case .truncated(let needed, let left) = error else {
                Issue.record("\(length) bytes: \(String(describing: error))")
                continue
            }
            #expect(needed > left && left >= 0)
        }
    }

    @Test("bytes after the message are refused", arguments: MessageType.allCases)
    func longer(type: MessageType) throws {
        let bytes = try Samples.message(of: type).signed(by: key)
        for count in [1, 2, 16, bytes.count] {
            #expect(throws: FrameError.trailing(count)) {
                try UnverifiedFrame(bytes + [UInt8](repeating: 0, count: count))
            }
        }
    }

    @Test("a frame with any one bit flipped is refused", arguments: MessageType.allCases)
    func flipped(type: MessageType) throws {
        var bytes = try Samples.message(of: type).signed(by: key)
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8)
            if let frame = try? UnverifiedFrame(bytes), (try? frame.verified(by: keyring)) != nil {
                Issue.record("bit \(bit % 8) of byte \(bit / 8)")
            }
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
        _ = try UnverifiedFrame(bytes).verified(by: keyring)
    }

    @Test("a flipped bit of the sender is refused even where every sender has the same key")
    func sender() throws {
        var bytes = try Samples.message(of: .response).signed(by: key)
        for bit in 0..<64 {
            bytes[10 + bit / 8] ^= 1 << (bit % 8)
            let claimed = try UnverifiedFrame(bytes).claimedSender
            #expect(claimed != Samples.sender)
            #expect(throws: VerificationError.badSignature(claimed)) {
                try UnverifiedFrame(bytes).verified(by: PublicKeys([claimed: key.publicKey]))
            }
            bytes[10 + bit / 8] ^= 1 << (bit % 8)
        }
    }

    @Test("a type code that is not in the table is refused", arguments: UInt8.min...UInt8.max)
    func unknownType(code: UInt8) throws {
        guard MessageType(rawValue: code) == nil else { return }
        var bytes = try Samples.message(of: .activate).signed(by: key)
        bytes[1] = code
        #expect(throws: FrameError.type(code)) { try UnverifiedFrame(bytes) }
    }
}
