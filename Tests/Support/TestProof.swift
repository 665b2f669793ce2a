import Keys
import ProofLink
import SRUP

/// A proof of the device to the beacon, as the beacon forwards it, and how it can be false.
package enum TestProof: String, CaseIterable, Sendable {
    case right, otherServer, otherDevice, otherBeacon, otherValue, otherKey, unsigned, otherChallenge, cut, nothing

    package func data(to beacon: Identifier = Roles.beacon.id) throws -> [UInt8] {
        let context = KeyedContext(
            modes: [.challenge, .keyed], linkNonce: [UInt8](repeating: 1, count: 16),
            beacon: self == .otherBeacon ? Identifier(0xBEA9) : beacon,
            device: self == .otherDevice ? Roles.stranger.id : Roles.device.id,
            server: self == .otherServer ? Identifier(0xC9) : Roles.c2.id, transport: .le)
        guard let value = self == .otherValue ? Secret([UInt8](repeating: 9, count: 16)) : Roles.value else {
            throw VectorFault(what: "a value that is not 16 bytes")
        }
        var proof = KeyedProof(
            context: context, challenge: [UInt8](repeating: 2, count: 32), nonce: [UInt8](repeating: 3, count: 32),
            tag: [])
        let key = KeyedKeys(value, hmacSHA256).device
        proof.tag = context.deviceTag(key, challenge: proof.challenge, nonce: proof.nonce, hmacSHA256)
        let signer = self == .otherKey ? Roles.stranger.key : Roles.device.key
        proof.signature = self == .unsigned ? [] : try signer.signature(over: [proof.signedBytes[...]])
        if self == .otherChallenge { proof.challenge[0] ^= 1 }
        // The tag covers the challenge as well: after a change the tag is computed again, and the signature cannot be.
        if self == .otherChallenge {
            proof.tag = context.deviceTag(key, challenge: proof.challenge, nonce: proof.nonce, hmacSHA256)
        }
        switch self {
        case .cut: return Array(proof.encoded.prefix(139))
        case .nothing: return []
        case .right, .otherServer, .otherDevice, .otherBeacon, .otherValue, .otherKey, .unsigned, .otherChallenge:
            return proof.encoded
        }
    }
}
