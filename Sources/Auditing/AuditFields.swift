import Keys
import SRUP

/// The bytes of a row's fields in their order, each with its length, so that no two rows have the same bytes (docs/audit.md, "Rows").
struct AuditFields {
    private(set) var bytes: [UInt8]

    /// - Parameter domain: what the digest is of: no digest of one kind stands for one of another.
    init(_ domain: String) { bytes = Array(domain.utf8) }

    /// 0, or 1 ‖ length (4 bytes, big-endian) ‖ the bytes.
    mutating func add(_ field: [UInt8]?) {
        guard let field else { return bytes.append(0) }
        bytes.append(1)
        bytes.appendBigEndian(UInt32(field.count))
        bytes += field
    }

    mutating func add(_ text: String?) { add(text.map { Array($0.utf8) }) }

    /// 8 bytes, big-endian.
    mutating func add(_ number: UInt64?) {
        add(
            number.map { number in
                var field: [UInt8] = []
                field.appendBigEndian(number)
                return field
            })
    }

    mutating func add(_ number: Int64?) { add(number.map { UInt64(bitPattern: $0) }) }

    var digest: [UInt8] { sha256(bytes) }
}
