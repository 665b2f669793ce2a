import OperatorText

/// What people call a beacon, and where it is: for servers, logs, metrics and `status`. Nothing is decided by it.
public struct BeaconPlace: Equatable, Sendable {
    /// Bytes of a name or site, and of a position.
    static let (longestName, longestPosition) = (64, 128)

    /// nil: not set, as all of these.
    public internal(set) var name: String?
    /// The place where it is, with others perhaps: a hall, a harbour.
    public internal(set) var site: String?
    /// Where it is there: coordinates, a mast, a door.
    public internal(set) var position: String?

    /// The fields of log lines.
    var logFields: [String: String] {
        ["beacon_name": name, "beacon_site": site].compactMapValues(\.self)
    }

    /// For a person: `"North gate", site harbour, position 51.95,4.14`; nil: nothing is set.
    package var text: String? { BeaconPlace.text(name: name, site: site, position: position) }

    /// The same, of what a report tells.
    package static func text(name: String?, site: String?, position: String?) -> String? {
        let parts = [name.map { "\"\($0)\"" }, site.map { "site \($0)" }, position.map { "position \($0)" }]
        let told = parts.compactMap(\.self)
        return told.isEmpty ? nil : told.joined(separator: ", ")
    }
}

extension Setting {
    /// Printable UTF-8: pages, terminals and logs show it.
    func placeTextOrOff(_ lengths: ClosedRange<Int>) throws(BadSetting) -> String? {
        if value == "off" { return nil }
        guard lengths.contains(value.utf8.count), value.unicodeScalars.allSatisfy(\.isPrintable) else {
            throw bad("off, or a text of \(lengths.lowerBound) to \(lengths.upperBound) bytes in printable UTF-8")
        }
        return value
    }
}

extension Unicode.Scalar {
    /// Whether it is shown as what it is. What turns the direction of a text, or is invisible, is not; U+FFFD stands for bytes that
    /// are not UTF-8.
    fileprivate var isPrintable: Bool {
        guard value != 0xFFFD else { return false }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return false
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
            .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber, .connectorPunctuation,
            .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
            .otherPunctuation, .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol, .spaceSeparator:
            return true
        @unknown default: return false
        }
    }
}
