import Foundation

/// The landing pages of the library products: Sources/MODULE/MODULE.docc/MODULE.md. DocC does not compile the code on them, so
/// a test holds the same lines.
package enum LandingPage {
    /// Whether the lines of a page's code example stand one after the other, indented in any way, in a source file.
    package static func example(of module: String, isIn file: String) throws -> Bool {
        let sources = Vectors.folder.deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
        let page = try lines(of: sources.appending(path: "\(module)/\(module).docc/\(module).md"))
        let code = page.drop { $0 != "```swift" }.dropFirst().prefix { $0 != "```" }
        let source = try lines(of: URL(filePath: file))
        return !code.isEmpty && source.indices.contains { source[$0...].starts(with: code) }
    }

    private static func lines(of file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
