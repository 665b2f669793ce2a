import Foundation
import Nearby
import ProofLink
import SRUP
import Testing

@testable import Conformance

@Suite("The report of the conformance test") struct ReportTests {
    private static let setting = Setting(
        device: Identifier(0x0D01_0000_0000_0001), beacon: Identifier(0xB1), server: Identifier(0xC2),
        address: .local(path: "/nowhere/link"), folder: "/nowhere")
    private static let fault: CaseResult.Fault = {
        var fault = CaseResult.Fault(
            expected: "this", seen: "that", bytes: [UInt8](repeating: 0xAB, count: 200),
            correctIf: "the device id were little-endian")
        fault.deviceSaid = "device: no answer"
        return fault
    }()
    private static let results = [
        CaseResult(1, Case.all[0], .notTried, reason: "needs a registration service: --registry"),
        CaseResult(3, Case.all[2], .pass, seconds: 0.26), CaseResult(4, Case.all[3], .fail, seconds: 1, fault: fault),
    ]

    @Test("for people it has a line for each case, and all that is known of a failure")
    func lines() {
        let (first, second, third) = (
            ReportTests.results[0].lines, ReportTests.results[1].lines, ReportTests.results[2].lines
        )
        #expect(first == ["prove: 1 \(Case.all[0].name): not tried: needs a registration service: --registry"])
        #expect(second == ["prove: 3 challenge: pass 0.3 s: \(Case.all[2].description)"])
        #expect(third.first == "prove: 4 challenge-late: FAIL 1.0 s: \(Case.all[3].description)")
        #expect(third.contains("    correct if the device id were little-endian"))
        #expect(third.contains("    the device's last line: device: no answer"))
        #expect(third.last == "    rules: \(Case.all[3].rules.joined(separator: ", "))")
        #expect(third.allSatisfy { $0.utf8.count < 300 })
        #expect(
            Report(ReportTests.setting, ReportTests.results).summary
                == "prove: 1 passed, 1 failed, 1 not tried, in 1.3 s")
    }

    @Test("a mistake that makes many cases fail is named once at the end, the most frequent first")
    func mistakes() {
        var other = ReportTests.results[2]
        other.fault?.correctIf = "the link nonce were left out"
        var unknown = ReportTests.results[2]
        unknown.fault?.correctIf = nil
        let failures = [other, ReportTests.results[2], unknown, ReportTests.results[2]]
        #expect(
            Report(ReportTests.setting, failures).mistakes == [
                "prove: correct if the device id were little-endian: 2 of 4 failures",
                "prove: correct if the link nonce were left out: 1 of 4 failures",
            ])
        #expect(Report(ReportTests.setting, [ReportTests.results[1]]).mistakes.isEmpty)
    }

    @Test("it tells whether --timeout has left out cases")
    func cutShort() {
        let late = CaseResult(4, Case.all[3], .notTried, reason: CaseResult.timeIsOver)
        #expect(Report(ReportTests.setting, ReportTests.results + [late]).isCutShort)
        #expect(!Report(ReportTests.setting, ReportTests.results).isCutShort)
    }

    @Test("as JSON it has the members of docs/prove.md, and every byte")
    func json() throws {
        let report = Report(ReportTests.setting, ReportTests.results)
        let object = try JSONSerialization.jsonObject(with: Data(report.json)) as? [String: Any]
        #expect(object?["device"] as? String == "0d01000000000001" && object?["transport"] as? String == "local")
        #expect(object?["link_only"] as? Bool == true)
        let cases = try #require(object?["cases"] as? [[String: Any]])
        #expect(cases.map { $0["result"] as? String } == ["not tried", "pass", "fail"])
        let fault = try #require(cases[2]["fault"] as? [String: String])
        #expect(Set(fault.keys) == ["expected", "seen", "seen_hex", "correct_if", "device_said"])
        #expect(fault["seen_hex"]?.count == 400)
        #expect(cases[0]["reason"] != nil && cases[1]["fault"] == nil)
    }

    @Test("a case is not tried where its device, its link or the run cannot have it, and says why")
    func obstacles() throws {
        func obstacle(_ name: String, _ change: (inout Setting) -> Void = { _ in }) throws -> String? {
            var setting = ReportTests.setting
            change(&setting)
            return setting.obstacle(to: try #require(Case.all.first { $0.name == name }))
        }
        #expect(try obstacle("challenge") == nil && obstacle("other-beacon") == nil)
        #expect(try obstacle("value") == "the device has no value mode (--modes)")
        #expect(try obstacle("value") { $0.modes = [.value] } == nil)
        #expect(try obstacle("value-alone") { $0.modes = [.value] } == "needs keyed or challenge mode (--modes)")
        #expect(try obstacle("value-alone") == nil)
        #expect(try obstacle("nameless") { $0.modes = [.keyed] } == "the device has no challenge mode (--modes)")
        #expect(try obstacle("request") == "needs a broker and a server")
        #expect(try obstacle("no-hello") == "takes long: --patient")
        #expect(try obstacle("no-hello") { $0.isPatient = true } == nil)
        #expect(try obstacle("two-in-a-packet") == "needs packets, and this link is a stream")
        let le = NearbyAddress.le(.any, psm: 0xD5, random: false)
        #expect(try obstacle("two-in-a-packet") { $0.address = le } == nil)
        #expect(try obstacle("split") { $0.address = le } == "needs a stream, and this link has packets")
    }
}
