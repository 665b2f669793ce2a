import Foundation
import SRUP
import TestVectors

@testable import ProofLink

/// Tests/Vectors/proof-link.json, which Tests/Vectors/make-proof-link.py makes from the specification alone.
struct LinkVectors: Decodable {
    let frames: [FrameVector]
    let badFrames: [BadFrame]
    let links: [LinkVector]
    let badOutcomes: [BadOutcome]
    let badProofs: [BadProof]

    static func read() throws -> LinkVectors { try all.get() }

    private static let all = Result {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let file = Vectors.folder.appending(path: "proof-link.json")
        return try decoder.decode(LinkVectors.self, from: Data(contentsOf: file))
    }

    /// The link of a name.
    static func link(_ name: String) throws -> LinkVector {
        guard let link = try read().links.first(where: { $0.name == name }) else {
            throw VectorFault(what: "no link \(name)")
        }
        return link
    }
}

/// One frame, with its fields.
struct FrameVector: Decodable, CustomStringConvertible {
    let name, from: String
    let type: UInt8
    let frameHex: Hex
    let version, modes, status, last: UInt8?
    let beacon, device, mode: String?
    let seconds: UInt16?
    let nonceHex, challengeHex, tagHex, valueHex, claimHex, pieceHex: Hex?

    var description: String { name }

    /// The frame of the fields.
    func frame() throws -> LinkFrame {
        switch type {
        case 1:
            return .hello(
                version: try there(version), modes: Modes(rawValue: try there(modes)), beacon: try identifier(beacon),
                nonce: try there(nonceHex).bytes)
        case 2:
            let mode = Mode.allCases.first { $0.description == self.mode }
            return .ready(mode: try there(mode), device: try identifier(device))
        case 3: return .wait(seconds: try there(seconds))
        case 4: return .challenge(try there(challengeHex).bytes)
        case 5: return .proof(nonce: try there(nonceHex).bytes, tag: try there(tagHex).bytes)
        case 6: return .value(try there(Secret(try there(valueHex).bytes)))
        case 7: return .outcome(try there(Outcome(rawValue: try there(status))), tag: try there(tagHex).bytes)
        case 8: return .claim(try there(claimHex).bytes)
        case 9: return .sign(last: try there(last) == 1, try there(pieceHex).bytes)
        default: throw VectorFault(what: "type \(type)")
        }
    }

    private func identifier(_ text: String?) throws -> Identifier {
        try there(Identifier(hexadecimal: try there(text)))
    }

    private func there<Field>(_ field: Field?) throws -> Field {
        guard let field else { throw VectorFault(what: "\(name): a field is missing") }
        return field
    }
}

/// Bytes that are not a frame.
struct BadFrame: Decodable, CustomStringConvertible {
    let name, reason, stream: String
    let bytesHex: Hex

    var description: String { name }
}

/// A whole link.
struct LinkVector: Decodable, CustomStringConvertible {
    /// One frame and who sent it.
    struct Turn: Decodable {
        let from, name: String
        let frameHex: Hex
    }

    let name, mode, transport, outcome: String
    let modesOffered: UInt8
    let valueHex, linkNonceHex, challengeHex, deviceNonceHex: Hex
    let beacon, device, server: String
    let beaconProved: Bool
    let frames: [Turn]
    let contextHex, tagHex, outcomeTagHex: Hex?
    let prefixHex, claimKeyHex, deviceKeyHex, beaconKeyHex, claimHex, signedHex, signatureHex: Hex?
    let observationProofHex: Hex?
    let signingKey: String?
    let valueComesLate, namesBeacon: Bool?

    var description: String { name }
}

/// An OUTCOME after a whole proof that shows nothing of the value.
struct BadOutcome: Decodable, CustomStringConvertible {
    let name, link, outcome, device: String
    let frameHex: Hex

    var description: String { name }
}

/// Data of OBSERVATION_PROOF that a server refuses.
struct BadProof: Decodable, CustomStringConvertible {
    let name, link, reason: String
    let dataHex: Hex

    var description: String { name }
}
