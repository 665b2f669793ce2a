/// Takes out of a text what may be a secret: a second line of defence, since none of the parts should have one.
enum SupportScrubbing {
    private static let left = "(left out)"
    /// Characters of a word in base64 that may be a piece of a key.
    static let longestWord = 40
    /// What precedes a secret.
    private static let names = ["pin-value=", "pin=", "password=", "passphrase=", "token=", "Bearer "]

    /// Blocks in PEM that are not certificates; long words in base64; PINs, passwords and tokens that stand behind their names.
    static func withoutSecrets(_ text: String) -> String {
        var isInBlock = false
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.contains("-----BEGIN ") {
                isInBlock = true
                lines.append(Substring(left))
            }
            if !isInBlock { lines.append(withoutSecrets(line: line)) }
            if line.contains("-----END ") { isInBlock = false }
        }
        return lines.joined(separator: "\n")
    }

    private static func withoutSecrets(line: Substring) -> Substring {
        var line = line
        for name in names where line.contains(name) { line = withoutValues(line, behind: name) }
        guard line.utf8.count >= longestWord else { return line }
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map {
            isKeyLike($0) ? Substring(left) : $0
        }
        return Substring(words.joined(separator: " "))
    }

    private static func withoutValues(_ line: Substring, behind name: String) -> Substring {
        var (kept, rest) = ("", line)
        while let range = rest.firstRange(of: name) {
            kept += rest[..<range.upperBound]
            rest = rest[range.upperBound...]
            guard !isExchange(name, rest) else { continue }
            kept += left
            rest = rest.drop { !" &;,\"'".contains($0) }
        }
        return Substring(kept + rest)
    }

    /// The field of a log line that numbers an exchange with a server: it opens nothing.
    private static func isExchange(_ name: String, _ value: Substring) -> Bool {
        name == "token=" && value.prefix { $0.isHexDigit || "-@".contains($0) }.count >= 16
    }

    /// Base64 has letters of both cases and digits; a digest in hexadecimal does not, and a path begins with a slash.
    private static func isKeyLike(_ word: Substring) -> Bool {
        let bare = word.drop { "\"'(".contains($0) }
        guard bare.utf8.count >= longestWord, !bare.hasPrefix("/") else { return false }
        let body = bare.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+/=_-".contains($0)) }
        guard body.utf8.count >= longestWord else { return false }
        return body.contains(where: \.isUppercase) && body.contains(where: \.isLowercase)
            && body.contains(where: \.isNumber)
    }
}
