import Keys
import ProofLink
import SRUP
import Testing

@testable import Conformance

@Suite("The guess of a mistake") struct GuessTests {
    static let facts: LinkFacts = {
        var facts = LinkFacts(
            device: Identifier(0xA1A2_A3A4_A5A6_A7A8), server: Identifier(0xC200_0000_0000_0001),
            beacon: Identifier(0x0102_0304_0506_0708), transport: .rfcomm, value: .random(),
            modes: Modes(rawValue: 0x86))
        facts.deviceNonce = randomBytes(32)
        facts.tag = randomBytes(32)
        return facts
    }()
    static let key = try? IdentityKey.make(bits: 2_048)
    private static let computed: [DeviceFrame] = [.ready, .claim, .proof, .keyedProof, .value]

    @Test(
        "the recipe without a mistake computes what the proof link's own code computes", arguments: DeviceFrame.allCases
    )
    func right(kind: DeviceFrame) {
        let expected = GuessTests.facts.expected(kind) ?? GuessTests.facts.signedBytes
        #expect(Recipe(GuessTests.facts).made(kind) == expected)
    }

    @Test("each usual mistake is named by a device that makes it", arguments: Mistake.usual)
    func named(mistake: Mistake) throws {
        let key = try #require(GuessTests.key)
        let guess = Guess(GuessTests.facts, key: key.publicKey)
        for kind in mistake.kinds {
            var recipe = Recipe(GuessTests.facts)
            mistake.change(&recipe)
            let made = recipe.made(kind)
            // Over RFCOMM the transport 1 is right.
            guard made != Recipe(GuessTests.facts).made(kind) else { continue }
            let seen = kind == .signature ? try key.signature(over: [made[...]]) : made
            #expect(guess.mistake(in: kind, seen) == mistake.clause, "\(kind)")
        }
    }

    @Test("two mistakes together are named as well")
    func two() {
        var recipe = Recipe(GuessTests.facts)
        recipe.parts[.device]?.reverse()
        recipe.value = Array(hexadecimal(recipe.value).utf8)
        let clause = Guess(GuessTests.facts, key: nil).mistake(in: .proof, recipe.made(.proof))
        #expect(
            clause == "the device id were little-endian, and the value were its 32 lower-case hexadecimal digits")
    }

    @Test("noise is not explained", arguments: computed)
    func noise(kind: DeviceFrame) {
        let length = GuessTests.facts.expected(kind)?.count ?? 0
        #expect(Guess(GuessTests.facts, key: nil).mistake(in: kind, randomBytes(length)) == nil)
    }

    @Test("signatures of another scheme, in another order, or of another key's length are named")
    func signatures() throws {
        let key = try #require(GuessTests.key)
        let (guess, bytes) = (Guess(GuessTests.facts, key: key.publicKey), GuessTests.facts.signedBytes)
        let right = try key.signature(over: [bytes[...]])
        let wrong: [([UInt8], String?)] = [
            (try key.pssSignature(over: bytes), "the signature were PSS, and PKCS #1 v1.5 is wanted"),
            (right.reversed(), "the signature were little-endian"),
            (right.suffix(128) + right.prefix(128), "the pieces of the signature came in the other order"),
            (right.dropLast(), "the signature had 256 bytes, as the key has, not 255"),
            (randomBytes(256), nil),
        ]
        for (signature, clause) in wrong { #expect(guess.mistake(in: .signature, signature) == clause) }
    }

    @Test("a frame whose length is written wrongly is named")
    func lengths() {
        let payload = [UInt8](repeating: 1, count: 9)
        #expect(Guess.mistake(inFrame: [2, 9, 0] + payload, type: 2) == "the length in the header were little-endian")
        #expect(Guess.mistake(inFrame: [2, 0, 12] + payload, type: 2) == "the length counted the header, too")
        #expect(Guess.mistake(inFrame: [2, 9] + payload, type: 2) == "the length had one byte")
        #expect(Guess.mistake(inFrame: [2, 0, 9] + payload, type: 2) == nil)
    }
}
