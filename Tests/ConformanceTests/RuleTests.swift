import Foundation
import SRUP
import Testing

@testable import Conformance

@Suite("The cases and the rules of the pages") struct RuleTests {
    /// The rules that a page numbers: items of lists and rows of tables that begin with a number in bold.
    private static func numbered(_ page: String) throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: folder.appending(path: "docs/\(page)"), encoding: .utf8)
        return text.matches(of: /(?m)^(?:- |\| )\*\*([LD][0-9]+)\*\*/).map { String($0.1) }
    }

    private static let pages = ["proof-link.md", "protocol.md"]

    @Test("each number that a case cites is on a page")
    func cited() throws {
        let rules = Set(try RuleTests.pages.flatMap(RuleTests.numbered))
        #expect(rules.count > 100)
        for one in Case.all {
            #expect(!one.rules.isEmpty, "\(one.name)")
            #expect(rules.isSuperset(of: one.rules), "\(one.name): \(Set(one.rules).subtracting(rules))")
        }
        #expect(rules.isSuperset(of: UntestedRule.all.map(\.rule)))
    }

    @Test("each rule of a page is tested by a case, or listed as not tested")
    func covered() throws {
        let (tested, untested) = (Set(Case.all.flatMap(\.rules)), UntestedRule.all.map(\.rule))
        let rules = Set(try RuleTests.pages.flatMap(RuleTests.numbered))
        #expect(rules.subtracting(tested).subtracting(untested).isEmpty)
        #expect(tested.isDisjoint(with: untested), "\(tested.intersection(untested))")
        #expect(untested.count == Set(untested).count)
    }

    @Test("a request's token is 36 characters in a UUID's form")
    func tokens() throws {
        #expect(Stage.isUUID(Token(random: [UInt8](0..<16))))
        #expect(Stage.isUUID(try #require(Token("0A1B2C3D-0000-4000-8000-00000000000f".utf8))))
        for text in [
            "0a1b2c3d00004000800000000000000f", "0a1b2c3d-0000-4000-8000-00000000000g",
            "0a1b2c3d-0000-4000-8000-00000000000f@d1",
            "0a1b2c3d0-000-4000-8000-00000000000f", "-",
        ] {
            #expect(!Stage.isUUID(try #require(Token(text.utf8))), "\(text)")
        }
    }

    @Test("names are unique, and descriptions are sentences")
    func names() {
        #expect(Set(Case.all.map(\.name)).count == Case.all.count)
        for one in Case.all {
            #expect(one.name.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil, "\(one.name)")
            #expect(one.description.hasSuffix("."), "\(one.name)")
        }
    }
}
