import ProofLink
import SRUP

// A device's signed proof for people: in the history, the console, and `srup-bench decode`.
extension Body {
    /// A description of an OBSERVATION_PROOF; nil for other messages. Nothing of it is checked here.
    package var observationProof: String? {
        guard case .data(let id, let data) = self, id == DataID.observationProof.octets else { return nil }
        return KeyedProof(encoded: data.bytes)?.summary
            ?? "\(data.bytes.count) bytes that are not a proof of keyed mode"
    }

    /// The parts of an OBSERVATION_PROOF, under the names of docs/proof-link.md; empty for other messages.
    var proofFields: [String: JSON] {
        guard case .data(let id, let data) = self, id == DataID.observationProof.octets else { return [:] }
        guard let proof = KeyedProof(encoded: data.bytes) else {
            return ["proof": .object(["refused": .text("not a proof of keyed mode")])]
        }
        return ["proof": .object(proof.fields)]
    }
}

extension KeyedProof {
    fileprivate var summary: String {
        "device \(context.device) to beacon \(context.beacon), for server \(context.server), over \(context.transport.rawValue), "
            + "signature of \(signature.count) bytes"
    }

    fileprivate var fields: [String: JSON] {
        let modes = Mode.allCases.filter(context.modes.contains).map(\.description)
        return [
            "server_id": .text(context.server.description), "device_id": .text(context.device.description),
            "beacon_id": .text(context.beacon.description), "transport": .text(context.transport.rawValue),
            "modes_offered": .text(modes.joined(separator: ",")),
            "link_nonce_hex": .text(hexadecimal(context.linkNonce)), "challenge_hex": .text(hexadecimal(challenge)),
            "device_nonce_hex": .text(hexadecimal(nonce)), "tag_hex": .text(hexadecimal(tag)),
            "signature_hex": .text(hexadecimal(signature)), "signed_hex": .text(hexadecimal(signedBytes)),
        ]
    }
}
