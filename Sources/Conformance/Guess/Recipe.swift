import Keys
import ProofLink
import SRUP

/// How a device's frame is computed, taken apart, so that each step can be done wrongly. Without a change it computes what the page asks
/// for. For guessing what a foreign device has done: the beacon never computes anything in this way.
package struct Recipe {
    /// What goes into tags and signatures.
    package enum Part: CaseIterable, Hashable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case version, modes, mode, linkNonce, beacon, device, server, transport, challenge, nonce, tag
    }

    /// The texts before them.
    package enum Label: CaseIterable, Hashable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case proof, key, claimWord, deviceWord, signature
    }

    private static let prefix: [Part] = [.version, .modes, .mode, .linkNonce, .beacon, .device, .server, .transport]

    var parts: [Part: [UInt8]]
    var labels: [Label: [UInt8]]
    /// The value, as the key of the first HMAC.
    var value: [UInt8]
    /// In keyed mode: the value itself in place of K(word).
    var hasNoDerivedKeys = false
    /// SHA-256 of key and message, in place of HMAC.
    var isPlainHash = false
    /// The last 16 bytes of the HMAC in CLAIM.
    var takesLastBytes = false
    /// The tag of the other mode.
    var isOfOtherMode = false
    /// What is signed is hashed once more.
    var hashesTwice = false

    /// As the page has it.
    package init(_ facts: LinkFacts) {
        func id(_ node: Identifier) -> [UInt8] {
            (0..<8).map { UInt8(truncatingIfNeeded: node.number >> (56 - 8 * $0)) }
        }
        let context = facts.keyedContext.encoded
        parts = [
            .version: [LinkFrame.version], .modes: [facts.modes.rawValue], .mode: [Mode.keyed.rawValue],
            .linkNonce: facts.linkNonce, .beacon: id(facts.beacon), .device: id(facts.device),
            .server: id(facts.server),
            .transport: context.suffix(1), .challenge: facts.challenge, .nonce: facts.deviceNonce, .tag: facts.tag,
        ]
        labels = [
            .proof: Array("SRUP proof link v1 device".utf8), .key: Array("SRUP proof link keyed ".utf8),
            .claimWord: Array("claim".utf8), .deviceWord: Array("device".utf8),
            .signature: Array("SRUP proof link keyed signature".utf8),
        ]
        value = facts.value.withBytes(Array.init)
    }

    private func joined(_ wanted: [Part]) -> [UInt8] { wanted.flatMap { parts[$0] ?? [] } }

    private func tag(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        guard !isPlainHash else { return sha256(key + message) }
        // HMAC fills up a shorter key with zeros.
        let filled = key + [UInt8](repeating: 0, count: max(0, (key.count <= Secret.length ? 16 : 32) - key.count))
        guard let secret = filled.count == Secret.length ? Secret(filled) : Secret(derived: filled.prefix(32)) else {
            preconditionFailure("16 bytes make a secret")
        }
        return hmacSHA256(secret, message)
    }

    private func key(_ word: Label) -> [UInt8] {
        hasNoDerivedKeys ? value : tag(value, (labels[.key] ?? []) + (labels[word] ?? []))
    }

    private var challengeTag: [UInt8] {
        tag(value, (labels[.proof] ?? []) + joined([.linkNonce, .challenge, .nonce, .beacon, .device]))
    }

    private var keyedTag: [UInt8] { tag(key(.deviceWord), joined(Recipe.prefix + [.challenge, .nonce])) }

    /// The bytes that this recipe makes; of a signature, the bytes that are signed.
    package func made(_ kind: DeviceFrame) -> [UInt8] {
        switch kind {
        case .ready: return parts[.device] ?? []
        case .claim:
            let whole = tag(key(.claimWord), joined(Recipe.prefix))
            return Array(takesLastBytes ? whole.suffix(16) : whole.prefix(16))
        case .proof: return isOfOtherMode ? keyedTag : challengeTag
        case .keyedProof: return isOfOtherMode ? challengeTag : keyedTag
        case .value: return value
        case .signature:
            let bytes = (labels[.signature] ?? []) + joined(Recipe.prefix + [.challenge, .nonce, .tag])
            return hashesTwice ? sha256(bytes) : bytes
        }
    }
}
