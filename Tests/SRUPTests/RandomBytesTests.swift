import Keys
import SRUP
import TestVectors
import Testing

@Suite("Anything that the broker may send")
struct RandomBytesTests {
    @Test("each of 100,000 random payloads is a frame or is refused, and none is verified", arguments: 0..<4)
    func random(run: Int) throws {
        var random = Seeded(UInt64(2_021 + run))
        let key = try TestKeys.publicKey("dev_2048")
        let samples = try MessageType.allCases.map {
            try Samples.message(of: $0).signed(by: TestKeys.privateKey("wrong_2048"))
        }
        var (frames, refused) = (0, 0)
        for _ in 0..<25_000 {
            let bytes = payload(like: samples, &random)
            do throws(FrameError) {
                let frame = try UnverifiedFrame(bytes)
                frames += 1
                #expect(frame.bytes == bytes)
                #expect(throws: VerificationError.badSignature(frame.claimedSender)) {
                    try frame.verified(by: PublicKeys([frame.claimedSender: key]))
                }
            } catch {
                refused += 1
            }
        }
        // Both happen often; otherwise the test covers only one half of the parser.
        #expect(frames > 1_000 && refused > 5_000)
    }

    /// Noise; noise after a valid start, so that every body is reached; or a frame with up to four bytes changed.
    private func payload(like samples: [[UInt8]], _ random: inout Seeded) -> [UInt8] {
        var bytes = samples[Int.random(in: 0..<samples.count, using: &random)]
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            return random.bytes(Int.random(in: 0..<700, using: &random))
        case 1:
            return Array(bytes[..<56]) + random.bytes(Int.random(in: 0..<700, using: &random))
        case 2:
            return Array(bytes[..<314]) + random.bytes(Int.random(in: 0..<40, using: &random))
        default:
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            return bytes
        }
    }
}
