import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("srup-bench diagram", .blocking)
struct DiagramCommandTests {
    private static let trace = """
        {"at_us":1,"bytes":36,"detail":"invalid","from":"beacon","name":"OUTCOME","to":"device","via":"link"}

        """

    /// The output of a command line that has the command with a trace in it.
    private func drawn(_ environment: [String: String], _ command: (String) -> [String]) throws -> String {
        let place = NSTemporaryDirectory() + "srup-diagram-\(UUID().uuidString)"
        let (trace, output) = (place + ".jsonl", place + ".txt")
        try Data(DiagramCommandTests.trace.utf8).write(to: URL(filePath: trace))
        defer { for file in [trace, output] { try? FileManager.default.removeItem(atPath: file) } }
        let words = command("\(Network.products)/srup-bench diagram \(trace)")
        #expect(try Child("/usr/bin/env", words, output: output, environment: environment).wait() == 0)
        return try String(contentsOfFile: output, encoding: .utf8)
    }

    private func file(_ environment: [String: String], _ option: String = "") throws -> String {
        try drawn(environment) { ["sh", "-c", "\($0) \(option)"] }
    }

    private func terminal(
        _ environment: [String: String], columns: Int = 80, _ option: String = ""
    ) throws -> String {
        try drawn(environment) { ["script", "-qec", "stty cols \(columns) && \($0) \(option)", "/dev/null"] }
    }

    private func columns(_ text: String) -> Int? {
        text.replacing(/\u{1B}\[[0-9;]*m/, with: "").split(whereSeparator: \.isNewline).map(\.count).max()
    }

    /// The test's own environment must have no effect.
    private static let plain = ["COLUMNS": "", "NO_COLOR": "", "TERM": "xterm"]

    @Test("is as wide as the terminal, whatever COLUMNS says; without a terminal as wide as COLUMNS, or 80 columns")
    func width() throws {
        let plain = DiagramCommandTests.plain
        // The last lifeline is one column before the edge.
        #expect(columns(try terminal(plain.merging(["COLUMNS": "70"]) { $1 }, columns: 100)) == 99)
        #expect(columns(try file(plain.merging(["COLUMNS": "70"]) { $1 })) == 69)
        #expect(columns(try file(plain)) == 79)
    }

    @Test("has colours only on a terminal, unless NO_COLOR or TERM forbids them")
    func colours() throws {
        let plain = DiagramCommandTests.plain
        let red = "\u{1B}[1;31m(INVALID)"
        #expect(try terminal(plain).contains(red))
        #expect(try !terminal(plain.merging(["NO_COLOR": "1"]) { $1 }).contains("\u{1B}"))
        #expect(try !terminal(plain.merging(["TERM": "dumb"]) { $1 }).contains("\u{1B}"))
        #expect(try !terminal(plain, "--colour never").contains("\u{1B}"))
        #expect(try !file(plain).contains("\u{1B}"))
        #expect(try file(plain.merging(["NO_COLOR": "1"]) { $1 }, "--colour always").contains(red))
    }
}
