import FoundationEssentials
import Keys
import SRUP

/// The end of a chain at one moment, signed by its owner's identity key (docs/audit.md, "Heads"): with it, anyone can tell whether
/// the rows up to it were cut or rewritten since.
package struct AuditHead: Equatable, Sendable {
    /// The longest JSON of one: a signature of 2,048 bytes takes 2,732 characters of it.
    package static let maximumLength = 4_096

    /// Whose chain it is.
    package var identity: Identifier
    /// The chain's own random number.
    package var chain: UInt64
    /// The last row, and the chain's digest there.
    package var link: AuditLink
    /// When it was signed, in seconds since 1970 by the signer's wall clock.
    package var time: Int64
    /// The last row that was pruned; nil: none was.
    package var anchor: AuditLink?
    /// `AuditKey.digest` of the signer's keys.
    package var keys: [UInt8]
    /// RSASSA-PKCS1-v1_5 with SHA-256 over `signedBytes`.
    package var signature: [UInt8] = []

    /// A head that is not signed yet.
    package init(
        identity: Identifier, chain: UInt64, link: AuditLink, time: Int64, anchor: AuditLink?, keys: [UInt8]
    ) {
        (self.identity, self.chain, self.link) = (identity, chain, link)
        (self.time, self.anchor, self.keys) = (time, anchor, keys)
    }

    /// What the signature is over.
    package var signedBytes: [UInt8] {
        var bytes = Array("SRUP audit head 1".utf8)
        bytes.appendBigEndian(identity.number)
        bytes.appendBigEndian(chain)
        bytes.appendBigEndian(UInt64(bitPattern: link.number))
        bytes += link.digest
        bytes.appendBigEndian(UInt64(bitPattern: time))
        bytes.appendBigEndian(UInt64(bitPattern: anchor?.number ?? 0))
        bytes += anchor?.digest ?? [UInt8](repeating: 0, count: AuditLink.digestLength)
        return bytes + keys
    }

    /// The same head, signed.
    /// - Throws: what the signer throws.
    package func signed(by signer: some Signer) throws -> AuditHead {
        var signed = self
        signed.signature = try signer.signature(over: [signedBytes[...]])
        return signed
    }

    /// Whether the signature is this key's.
    package func isSigned(by key: PublicKey) -> Bool { key.verifies(signature[...], over: [signedBytes[...]]) }

    /// One JSON object, as AUDIT_HEAD and the answer to ID_REQUEST carry it.
    package var json: String { line.json }

    /// The same object, to be part of another.
    package var line: AuditLine { AuditLine(self, kind: nil) }

    /// A head from such an object; nil if it is not one, or longer than `maximumLength`.
    package init?(json bytes: [UInt8]) {
        guard bytes.count <= AuditHead.maximumLength, let line = AuditLine(json: bytes) else { return nil }
        self.init(line)
    }

    /// nil: the line lacks a field, or one has a wrong length.
    init?(_ line: AuditLine) {
        guard let identity = line.identity.flatMap({ Identifier(hexadecimal: $0) }),
            let chain = line.chain.flatMap({ UInt64($0, radix: 16) }), let number = line.number, number >= 0,
            let digest = line.digest.flatMap(bytes(ofHexadecimal:)), let time = line.time,
            let keys = line.keys.flatMap(bytes(ofHexadecimal:)), let signature = line.signature?.bytes,
            [digest, keys].allSatisfy({ $0.count == AuditLink.digestLength })
        else { return nil }
        self.init(
            identity: identity, chain: chain, link: AuditLink(number: number, digest: digest), time: time,
            anchor: line.anchorLink, keys: keys)
        self.signature = signature
        if line.anchor != nil, anchor == nil { return nil }
    }
}

/// Bytes from an even number of hexadecimal digits; nil from anything else.
func bytes(ofHexadecimal text: String) -> [UInt8]? { bytes(hexadecimal: text.utf8) }
