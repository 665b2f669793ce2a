import Keys
import SRUP

/// What the paper measured on a Raspberry Pi 3 (§9.1): signing and verifying an INITIATE, with the mean of five runs. For `Scripts/paper`.
struct Initiate {
    private static let server = Identifier(0xC200_0000_0000_0001)
    private static let device = Identifier(0xBEA0_0000_0000_0001)
    /// As long as the paper's URL and digest, with the reference's NUL.
    private static let url = Octets("https://update.invalid/firmware.b\0".utf8)
    private static let digest = Octets(String(repeating: "0", count: 64).utf8 + [0])

    let key: IdentityKey

    /// Prints the message's bytes; then for each operation the mean of five runs and the median of a thousand, in milliseconds.
    func run() throws {
        let ring = PublicKeys([Initiate.server: key.publicKey])
        let messages = (1...1_005).map { number in
            Message(
                sequence: SequenceID(UInt64(number)), sender: Initiate.server,
                token: Token(random: randomBytes(16), for: Initiate.device),
                body: .initiate(url: Initiate.url, digest: Initiate.digest))
        }
        var frames: [[UInt8]] = []
        let signing = try messages.map { message in try time { frames.append(try message.signed(by: key)) } }
        let verifying = try frames.map { frame in
            try time { _ = try UnverifiedFrame(frame).verified(by: ring) }
        }
        print("bytes \(frames[0].count)")
        for (name, times) in [("sign", signing), ("verify", verifying)] {
            // The first five, as in the paper: nothing was done before them.
            let (five, rest) = (times.prefix(5), times.dropFirst(5).sorted())
            print("\(name) \(five.reduce(0, +) / 5) \(rest[rest.count / 2])")
        }
    }

    /// Milliseconds.
    private func time(_ work: () throws -> Void) rethrows -> Double {
        Double(try ContinuousClock().measure(work).wholeNanoseconds) / 1_000_000
    }
}
