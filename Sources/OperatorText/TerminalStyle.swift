/// What a terminal can show.
public enum TerminalStyle: Equatable, Sendable {
    /// The 256 colours that terminals share.
    case colour
    /// Characters alone: no escape sequence.
    case plain

    /// Colours, if this is a terminal that supports them and they are not switched off (`NO_COLOR`, https://no-color.org).
    /// - Parameters:
    ///   - isTerminal: whether the output goes to one.
    ///   - environment: the value of an environment variable, by its name.
    public init(isTerminal: Bool, environment: (String) -> String?) {
        let isWanted = environment("NO_COLOR").map(\.isEmpty) ?? true
        self = isTerminal && isWanted && environment("TERM") != "dumb" ? .colour : .plain
    }

    /// What a word means: its colour. The words say the same without it.
    package enum Emphasis: String, Sendable {
        case good = "32"
        case warning = "33"
        case bad = "1;31"
        /// Less important than what is around it.
        case faint = "2"
        /// The whole line must be seen.
        case banner = "7"
    }

    /// A text with an emphasis, where the terminal can show it.
    package func emphasised(_ text: String, _ emphasis: Emphasis?) -> String {
        guard self == .colour, let emphasis, !text.isEmpty else { return text }
        return "\u{1B}[\(emphasis.rawValue)m\(text)\u{1B}[0m"
    }
}

/// Lines of a text that are broken between words. A word that is longer than a line is not broken.
/// - Parameter columns: at most so many characters a line, if the words allow it; nil: one line.
package func wrapped(_ text: String, columns: Int?) -> [String] {
    guard let columns, text.count > columns else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
        if !line.isEmpty, line.count + 1 + word.count > max(columns, 16) {
            lines.append(line)
            line = String(word)
        } else {
            line += line.isEmpty ? word : " " + word
        }
    }
    return lines + [line]
}

extension String {
    /// With blanks up to a width in characters.
    package func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
