/// Takes out of a text what may be a secret: a second line of defence, since none of the parts should have one.
enum SupportScrubbing {
    private static let left = "(left out)"
    /// Characters in base64, or bytes of a token in hexadecimal digits, that may be a piece of a secret.
    static let longestRun = 40
    /// Lines that a block in PEM has at most; one without an end is over then. The longest RSA key has 200.
    static let longestBlock = 200
    /// What precedes a secret.
    private static let names = ["pin-value=", "pin=", "password=", "passphrase=", "token=", "Bearer "]
    /// What a token of the registration service begins with: its role.
    static let roles = ["enrol", "read", "c2"]

    /// Without blocks in PEM, of whatever kind; long runs in base64; tokens of the registration service; PINs, passwords and tokens that stand
    /// behind their names. A block that was cut at the text's beginning goes as well.
    static func withoutSecrets(_ text: String) -> String {
        var block: Int?
        var hasBegun = false
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let (begins, ends) = (line.contains("-----BEGIN "), line.contains("-----END "))
            if ends, !begins, block == nil {
                if !hasBegun, lines.count <= longestBlock { lines = [] }
                lines.append(Substring(left))
                hasBegun = true
                continue
            }
            if begins {
                (block, hasBegun) = (0, true)
                lines.append(Substring(left))
            }
            if let length = block { block = length >= longestBlock ? nil : length + 1 }
            if block == nil { lines.append(withoutSecrets(line: line)) }
            if ends { block = nil }
        }
        return lines.joined(separator: "\n")
    }

    /// The end of a text, from the beginning of a line on, so that no secret is cut in two and not recognised.
    /// - Parameter most: bytes.
    static func end(of text: String, most: Int) -> String {
        guard text.utf8.count > most else { return text }
        let end = text.utf8.suffix(most)
        let line = end.firstIndex(of: UInt8(ascii: "\n")).map { end.index(after: $0) }
        return String(decoding: text.utf8[(line ?? end.startIndex)...], as: UTF8.self)
    }

    private static func withoutSecrets(line: Substring) -> Substring {
        var line = line
        for name in names where line.contains(name) { line = withoutValues(line, behind: name) }
        guard line.utf8.count >= longestRun else { return line }
        return withoutRuns(line)
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

    /// The field of a log line that numbers an exchange with a server, a UUID: it opens nothing.
    private static func isExchange(_ name: String, _ value: Substring) -> Bool {
        guard name == "token=" else { return false }
        let groups = value.prefix { $0.isHexDigit || "-@".contains($0) }.prefix { $0 != "@" }
            .split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.count) == [8, 4, 4, 4, 12]
    }

    // MARK: - Runs

    private static func withoutRuns(_ line: Substring) -> Substring {
        let bytes = Array(line.utf8)
        var kept: [UInt8] = []
        var (place, hasChanged) = (0, false)
        while place < bytes.count {
            let run = bytes[place...].prefix(while: isOfRun)
            guard !run.isEmpty else {
                kept.append(bytes[place])
                place += 1
                continue
            }
            place = run.endIndex
            if run.count >= longestRun, hasToken(run) || isKeyLike(run) {
                kept += Array(left.utf8)
                hasChanged = true
                place += bytes[place...].prefix { $0 == UInt8(ascii: "=") }.count
            } else {
                kept += run
            }
        }
        return hasChanged ? Substring(String(decoding: kept, as: UTF8.self)) : line
    }

    /// Base64 in both of its forms; in JSON, a backslash may stand before a slash.
    private static func isOfRun(_ byte: UInt8) -> Bool {
        isLower(byte) || isUpper(byte) || isDigit(byte) || "+/_-\\".utf8.contains(byte)
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func hasToken(_ run: ArraySlice<UInt8>) -> Bool {
        run.indices.contains { place in
            guard run[place] == UInt8(ascii: "-") else { return false }
            let digits = run[(place + 1)...].prefix(longestRun)
            return digits.count == longestRun
                && roles.contains { run[..<place].reversed().starts(with: $0.utf8.reversed()) }
                && digits.allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
        }
    }

    /// Base64 has letters of both cases and digits. A digest in hexadecimal digits has not, and stays: no key is ever written so. Neither has
    /// the first folder of a path, which is followed by a slash.
    private static func isKeyLike(_ run: ArraySlice<UInt8>) -> Bool {
        let bare = run.filter { $0 != UInt8(ascii: "\\") }
        guard bare.count >= longestRun, bare.contains(where: isUpper), bare.contains(where: isLower),
            bare.contains(where: isDigit)
        else { return false }
        guard bare.first == UInt8(ascii: "/") else { return true }
        let folder = bare.dropFirst().prefix { $0 != UInt8(ascii: "/") }
        return folder.isEmpty || folder.count == bare.count - 1 || !folder.allSatisfy(isLower)
    }
}
