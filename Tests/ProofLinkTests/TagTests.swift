import Keys
import SRUP
import Testing

@testable import ProofLink

/// docs/proof-link.md, «The tags».
@Suite struct TagTests {
    // Made once with another implementation. The message in a file: the word, 10…1f, 20…3f, 40…5f,
    // 0102030405060708, a1a2a3a4a5a6a7a8, and for the beacon 60; then
    // openssl dgst -sha256 -mac HMAC -macopt hexkey:000102030405060708090a0b0c0d0e0f
    private let knownProofTag = "d0e75ea00336a77696b24eec389d0ea99f93fed708238b08d35a27606f65669d"
    private let knownOutcomeTag = "2b54f48b537df2d7210fd0d33e6774c2dd3e21cfb20e71a6f931d23b6138ff76"

    @Test("the tag of PROOF is the one that another implementation makes")
    func proofTag() {
        #expect(hexadecimal(Given.context.deviceTag(Given.value, hmacSHA256)) == knownProofTag)
    }

    @Test("the tag of OUTCOME is the one that another implementation makes")
    func outcomeTag() {
        #expect(hexadecimal(Given.context.beaconTag(Given.value, .valid, hmacSHA256)) == knownOutcomeTag)
    }

    @Test("HMAC-SHA256 gives the answer of RFC 4231, test case 2, under a key filled up with zeros")
    func rfc4231() {
        // A shorter key is filled up with zeros by HMAC itself, so "Jefe" and twelve zeros are the same key.
        let key = Given.secret(Array("Jefe".utf8) + [UInt8](repeating: 0, count: 12))
        #expect(
            hexadecimal(hmacSHA256(key, Array("what do ya want for nothing?".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test("a proof matches its value, and no value that differs in one bit")
    func oneBitOfTheValue() {
        let presentation = Presentation.proof(Given.context, tag: Given.proofTag)
        #expect(presentation.matches(Given.value, hmacSHA256))
        for bit in 0..<128 {
            var bytes = Given.value.withBytes(Array.init)
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(!presentation.matches(Given.secret(bytes), hmacSHA256))
            #expect(!Presentation.value(Given.secret(bytes)).matches(Given.value, hmacSHA256))
        }
        #expect(Presentation.value(Given.value).matches(Given.value, hmacSHA256))
    }

    @Test("a tag with one bit flipped, cut short, longer or empty matches nothing")
    func oneBitOfTheTag() {
        for bit in 0..<256 {
            var tag = Given.proofTag
            tag[bit / 8] ^= 1 << (bit % 8)
            #expect(!Presentation.proof(Given.context, tag: tag).matches(Given.value, hmacSHA256))
        }
        for tag in [[], Array(Given.proofTag.dropLast()), Given.proofTag + [0]] {
            #expect(!Presentation.proof(Given.context, tag: tag).matches(Given.value, hmacSHA256))
        }
    }

    @Test("every part of the context is in both tags: of another link, device or beacon they are other tags")
    func contextIsBound() {
        func flipped(_ bytes: [UInt8]) -> [UInt8] { bytes.dropLast() + [(bytes.last ?? 0) ^ 1] }
        let (n, c, d) = (Given.linkNonce, Given.challenge, Given.deviceNonce)
        let (b, j) = (Given.beacon, Given.device)
        let others = [
            ProofContext(linkNonce: flipped(n), challenge: c, deviceNonce: d, beacon: b, device: j),
            ProofContext(linkNonce: n, challenge: flipped(c), deviceNonce: d, beacon: b, device: j),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: flipped(d), beacon: b, device: j),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: d, beacon: Identifier(1), device: j),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: d, beacon: b, device: Identifier(1)),
            ProofContext(linkNonce: n, challenge: c, deviceNonce: d, beacon: j, device: b),
        ]
        for other in others {
            #expect(other.deviceTag(Given.value, hmacSHA256) != Given.proofTag)
            #expect(other.beaconTag(Given.value, .valid, hmacSHA256) != Given.validTag)
        }
    }

    @Test("the tag of OUTCOME tells the status, and is never the tag of PROOF")
    func statusIsBound() {
        let tags = Outcome.allCases.map { Given.context.beaconTag(Given.value, $0, hmacSHA256) }
        #expect(Set(tags).count == Outcome.allCases.count)
        #expect(!tags.contains(Given.proofTag))
    }

    @Test("OUTCOME valid carries the tag in challenge mode, and zeros in value mode")
    func validOutcome() {
        #expect(
            Presentation.proof(Given.context, tag: Given.proofTag).validOutcome(Given.value, hmacSHA256)
                == .outcome(.valid, tag: Given.validTag))
        #expect(
            Presentation.value(Given.value).validOutcome(Given.value, hmacSHA256)
                == .outcome(.valid, tag: LinkFrame.noTag))
    }
}
