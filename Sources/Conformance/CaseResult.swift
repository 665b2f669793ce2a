import SRUP

/// What has come of one case.
package struct CaseResult: Codable, Equatable, Sendable {
    /// How it ended.
    package enum Ended: String, Codable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case pass, fail
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case notTried = "not tried"
    }

    /// What was wrong.
    package struct Fault: Codable, Equatable, Sendable, Error {
        /// What a correct device does.
        package var expected: String
        /// What this one has done.
        package var seen: String
        /// The bytes that it has sent, in hexadecimal, where it is about bytes.
        package var seenHex: String?
        /// The usual mistake with which they are right: what follows "correct if".
        package var correctIf: String?
        /// The last line that the device has printed.
        package var deviceSaid: String?

        enum CodingKeys: String, CodingKey {
            case expected, seen
            case seenHex = "seen_hex"
            case correctIf = "correct_if"
            case deviceSaid = "device_said"
        }

        init(expected: String, seen: String, bytes: [UInt8]? = nil, correctIf: String? = nil) {
            (self.expected, self.seen, self.correctIf) = (expected, seen, correctIf)
            seenHex = bytes.map { hexadecimal($0) }
        }
    }

    /// Counted from 1, in the order of `prove --list`.
    package var number: Int
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var name: String
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var description: String
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var rules: [String]
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var result: Ended
    /// How long it took.
    package var seconds: Double
    /// Why it was not tried.
    package var reason: String?
    /// Of a case that failed.
    package var fault: Fault?

    /// Why cases are not tried after `Setting.limit`.
    static let timeIsOver = "the time for the whole test is over: --timeout"

    init(_ number: Int, _ one: Case, _ result: Ended, seconds: Double = 0, reason: String? = nil, fault: Fault? = nil) {
        (self.number, name, description, rules) = (number, one.name, one.description, one.rules)
        (self.result, self.seconds, self.reason, self.fault) = (result, seconds, reason, fault)
    }

    /// The lines of the report for people.
    package var lines: [String] {
        if result == .notTried { return ["prove: \(number) \(name): not tried: \(reason ?? "")"] }
        let word = result == .fail ? "FAIL" : "pass"
        var lines = ["prove: \(number) \(name): \(word) \(CaseResult.text(seconds)) s: \(description)"]
        guard let fault else { return lines }
        lines += ["    expected: \(fault.expected)", "    seen: \(fault.seen)"]
        if let hex = fault.seenHex { lines.append("    bytes: \(CaseResult.cut(hex))") }
        if let clause = fault.correctIf { lines.append("    correct if \(clause)") }
        if let said = fault.deviceSaid { lines.append("    the device's last line: \(said)") }
        return lines + ["    rules: \(rules.joined(separator: ", "))"]
    }

    /// What fits on a screen; the JSON form has all of it.
    private static func cut(_ hex: String) -> String {
        hex.count <= 256 ? hex : "\(hex.prefix(128))...\(hex.suffix(64)) (\(hex.count / 2) bytes)"
    }

    /// Seconds with one decimal.
    static func text(_ seconds: Double) -> String {
        let tenths = Int((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
