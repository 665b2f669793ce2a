/// Why a byte string is not a frame. Always the sender's fault: refuse, count, continue.
public enum FrameError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A field wants more bytes than are left.
    case truncated(needed: Int, left: Int)
    /// Bytes are left when every field has been read.
    case trailing(Int)
    /// Longer than any message can be.
    case oversize(Int)
    /// Not version 5.
    case version(UInt8)
    /// No message type of version 5, or one that is never dispatched (generic, and the withdrawn group messages).
    case type(UInt8)
    /// A token of no bytes.
    case emptyToken
    /// No RSA key of 2,048 to 16,384 bits makes a signature of this length.
    case signatureLength(Int)
    /// The two bytes behind a SYNDICATED_C2_REQ are not zero.
    case reservedNotZero

    /// One line, lower case: what was met and what was wanted.
    public var description: String {
        switch self {
        case .truncated(let needed, let left): "truncated: needed \(needed) bytes, \(left) left"
        case .trailing(let count): "\(count) bytes left over after the message"
        case .oversize(let count): "\(count) bytes, at most \(UnverifiedFrame.maximumLength) make a message"
        case .version(let version): "version \(version), wanted 5"
        case .type(let type): "type 0x\(hexadecimal([type])) is not a message type of version 5"
        case .emptyToken: "empty token, wanted 1 to 65535 bytes"
        case .signatureLength(let count): "signature of \(count) bytes, wanted 256 to 2048"
        case .reservedNotZero: "reserved bytes are not zero"
        }
    }
}

/// A cursor over received bytes, and the only code that subscripts them. Every read is checked against what is left.
package struct Reader {
    private let bytes: ArraySlice<UInt8>
    private(set) package var cursor: Int

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
        cursor = 0
    }

    /// How many bytes have not been read.
    package var left: Int { bytes.endIndex - cursor }

    /// The next `count` bytes.
    package mutating func take(_ count: Int) throws(FrameError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= left else { throw .truncated(needed: count, left: left) }
        defer { cursor += count }
        return bytes[cursor..<cursor + count]
    }

    package mutating func byte() throws(FrameError) -> UInt8 {
        let one = try take(1)
        return one[one.startIndex]
    }

    /// Two-byte lengths are big-endian; every other number of SRUP is little-endian. The proof link is all big-endian.
    @inlinable
    package mutating func bigEndian<Number: FixedWidthInteger>(_: Number.Type) throws(FrameError) -> Number {
        try take(Number.bitWidth / 8).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    @inlinable
    package mutating func littleEndian<Number: FixedWidthInteger>(_: Number.Type) throws(FrameError) -> Number {
        try take(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// `lv`: a two-byte big-endian length, and as many bytes.
    package mutating func lengthPrefixed() throws(FrameError) -> ArraySlice<UInt8> {
        try take(Int(try bigEndian(UInt16.self)))
    }

    /// Fails if the parser has left bytes unread.
    package func finish() throws(FrameError) {
        guard left == 0 else { throw .trailing(left) }
    }
}

extension [UInt8] {
    @inlinable
    package mutating func appendBigEndian(_ number: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    @inlinable
    package mutating func appendLittleEndian(_ number: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: 0, to: number.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    package mutating func appendLengthPrefixed(_ bytes: [UInt8]) {
        appendBigEndian(UInt16(bytes.count))
        append(contentsOf: bytes)
    }
}

/// A field of a message's body: the type of an associated value picks its form on the wire.
protocol Field {
    init(from reader: inout Reader) throws(FrameError)
    func write(to bytes: inout [UInt8])
}

extension Reader {
    mutating func read<F: Field>() throws(FrameError) -> F { try F(from: &self) }
}

extension UInt8: Field {
    init(from reader: inout Reader) throws(FrameError) { self = try reader.byte() }
    func write(to bytes: inout [UInt8]) { bytes.append(self) }
}

extension UInt32: Field {
    init(from reader: inout Reader) throws(FrameError) { self = try reader.littleEndian(UInt32.self) }
    func write(to bytes: inout [UInt8]) { bytes.appendLittleEndian(self) }
}

extension Identifier: Field {
    init(from reader: inout Reader) throws(FrameError) { self.init(try reader.littleEndian(UInt64.self)) }
    func write(to bytes: inout [UInt8]) { bytes.appendLittleEndian(number) }
}

extension SequenceID: Field {
    init(from reader: inout Reader) throws(FrameError) { self.init(try reader.littleEndian(UInt64.self)) }
    func write(to bytes: inout [UInt8]) { bytes.appendLittleEndian(number) }
}

extension Octets: Field {
    init(from reader: inout Reader) throws(FrameError) { self.init(try reader.lengthPrefixed()) }
    func write(to out: inout [UInt8]) { out.appendLengthPrefixed(bytes) }
}

extension Token: Field {
    init(from reader: inout Reader) throws(FrameError) {
        guard let token = Token(try reader.lengthPrefixed()) else { throw .emptyToken }
        self = token
    }
    func write(to out: inout [UInt8]) { out.appendLengthPrefixed(bytes) }
}

extension Status: Field {
    init(from reader: inout Reader) throws(FrameError) { self.init(rawValue: try reader.byte()) }
    func write(to bytes: inout [UInt8]) { bytes.append(rawValue) }
}

/// The two zero bytes that the reference leaves behind a SYNDICATED_C2_REQ, on the wire and under the signature.
struct TwoZeroBytes: Field, Hashable, Sendable {
    init() {}
    init(from reader: inout Reader) throws(FrameError) {
        guard try reader.take(2).allSatisfy({ $0 == 0 }) else { throw .reservedNotZero }
    }
    func write(to bytes: inout [UInt8]) { bytes += [0, 0] }
}
