import OperatorText

/// What an operator's error must not do, for the tables of errors in the modules' tests.
package enum OperatorTextRules {
    /// The rules that an error breaks, in the form that the beacon prints and in the bench's; none, if it is right.
    package static func broken(by error: any OperatorError) -> [String] {
        var found = broken(by: error.message, as: "message")
        for (program, names) in [("beacon", SettingNames.beacon), ("bench", .bench)] {
            found += broken(by: error.hint(for: names), as: "\(program)'s hint")
        }
        if error.message == error.hint(for: .beacon) { found.append("the hint is the message") }
        return found
    }

    private static func broken(by text: String, as what: String) -> [String] {
        var found: [String] = []
        if text.count < 8 { found.append("\(what) says nothing: \"\(text)\"") }
        if text.hasSuffix(".") && !text.hasSuffix("...") || text.contains("\n") {
            found.append("\(what) is not one line without a full stop: \"\(text)\"")
        }
        // The names of programs and protocols keep their capitals.
        let isName = ["OpenSSL", "SQLite", "RSA", "TLS"].contains { text.hasPrefix($0) }
        if text.first?.isUppercase == true, !isName { found.append("\(what) begins with a capital: \"\(text)\"") }
        return found
    }
}
