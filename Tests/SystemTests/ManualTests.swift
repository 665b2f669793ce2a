import Foundation
import SystemSupport
import TestVectors
import Testing

/// What Scripts/Package/manual.py makes of the commands and of docs/srup-beacon.conf.
@Suite("The manual pages", .blocking)
struct ManualTests {
    private static let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let pages = ["srup-beacon.1", "srup-bench.1", "srup-beacon.conf.5"]

    private func withPages(_ body: (_ folder: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "srup-manual-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Network.run(
            ManualTests.project.appending(path: "Scripts/Package/manual.py").path,
            ["--programs", Network.products, "--out", folder, "--date", "2026-02-01"])
        try body(folder)
    }

    private func lines(_ page: String, in folder: String) throws -> [String] {
        try String(contentsOfFile: "\(folder)/\(page)", encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test("have each section once, on its own line and in the usual order")
    func sections() throws {
        let order = [
            "NAME", "SYNOPSIS", "DESCRIPTION", "VERBS", "SECTIONS", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO",
        ]
        try withPages { folder in
            for page in ManualTests.pages {
                let lines = try lines(page, in: folder)
                let headings = lines.filter { $0.hasPrefix(".Sh ") }.map { String($0.dropFirst(4)) }
                #expect(headings == order.filter(headings.contains), "\(page): \(headings)")
                #expect(lines.allSatisfy { $0.hasPrefix(".Sh ") || !$0.contains(".Sh ") && !$0.contains(" Sh ") })
                #expect(lines.first == ".Dd February 1, 2026")
            }
            for page in ["srup-beacon.1", "srup-beacon.conf.5"] {
                #expect(try lines(page, in: folder).filter { $0 == ".Sh FILES" }.count == 1, "\(page)")
            }
            for page in ["srup-beacon.1", "srup-bench.1"] {
                let lines = try lines(page, in: folder)
                #expect(lines.filter { $0 == ".Sh EXIT STATUS" }.count == 1, "\(page)")
                #expect(lines.contains(".It 64") && lines.contains("Invalid command line."), "\(page)")
            }
        }
    }

    @Test("describe each subcommand and each of its options")
    func verbs() throws {
        try withPages { folder in
            for (page, verb, option) in [
                ("srup-beacon.1", "srup-beacon join", ".It Fl -again"),
                ("srup-bench.1", "srup-bench registry token", ".It Fl -hours Ar hours"),
            ] {
                let lines = try lines(page, in: folder)
                let start = try #require(lines.firstIndex(of: ".Ss \(verb)"))
                let section = lines[(start + 1)...].prefix { !$0.hasPrefix(".S") }
                #expect(section.contains(option) && section.contains { $0.hasPrefix(".D1 Nm") }, "\(verb): \(section)")
            }
            #expect(try !lines("srup-beacon.1", in: folder).contains { $0.contains("give-management") })
        }
    }

    @Test("srup-beacon.conf(5) has every section and key of docs/srup-beacon.conf, with its default")
    func configuration() throws {
        let file = try String(contentsOf: ManualTests.project.appending(path: "docs/srup-beacon.conf"), encoding: .utf8)
        try withPages { folder in
            let page = try lines("srup-beacon.conf.5", in: folder)
            var (rest, section) = (page[...], "")
            for line in file.split(separator: "\n") {
                if line.hasPrefix("[") {
                    section = line.hasPrefix("[server") ? "[server ID]" : String(line)
                    let place = try #require(rest.firstIndex(of: ".Ss \(section)"), "\(section)")
                    rest = rest[place...]
                }
                guard let key = line.wholeMatch(of: /;?([a-z0-9-]+) = ?(.*)/) else { continue }
                let item = rest.firstIndex {
                    $0.hasPrefix(".It ") && $0.split(separator: " ").contains(key.output.1)
                }
                let place = try #require(item, "\(section) \(line)")
                let text = rest[(place + 1)...].prefix { !$0.hasPrefix(".") }.joined(separator: " ")
                #expect(
                    key.output.2.isEmpty || text.contains(key.output.2) || text.contains("unless given"),
                    "\(section) \(line): \(text)")
            }
        }
    }

    @Test(
        "have no errors according to mandoc",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/mandoc"), "mandoc is not installed"))
    func lint() throws {
        try withPages { folder in
            for page in ManualTests.pages {
                let found = try Network.output("/usr/bin/mandoc", ["-T", "lint", "-W", "warning", "\(folder)/\(page)"])
                #expect(found.status == 0 && found.text.isEmpty, "\(found.text)")
            }
        }
    }
}
