import Keys
import SRUP
import Testing

@testable import ProofLink

/// docs/proof-link.md, "The tags".
@Suite struct TagTests {
    // Made once with another implementation. The message in a file: the word, 10…1f, 20…3f, 40…5f,
    // 0102030405060708, a1a2a3a4a5a6a7a8, and for the beacon 60; then
    // openssl dgst -sha256 -mac HMAC -macopt hexkey:000102030405060708090a0b0c0d0e0f
    private let knownProofTag = "d0e75ea00336a77696b24eec389d0ea99f93fed708238b08d35a27606f65669d"
    private let knownOutcomeTag = "2b54f48b537df2d7210fd0d33e6774c2dd3e21cfb20e71a6f931d23b6138ff76"

    @Test("the tag of PROOF equals that of another implementation")
    func proofTag() {
        #expect(hexadecimal(Sample.context.deviceTag(Sample.value, hmacSHA256)) == knownProofTag)
    }

    @Test("the tag of OUTCOME equals that of another implementation")
    func outcomeTag() {
        #expect(hexadecimal(Sample.context.beaconTag(Sample.value, .valid, hmacSHA256)) == knownOutcomeTag)
    }

    @Test("HMAC-SHA256 gives the result of RFC 4231, test case 2, with a key padded with zeros")
    func rfc4231() {
        // A shorter key is filled up with zeros by HMAC itself, so "Jefe" and twelve zeros are the same key.
        let key = Sample.secret(Array("Jefe".utf8) + [UInt8](repeating: 0, count: 12))
        #expect(
            hexadecimal(hmacSHA256(key, Array("what do ya want for nothing?".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test("a proof matches its value, and not a value that differs in one bit")
    func oneBitOfTheValue() {
        let presentation = Presentation.proof(Sample.context, tag: Sample.proofTag)
        #expect(presentation.matches(Sample.value, hmacSHA256))
        for bit in 0..<128 {
            var bytes = Sample.value.withBytes(Array.init)
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(!presentation.matches(Sample.secret(bytes), hmacSHA256))
            #expect(!Presentation.value(Sample.secret(bytes)).matches(Sample.value, hmacSHA256))
        }
        #expect(Presentation.value(Sample.value).matches(Sample.value, hmacSHA256))
    }

    @Test("a tag with one flipped bit, or one that is shorter, longer or empty, does not match")
    func oneBitOfTheTag() {
        for bit in 0..<256 {
            var tag = Sample.proofTag
            tag[bit / 8] ^= 1 << (bit % 8)
            #expect(!Presentation.proof(Sample.context, tag: tag).matches(Sample.value, hmacSHA256))
        }
        for tag in [[], Array(Sample.proofTag.dropLast()), Sample.proofTag + [0]] {
            #expect(!Presentation.proof(Sample.context, tag: tag).matches(Sample.value, hmacSHA256))
        }
    }

    @Test("every part of the context is in both tags: another link, device or beacon gives other tags")
    func contextIsBound() {
        func flipped(_ bytes: [UInt8]) -> [UInt8] { bytes.dropLast() + [(bytes.last ?? 0) ^ 1] }
        let (n, c, d) = (Sample.linkNonce, Sample.challenge, Sample.deviceNonce)
        let (b, j) = (Sample.beacon, Sample.device)
        let others = [
            ProofContext(linkNonce: flipped(n), challenge: c, deviceNonce: d, beacon: b, device: j),
            ProofContext(linkNonce: n, challenge: flipped(c), deviceNonce: d, beacon: b, device: j),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: flipped(d), beacon: b, device: j),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: d, beacon: Identifier(1), device: j),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: d, beacon: b, device: Identifier(1)),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: d, beacon: j, device: b),
        ]
        for other in others {
            #expect(other.deviceTag(Sample.value, hmacSHA256) != Sample.proofTag)
            #expect(other.beaconTag(Sample.value, .valid, hmacSHA256) != Sample.validTag)
        }
    }

    @Test("the tag of OUTCOME depends on the status, and never equals the tag of PROOF")
    func statusIsBound() {
        let tags = Outcome.allCases.map { Sample.context.beaconTag(Sample.value, $0, hmacSHA256) }
        #expect(Set(tags).count == Outcome.allCases.count)
        #expect(!tags.contains(Sample.proofTag))
    }

    @Test("OUTCOME valid carries the tag in challenge mode, and zeros in value mode")
    func validOutcome() {
        #expect(
            Presentation.proof(Sample.context, tag: Sample.proofTag).validOutcome(Sample.value, hmacSHA256)
                == .outcome(.valid, tag: Sample.validTag))
        #expect(
            Presentation.value(Sample.value).validOutcome(Sample.value, hmacSHA256)
                == .outcome(.valid, tag: LinkFrame.noTag))
    }
}
