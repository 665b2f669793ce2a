import Bench
import Foundation
import FoundationXML
import ProofLink
import SRUP
import Testing

@Suite("The report of a load")
struct LoadReportTests {
    private static func plan(_ joins: Int, _ shares: [LoadBehaviour: Double] = [:]) -> LoadPlan {
        var settings = LoadPlan.Settings()
        (settings.devices, settings.joins, settings.shares) = (2, joins, shares)
        settings.pace = .rate(10)
        return LoadPlan(settings)
    }

    /// Joins that took 1, 2, 3, … ms.
    private static func results(_ plan: LoadPlan, token: String = "T") -> [LoadResult] {
        plan.joins.map { join in
            LoadResult(
                planned: join, device: Identifier(0xD0), token: token,
                end: join.behaviour == .silent ? .failed : .joined, began: join.at + .milliseconds(1),
                ended: join.at + .milliseconds(join.number + 2), links: 1,
                times: [.join: .milliseconds(join.number + 1), .hello: .microseconds(700)])
        }
    }

    private static func report(_ count: Int, token: String = "T", drop: Int = 0) -> LoadReport {
        let plan = plan(count)
        return LoadReport(
            plan, over: .local, Array(results(plan, token: token).dropLast(drop)),
            connections: [(.milliseconds(4), .milliseconds(2))], elapsed: .seconds(2))
    }

    @Test(
        "has quantiles that were measured: the nearest rank",
        arguments: [
            (1, [1, 1, 1, 1]), (2, [1, 2, 2, 2]), (10, [5, 9, 10, 10]), (100, [50, 90, 99, 100]),
            (200, [100, 180, 198, 200]),
        ] as [(Int, [Int64])])
    func quantiles(count: Int, wanted: [Int64]) throws {
        let times = (1...count).shuffled().map { Duration.microseconds($0) }
        let found = try #require(Quantiles(times))
        #expect([found.p50, found.p90, found.p99, found.max] == wanted && found.count == count)
        #expect(Quantiles([]) == nil)
    }

    @Test("measures honest joins only, and counts how all have ended")
    func honest() throws {
        let plan = LoadReportTests.plan(100, [.silent: 0.2])
        let report = LoadReport(plan, over: .local, LoadReportTests.results(plan), elapsed: .seconds(10))
        #expect(report.steps[.join]?.count == 80 && report.steps[.connect] == nil)
        #expect(report.count(.joined) == 80 && report.count(.failed) == 20 && report.ends == "80 joined, 20 failed")
        #expect(report.unexpected == 0 && report.status == 0)
        #expect(report.lines.contains { $0.wholeMatch(of: /silent +20 +20 +0/) != nil })
        #expect(report.lines.last?.contains("100 joins in ") == true)
    }

    @Test("fails if a join ended as it must not, and is incomplete if one is missing")
    func statuses() {
        let plan = LoadReportTests.plan(4)
        var results = LoadReportTests.results(plan)
        results[2].end = .refused
        #expect(LoadReport(plan, over: .local, results, elapsed: .seconds(1)).status == 10)
        results[2].end = .interrupted
        #expect(LoadReport(plan, over: .local, results, elapsed: .seconds(1)).status == 12)
        #expect(LoadReportTests.report(4, drop: 1).status == 12)
        #expect(LoadReportTests.report(4, drop: 1).lines.last?.hasSuffix("; 1 have not ended") == true)
        #expect(LoadReportTests.report(4, drop: 4).lines.last?.contains("none") == true)
    }

    @Test("is CSV with a row for each join; a step that was not completed is empty, and text is quoted")
    func csv() {
        let rows = LoadReportTests.report(3, token: "a,\"b\"").csv.split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(rows.count == 5 && rows.last == "")
        #expect(
            rows[0]
                == "number,device,behaviour,mode,transport,end,expected,links,planned_us,began_us,ended_us,token,value_us,link_us,hello_us,challenge_us,outcome_us,decision_us,join_us"
        )
        #expect(
            rows[2]
                == "1,00000000000000d0,honest,keyed,local,joined,joined,1,100000,101000,103000,\"a,\"\"b\"\"\",,,700,,,,2000"
        )
    }

    @Test("is JSON with the totals and the quantiles of each step")
    func json() throws {
        let text = LoadReportTests.report(100).json
        let object = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["joins"] as? Int == 100 && object["complete"] as? Bool == true)
        #expect(object["pace"] as? String == "10 a second" && object["seed"] as? Int == 1)
        let steps = try #require(object["steps_us"] as? [String: [String: Int]])
        #expect(steps["join"] == ["count": 100, "p50": 50_000, "p90": 90_000, "p99": 99_000, "max": 100_000])
        #expect(steps["connect"]?["p50"] == 4_000 && steps["value"] == nil)
        #expect((object["ends"] as? [String: Int])?["no answer"] == 0)
    }

    @Test("is a well-formed SVG for light and dark pages, with a dot for each join, but not for too many")
    func svg() throws {
        for (count, dots) in [(0, 0), (50, 50), (7_000, 3_500)] {
            let report = LoadReportTests.report(max(count, 1), drop: count == 0 ? 1 : 0)
            let svg = report.svg
            let parser = XMLParser(data: Data(svg.utf8))
            #expect(parser.parse(), "\(String(describing: parser.parserError))")
            #expect(svg.split(separator: "<circle").count - 1 == dots)
            #expect(svg.contains("prefers-color-scheme:dark") && !svg.contains("href"))
        }
    }
}
