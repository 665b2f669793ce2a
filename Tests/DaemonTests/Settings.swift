import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Daemon

/// Configuration files for tests: a valid one, and the same with one thing changed.
enum Settings {
    /// A valid file, line by line.
    static let good = [
        "[beacon]", "identity = bea0000000000001", "key = /etc/k", "state = /var/s", "[broker]",
        "address = broker.example.org:8883", "ca = /etc/ca", "certificate = /etc/cert", "key = /etc/tls",
        "[server c2]", "key = /etc/c2",
    ]

    /// A valid file in which a key has this value, and the number of that line.
    static func with(_ section: String, _ key: String, _ value: String) -> (text: String, line: Int) {
        var lines = good
        let start = lines.firstIndex(of: "[\(section)]")
        let end = start.flatMap { start in lines[(start + 1)...].firstIndex { $0.hasPrefix("[") } } ?? lines.count
        let setting = "\(key) = \(value)"
        let index: Int
        if let start, let found = lines[start..<end].firstIndex(where: { $0.hasPrefix("\(key) =") }) {
            lines[found] = setting
            index = found
        } else if start != nil {
            lines.insert(setting, at: end)
            index = end
        } else {
            lines += ["[\(section)]", setting]
            index = lines.count - 1
        }
        return (lines.joined(separator: "\n") + "\n", index + 1)
    }

    /// The configuration of a file with this text.
    static func configuration(_ text: String) throws -> Configuration { try configuration(Data(text.utf8)) }

    static func configuration(_ bytes: Data) throws -> Configuration {
        try TemporaryFolder.with { try Configuration(file: try $0.write(bytes, to: "beacon.conf")) }
    }

    /// Why a file with this text is refused.
    static func fault(_ text: String, _ location: SourceLocation = #_sourceLocation) throws -> OperatorFault {
        try #require(throws: OperatorFault.self, sourceLocation: location) { try configuration(text) }
    }

    /// The file that the packages install.
    static func shipped() throws -> [String] {
        try project("docs/srup-beacon.conf").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// A file of this project.
    static func project(_ path: String) throws -> String {
        let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: project.appending(path: path), encoding: .utf8)
    }

    /// A line such as `;window = 120`: a default that is only documented.
    static func isToldDefault(_ line: String) -> Bool { line.wholeMatch(of: /;[a-z0-9-]+ =.*/) != nil }
}

/// An operator's error keeps the rules for its texts.
func expectGood(_ fault: any OperatorError, _ location: SourceLocation = #_sourceLocation) {
    #expect(OperatorTextRules.broken(by: fault) == [], sourceLocation: location)
}
