/// A version of a program, ordered as Debian orders versions (deb-version(7)), without epochs: runs of digits count as
/// numbers, letters come before other characters, and `~` before everything, also before the end.
package struct VersionNumber: Comparable, CustomStringConvertible {
    package let description: String

    /// nil where it is not 1 to 64 characters of those that versions have: letters, digits, `.+~-`.
    package init?(_ text: some StringProtocol) {
        let isGood = text.utf8.allSatisfy { byte in
            VersionNumber.isDigit(byte) || VersionNumber.isLetter(byte) || ".+~-".utf8.contains(byte)
        }
        guard (1...64).contains(text.utf8.count), isGood, text.utf8.first.map(VersionNumber.isDigit) == true else {
            return nil
        }
        description = String(text)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte & 0x40 != 0
    }

    /// 0 is where a text ends, or its digits begin.
    private static func weight(_ byte: UInt8?) -> Int {
        switch byte {
        case nil: 0
        case UInt8(ascii: "~")?: -1
        case let byte? where isDigit(byte): 0
        case let byte? where isLetter(byte): Int(byte)
        case let byte?: Int(byte) + 256
        }
    }

    /// The program's version, and the packager's revision of it behind the last hyphen.
    private var parts: (program: ArraySlice<UInt8>, revision: ArraySlice<UInt8>) {
        let bytes = Array(description.utf8)[...]
        guard let hyphen = bytes.lastIndex(of: UInt8(ascii: "-")) else { return (bytes, []) }
        return (bytes[..<hyphen], bytes[(hyphen + 1)...])
    }

    package static func < (left: VersionNumber, right: VersionNumber) -> Bool {
        let (one, other) = (left.parts, right.parts)
        if precedes(one.program, other.program) { return true }
        return !precedes(other.program, one.program) && precedes(one.revision, other.revision)
    }

    private static func precedes(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        var (left, right) = (left, right)
        while !left.isEmpty || !right.isEmpty {
            while left.first.map({ !isDigit($0) }) ?? false || right.first.map({ !isDigit($0) }) ?? false {
                let (one, other) = (weight(left.first), weight(right.first))
                if one != other { return one < other }
                (left, right) = (left.dropFirst(), right.dropFirst())
            }
            let (one, other) = (left.prefix(while: isDigit), right.prefix(while: isDigit))
            (left, right) = (left.dropFirst(one.count), right.dropFirst(other.count))
            // Numbers of any length: the longer one without its zeros is the larger one.
            let zero = UInt8(ascii: "0")
            let (first, second) = (Array(one.drop { $0 == zero }), Array(other.drop { $0 == zero }))
            if first.count != second.count { return first.count < second.count }
            if first != second { return first.lexicographicallyPrecedes(second) }
        }
        return false
    }

    /// `1.0` and `1.00` are the same version.
    package static func == (left: VersionNumber, right: VersionNumber) -> Bool { !(left < right) && !(right < left) }
}

extension VersionNumber {
    /// Why a file of this version is not installed; nil where it is. By its version the new program is told from the old one,
    /// so that it must be another.
    package func objection(allowsOlder: Bool) -> String? {
        guard let ours = VersionNumber(Shell.version) else { preconditionFailure("\(Shell.version) is not a version") }
        if self == ours { return "that is \(Shell.version), which runs" }
        return self < ours && !allowsOlder ? "that is older than \(Shell.version), which runs" : nil
    }
}
