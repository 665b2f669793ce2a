import SRUP

/// Bytes that a vector gives as hexadecimal digits. It has its own decoder, so that ours is not tested with itself.
package struct Hex: Decodable, Sendable {
    package let bytes: [UInt8]

    package init(_ digits: String) throws {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in digits.utf8 {
            let nibble: UInt8
            switch character {
            case 0x30...0x39: nibble = character - 0x30
            case 0x41...0x46: nibble = character - 0x41 + 10
            case 0x61...0x66: nibble = character - 0x61 + 10
            default: throw VectorFault(what: "no hexadecimal digit: \(character)")
            }
            if let first = high {
                bytes.append(first << 4 | nibble)
                high = nil
            } else {
                high = nibble
            }
        }
        guard high == nil else { throw VectorFault(what: "an odd number of digits") }
        self.bytes = bytes
    }

    package init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }
}

/// A vector that is not as its README says: the test's fault, not ours.
package struct VectorFault: Error, CustomStringConvertible {
    package let what: String

    package init(what: String) { self.what = what }

    package var description: String { what }
}

/// The fields of a good frame by their names in the vectors; asking for one that is not there throws.
package struct Fields: Decodable, Sendable {
    private enum Value: Decodable {
        case number(UInt64)
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(UInt64.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    private let values: [String: Value]

    package init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decode([String: Value].self)
    }

    private func text(_ name: String) throws -> String {
        guard case .text(let text) = values[name] else { throw VectorFault(what: "no text \"\(name)\"") }
        return text
    }

    /// A number, which must fit.
    package func number<Number: FixedWidthInteger>(_ name: String) throws -> Number {
        guard case .number(let wide) = values[name], let number = Number(exactly: wide) else {
            throw VectorFault(what: "no number \"\(name)\"")
        }
        return number
    }

    /// Raw bytes, given in hexadecimal.
    package func bytes(_ name: String) throws -> [UInt8] { try Hex(text(name)).bytes }

    /// Raw bytes as a field of a message.
    package func octets(_ name: String) throws -> Octets { Octets(try bytes(name)) }

    /// An identifier, given as the number in 16 hexadecimal digits.
    package func identifier(_ name: String) throws -> Identifier {
        Identifier(try Hex(text(name)).bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// The sequence id, given as a decimal string.
    package func sequence() throws -> SequenceID {
        guard let number = UInt64(try text("sequence_id")) else { throw VectorFault(what: "no sequence id") }
        return SequenceID(number)
    }
}
