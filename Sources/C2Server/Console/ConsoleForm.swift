import SRUP

/// The fields of a form or of a query: `application/x-www-form-urlencoded`.
struct ConsoleForm: Sendable {
    private var fields: [String: String] = [:]

    /// The first field of each name; nil if the text is not such a form.
    init?(_ text: some Sequence<UInt8>) {
        for pair in Array(text).split(separator: UInt8(ascii: "&")).prefix(32) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = ConsoleForm.plain(parts[0]), let value = ConsoleForm.plain(parts.count > 1 ? parts[1] : [])
            else { return nil }
            if fields[name] == nil { fields[name] = value }
        }
    }

    subscript(name: String) -> String? { fields[name] }

    /// The node in a field; nil if there is none.
    func node(_ name: String) -> Identifier? { fields[name].flatMap { Identifier(hexadecimal: $0) } }

    private static func plain(_ part: ArraySlice<UInt8>) -> String? {
        var plain: [UInt8] = []
        var index = part.startIndex
        while index < part.endIndex {
            switch part[index] {
            case UInt8(ascii: "+"): plain.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard part.endIndex - index > 2, let byte = bytes(hexadecimal: part[index + 1...index + 2])?.first
                else { return nil }
                plain.append(byte)
                index += 2
            default: plain.append(part[index])
            }
            index += 1
        }
        return String(validating: plain, as: UTF8.self)
    }
}
