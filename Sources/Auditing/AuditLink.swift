import Keys
import SRUP

/// A place in a chain of rows: a row's number, and the digest that depends on it and on every row before it (docs/audit.md, "The chain").
package struct AuditLink: Equatable, Hashable, Sendable {
    /// Bytes of every digest: SHA-256.
    package static let digestLength = 32

    /// Rows count up from 1; 0: before the first.
    package let number: Int64
    /// 32 bytes.
    package let digest: [UInt8]

    /// A place that is known.
    package init(number: Int64, digest: [UInt8]) { (self.number, self.digest) = (number, digest) }

    /// Where a chain begins, before its first row.
    /// - Parameters:
    ///   - number: of the row before the first one.
    ///   - chain: the chain's own random number.
    ///   - identity: whose chain it is.
    package init(beginning chain: UInt64, of identity: Identifier, after number: Int64 = 0) {
        var bytes = Array("SRUP audit begin 1".utf8)
        bytes.appendBigEndian(identity.number)
        bytes.appendBigEndian(chain)
        self.init(number: number, digest: sha256(bytes))
    }

    /// The place of the next row.
    /// - Parameter content: the digest of the row's fields.
    package func next(_ content: [UInt8]) -> AuditLink {
        var bytes = Array("SRUP audit chain 1".utf8) + digest
        bytes.appendBigEndian(UInt64(bitPattern: number + 1))
        return AuditLink(number: number + 1, digest: sha256(bytes + content))
    }
}

/// One of the keys that an identity has signed with, and when.
package struct AuditKey: Equatable, Sendable {
    /// SPKI in DER.
    package var der: [UInt8]
    /// When it was first used, in seconds since 1970 by the wall clock.
    package var since: Int64
    /// When another took its place; nil: it is in use.
    package var until: Int64?

    /// A key of these times.
    package init(der: [UInt8], since: Int64, until: Int64? = nil) {
        (self.der, self.since, self.until) = (der, since, until)
    }

    /// What a head signs of the keys, the oldest first.
    package static func digest(of keys: [AuditKey]) -> [UInt8] {
        var fields = AuditFields("SRUP audit keys 1")
        for key in keys {
            fields.add(key.der)
            fields.add(key.since)
            fields.add(key.until)
        }
        return fields.digest
    }

    /// The digests of a list at each of its times: when each key was the one in use.
    static func digests(of keys: [AuditKey]) -> Set<[UInt8]> {
        Set(
            keys.indices.map { last in
                var earlier = Array(keys[...last])
                earlier[last].until = nil
                return digest(of: earlier)
            } + [digest(of: keys)])
    }
}
