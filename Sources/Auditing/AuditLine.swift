import FoundationEssentials
import SRUP

/// One line of an exported record: a JSON object (docs/audit.md, "The exported file"). Which fields it has depends on its kind.
package struct AuditLine: Codable, Equatable, Sendable {
    /// What a line is.
    package enum Kind: String, Codable, Sendable {
        /// The first line: whose record it is.
        case audit
        /// A key that its owner has signed with.
        case key
        /// A chain, and its first row.
        case chain
        /// A head that its owner has signed.
        case head
        /// Of a server's record: a head that another node has sent.
        case received = "received-head"
        /// A beacon's verdict.
        case verdict
        /// An entry of a server's history.
        case entry
        /// A row that a filter has left out: only its digest.
        case leftOut = "left-out"
        /// The last line.
        case end
    }

    /// Bytes, in base64.
    package struct Bytes: Codable, Equatable, Sendable {
        /// The bytes.
        package let bytes: [UInt8]
        /// Of these bytes; nil of nil.
        package init?(_ bytes: [UInt8]?) {
            guard let bytes else { return nil }
            self.bytes = bytes
        }
        /// From base64.
        package init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let data = Data(base64Encoded: text) else {
                throw DecodingError.dataCorrupted(
                    DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "not base64"))
            }
            bytes = Array(data)
        }
        /// As base64.
        package func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(Data(bytes).base64EncodedString())
        }
    }

    /// nil: a head in a message.
    package var kind: Kind?
    // The header: the version of the format; beacon or server; when it was exported, in seconds since 1970.
    var version: Int?
    var of: String?
    var identity: String?
    var exported: Int64?
    // Keys and chains.
    var key: Bytes?
    var since: Int64?
    var until: Int64?
    var chain: String?
    var first: Int64?
    // Heads, and the anchor of the header.
    var anchor: Int64?
    var anchorDigest: String?
    var keys: String?
    var signature: Bytes?
    var time: Int64?
    var received: Int64?
    // Rows.
    var number: Int64?
    var digest: String?
    var content: String?
    var server: String?
    var device: String?
    var token: Bytes?
    var verdict: String?
    var reason: String?
    var evidence: String?
    var decided: Int64?
    var asked: Int64?
    var mismatches: Int64?
    var request: Bytes?
    var seal: String?
    var response: Bytes?
    var evidenceFrame: Bytes?
    var proofFrame: Bytes?
    var proof: Bytes?
    // An entry of a server's.
    var wall: Int64?
    var entry: String?
    var node: String?
    var line: String?
    var words: String?
    var grade: String?
    // The end: how many rows the file has, the last row of the chain, and rows of the history that are not in the chain: those from before
    // it, and others.
    var rows: Int64?
    var last: Int64?
    var unchained: Int64?
    var stray: Int64?

    enum CodingKeys: String, CodingKey {
        case kind, version, of, identity, exported, unchained, key, since, until, chain, first, anchor, keys
        case signature, time, received, number, last, stray, digest, content, server, device, token, verdict, reason,
            evidence
        case decided, asked, mismatches, request, seal, response, proof, entry, node, line, words, grade, rows
        case anchorDigest = "anchor_digest"
        case evidenceFrame = "evidence_frame"
        case proofFrame = "proof_frame"
        case wall = "wall_ms"
    }

    init(_ kind: Kind?) { self.kind = kind }

    /// A head, as a line of the file or as an object in a message.
    package init(_ head: AuditHead, kind: Kind?) {
        self.init(kind)
        (identity, chain) = (head.identity.description, Identifier(head.chain).description)
        (number, digest, time) = (head.link.number, hexadecimal(head.link.digest), head.time)
        (anchor, anchorDigest) = (head.anchor?.number, head.anchor.map { hexadecimal($0.digest) })
        (keys, signature) = (hexadecimal(head.keys), Bytes(head.signature))
    }

    var anchorLink: AuditLink? {
        guard let anchor, let digest = anchorDigest.flatMap(bytes(ofHexadecimal:)),
            digest.count == AuditLink.digestLength
        else { return nil }
        return AuditLink(number: anchor, digest: digest)
    }

    /// The line, without its end.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("strings and numbers are JSON") }
        return String(decoding: data, as: UTF8.self)
    }

    /// A line that was read; nil if it is not one.
    package init?(json bytes: [UInt8]) {
        guard let line = try? JSONDecoder().decode(AuditLine.self, from: Data(bytes)) else { return nil }
        self = line
    }
}
