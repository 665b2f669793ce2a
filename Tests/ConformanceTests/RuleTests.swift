import Foundation
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

    @Test("names are unique, and sentences are sentences")
    func names() {
        #expect(Set(Case.all.map(\.name)).count == Case.all.count)
        for one in Case.all {
            #expect(one.name.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil, "\(one.name)")
            #expect(one.sentence.hasSuffix("."), "\(one.name)")
        }
    }
}
