import Keys
import SRUP

@testable import ProofLink

/// The parties and numbers of these tests. Each run of bytes counts up from a different start, so that none passes for
/// another.
enum Sample {
    static let beacon = Identifier(0x0102_0304_0506_0708)
    static let device = Identifier(0xA1A2_A3A4_A5A6_A7A8)
    static let value = secret(Array(0x00...0x0F))
    static let otherValue = secret([UInt8](repeating: 0xEE, count: 16))
    static let linkNonce = [UInt8](0x10...0x1F)
    static let challenge = [UInt8](0x20...0x3F)
    static let deviceNonce = [UInt8](0x40...0x5F)
    static let both: Modes = [.value, .challenge]
    /// The modes that devices of version 1 know.
    static let plainModes: [Mode] = [.value, .challenge]
    static let server = Identifier(0xC2C2_C2C2_C2C2_C2C2)
    static let keyedModes: Modes = [.challenge, .keyed]
    static let keyed = KeyedContext(
        modes: keyedModes, linkNonce: linkNonce, beacon: beacon, device: device, server: server, transport: .l2cap)
    static let keys = KeyedKeys(value, hmacSHA256)
    static let claim = keyed.claim(keys.claim, hmacSHA256)
    static let keyedTag = keyed.deviceTag(keys.device, challenge: challenge, nonce: deviceNonce, hmacSHA256)
    static let keyedProof = KeyedProof(context: keyed, challenge: challenge, nonce: deviceNonce, tag: keyedTag)

    /// The tag of an OUTCOME in keyed mode.
    static func outcomeTag(_ outcome: Outcome, nonce: [UInt8] = deviceNonce) -> [UInt8] {
        keyed.beaconTag(keys.beacon, challenge: challenge, nonce: nonce, outcome, hmacSHA256)
    }

    static let context = ProofContext(
        linkNonce: linkNonce, challenge: challenge, deviceNonce: deviceNonce, beacon: beacon, device: device)
    static let proofTag = context.deviceTag(value, hmacSHA256)
    static let validTag = context.beaconTag(value, .valid, hmacSHA256)

    static func secret(_ bytes: [UInt8]) -> Secret {
        guard let secret = Secret(bytes) else { preconditionFailure("\(bytes.count) bytes make no secret") }
        return secret
    }

    static func beaconSession(offering modes: Modes = both) -> BeaconSession {
        BeaconSession(beacon: beacon, modes: modes, linkNonce: linkNonce, challenge: challenge)
    }

    static func deviceSession(
        _ mode: Mode, expecting expected: Identifier? = beacon, value: Secret? = value
    ) -> DeviceSession {
        deviceSession([mode], expecting: expected, value: value)
    }

    static func deviceSession(
        _ modes: [Mode], expecting expected: Identifier? = beacon, value: Secret? = value
    ) -> DeviceSession {
        DeviceSession(
            DeviceSession.Parties(
                device: device, server: server, beacon: expected, transport: .l2cap, modes: modes),
            deviceNonce: deviceNonce, value: value, authenticate: hmacSHA256)
    }
}

/// Every frame, with its bytes written out by hand from docs/proof-link.md, "Frames".
let framesAndBytes: [(frame: LinkFrame, hexadecimal: String)] = [
    (
        .hello(version: 1, modes: [.challenge], beacon: Sample.beacon, nonce: Sample.linkNonce),
        "01001a01020102030405060708101112131415161718191a1b1c1d1e1f"
    ),
    (
        .hello(version: 1, modes: Sample.both, beacon: Sample.beacon, nonce: Sample.linkNonce),
        "01001a01030102030405060708101112131415161718191a1b1c1d1e1f"
    ),
    (.ready(mode: .value, device: Sample.device), "02000901a1a2a3a4a5a6a7a8"),
    (.ready(mode: .challenge, device: Sample.device), "02000902a1a2a3a4a5a6a7a8"),
    (.wait(seconds: 0), "0300020000"), (.wait(seconds: 120), "0300020078"), (.wait(seconds: .max), "030002ffff"),
    (.challenge(Sample.challenge), "040020202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"),
    (
        .proof(nonce: Sample.deviceNonce, tag: Sample.challenge),
        "050040404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
            + "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    ),
    (.value(Sample.value), "060010000102030405060708090a0b0c0d0e0f"),
    (
        .outcome(.valid, tag: Sample.challenge),
        "07002160202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    ),
    (.outcome(.invalid, tag: LinkFrame.noTag), "0700216e" + noTagDigits),
    (.outcome(.fail, tag: LinkFrame.noTag), "0700216f" + noTagDigits),
    (.outcome(.unknown, tag: LinkFrame.noTag), "07002101" + noTagDigits),
    (.outcome(.busy, tag: LinkFrame.noTag), "07002102" + noTagDigits),
    (.outcome(.malformed, tag: LinkFrame.noTag), "07002103" + noTagDigits),
    (.outcome(.tooFar, tag: LinkFrame.noTag), "07002104" + noTagDigits),
    (.claim(Sample.linkNonce), "08001103101112131415161718191a1b1c1d1e1f"),
    (.claim(KeyedContext.noClaim), "080011030000000000000000" + "0000000000000000"),
    (.sign(last: false, [0xAB]), "09000200ab"), (.sign(last: true, [0xAB, 0xCD]), "09000301abcd"),
    (.sign(last: true, Array(repeating: 0x5A, count: 128)), "09008101" + String(repeating: "5a", count: 128)),
]

private let noTagDigits = String(repeating: "00", count: 32)
