import Keys
import Loop
import Observing
import ProofLink
import SRUP

/// Figures of `Scripts/bench`: each beside its limit, measured in turns in one run, so that what else the machine does
/// falls on both. Prints medians and the spread of the ratios.
@main
struct Measure {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else { return print("usage: measure KEY.pem") }
        let path = CommandLine.arguments[1]
        let key = try IdentityKey(pemFile: path)
        guard let raw = loop_read_key(path) else { return print("no key at \(path)") }
        let message = (0..<256).map { UInt8($0) }
        let signature = try key.signature(over: [message[...]])
        let sealed = try key.publicKey.seal(.random())
        let publicKey = key.publicKey
        let crypto = 400
        func inC(_ loop: (OpaquePointer, UnsafePointer<UInt8>, Int, Int32) -> Int, _ count: Int) -> Int {
            loop(raw, message, message.count, Int32(count))
        }
        compare("sign", limit: "C loop", crypto, { inC(loop_sign, crypto) }) {
            for _ in 0..<crypto { _ = try? key.signature(over: [message[...]]) }
        }
        compare("open", limit: "C loop", crypto, { loop_open(raw, Int32(crypto)) }) {
            for _ in 0..<crypto { _ = try? key.unseal(sealed) }
        }
        compare("verify", limit: "C loop", crypto * 10, { inC(loop_verify, crypto * 10) }) {
            for _ in 0..<crypto * 10 { _ = publicKey.verifies(signature[...], over: [message[...]]) }
        }
        let observations = 200
        let frames = try Observations.frames(key, observations * 21)
        var next = 0
        compare(
            "observation", limit: "verify + open + sign in C", observations,
            { inC(loop_sign, observations) + loop_open(raw, Int32(observations)) + inC(loop_verify, observations) }
        ) {
            Observations.run(key, frames[next..<next + observations])
            next = (next + observations) % (frames.count - observations)
        }
    }

    /// Twenty turns of each; the median of the turn's ratios and the middle half of them.
    static func compare(_ name: String, limit: String, _ count: Int, _ bound: () -> Int, _ ours: () -> Void) {
        ours()
        _ = bound()
        var (limits, times, ratios): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<20 {
            let least = Double(bound())
            let clock = ContinuousClock()
            let time = Double(clock.measure(ours).wholeNanoseconds)
            limits.append(least / Double(count) / 1_000)
            times.append(time / Double(count) / 1_000)
            ratios.append(time / least)
        }
        let sorted = ratios.sorted()
        func rounded(_ number: Double, _ places: Double = 100) -> Double { (number * places).rounded() / places }
        print(
            "\(name): \(rounded(median(times))) µs beside \(rounded(median(limits))) µs (\(limit)), ratio "
                + "\(rounded(median(ratios), 1_000)), middle half \(rounded(sorted[5], 1_000)) to \(rounded(sorted[14], 1_000))"
        )
    }

    static func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
}

/// The whole decision without a journal: frame, signature, opening, observer, tag, signed answer.
enum Observations {
    static let server = Identifier(0x99)
    static let device = Identifier(0x55)
    static let value = Secret.random()

    static func frames(_ key: IdentityKey, _ count: Int) throws -> [[UInt8]] {
        let sealed = Octets(try key.publicKey.seal(value))
        return try (1...count).map { number in
            try Message(
                sequence: SequenceID(UInt64(number + 1)), sender: server, token: Token(random: randomBytes(16)),
                body: .observationRequest(joining: device, sealed: sealed)
            ).signed(by: key)
        }
    }

    static func run(_ key: IdentityKey, _ frames: ArraySlice<[UInt8]>) {
        let keyring = PublicKeys([server: key.publicKey])
        var observer = Observer(
            identity: Identifier(0x77), policy: Policy(),
            unseal: { (try? key.unseal($0)).map { .success($0) } ?? .failure(.seal) },
            authenticate: hmacSHA256)
        _ = observer.restore(
            [StoredServer(server: server, membership: .member, lastAccepted: SequenceID(1), lastSent: SequenceID(16))],
            [])
        let peer = Peer(transport: .local, address: "a")
        let (linkNonce, challenge) = (randomBytes(16), randomBytes(32))
        let now = Instant(nanoseconds: 1)
        var valid = 0
        for (index, frame) in frames.enumerated() {
            guard let message = try? UnverifiedFrame(frame).verified(by: keyring) else {
                preconditionFailure("not verified")
            }
            _ = observer.handle(.message(message, answered: nil), at: now)
            let link = LinkID(UInt64(index + 1))
            _ = observer.handle(.connected(link, peer, linkNonce: linkNonce, challenge: challenge), at: now)
            _ = observer.handle(.received(link, .ready(mode: .challenge, device: device)), at: now)
            let context = ProofContext(
                linkNonce: linkNonce, challenge: challenge, deviceNonce: challenge, beacon: observer.identity,
                device: device)
            let tag = context.deviceTag(value, hmacSHA256)
            for case .send(let answer, _) in observer.handle(
                .received(link, .proof(nonce: challenge, tag: tag)), at: now)
            {
                guard (try? answer.signed(by: key)) != nil else { preconditionFailure("not signed") }
                valid += answer.body == .response(.observedJoinValid) ? 1 : 0
            }
        }
        precondition(valid == frames.count, "\(valid) of \(frames.count) observations were valid")
    }
}
