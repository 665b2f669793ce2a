import Foundation
import SystemSupport
import TestVectors
import Testing

/// Scripts/report, with what a demo gives it: three scenes, of which the second is wrong and the third has no diagram.
@Suite("The demo's report and summary", .blocking)
struct DemoReportTests {
    private static let script = """
        set -euo pipefail
        here=$1 folder=$1/demo bin=$2
        say() { printf '%s\\n' "$1"; }
        mkdir "$folder"
        : >"$folder/device-1.trace"
        : >"$folder/device-2.trace"
        : >"$folder/device-3.trace"
        cp "$1/trace" "$folder/c2-1.trace"
        cp "$1/trace" "$folder/c2-2.trace"
        echo 'refused <nobody> & nothing' >"$folder/scene-3.txt"
        . "$3/Scripts/report"
        title=("" "the first" "one <b> that goes wrong and whose title is longer than most others have" "no diagram")
        seen=("" "device exit 0, C2 accepted" "device exit 0, C2 accepted, and so on until no terminal is wide enough" "exit 1")
        wanted=("" "device exit 0, C2 accepted" "device exit 10, C2 refused" "exit 1")
        for number in 1 2; do
            "$bin/srup-bench" diagram "$folder/device-$number.trace" "$folder/c2-$number.trace" \\
                --title "Scene $number" --svg "$folder/scene-$number.svg" >"$folder/drawn.txt"
        done
        report "three scenes" <<<"<h1>Three scenes</h1>"
        summary
        """

    private func play(in folder: String) throws -> (status: Int32, text: String) {
        let line =
            #"{"at_us":1,"bytes":315,"detail":"join success","from":"c2","name":"RESPONSE","to":"device","via":"mqtt"}"#
        try Data("\(line)\n".utf8).write(to: URL(filePath: folder + "/trace"))
        return try Network.output(
            "/bin/bash", ["-c", DemoReportTests.script, "demo", folder, Network.products, Network.project])
    }

    private func withPlay(_ body: (_ status: Int32, _ text: String, _ page: String, _ folder: String) throws -> Void)
        throws
    {
        let folder = NSTemporaryDirectory() + "srup-report-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (status, text) = try play(in: folder)
        let page = (try? String(contentsOfFile: folder + "/demo-report.html", encoding: .utf8)) ?? ""
        try body(status, text, page, folder)
    }

    @Test("the last lines fit 80 columns, name what went wrong, and end with the report's path")
    func summary() throws {
        try withPlay { status, text, _, folder in
            #expect(status == 1)
            #expect(
                text == """

                     1  ok     the first: device exit 0, C2 accepted
                     2  WRONG  one <b> that goes wrong and whose title is longer than most others
                               have: device exit 0, C2 accepted, and so on until no terminal is wide
                               enough
                               expected: device exit 10, C2 refused
                     3  ok     no diagram: exit 1
                    2 of 3 scenes as expected
                    report: \(folder)/demo-report.html

                    """)
        }
    }

    @Test("the page begins with a table, has each title once, is escaped, and supports dark and narrow screens")
    func page() throws {
        try withPlay { _, _, page, _ in
            #expect(page.contains("<meta name=\"viewport\"") && page.contains("prefers-color-scheme: dark"))
            #expect(page.contains("<h2>Summary: 2 of 3 scenes as expected</h2>"))
            #expect(page.ranges(of: "<tr><td>").count == 3 && page.ranges(of: "WRONG").count == 2)
            // A drawing for each trace, without a title of its own.
            #expect(page.ranges(of: "<svg ").count == 2 && page.ranges(of: ">join success<").count == 2)
            #expect(!page.contains("class=\"title\""))
            #expect(page.ranges(of: "Scene 1: the first").count == 1)
            #expect(page.contains("<pre>refused &lt;nobody&gt; &amp; nothing</pre>"))
            #expect(!page.contains("<b>") && page.contains("one &lt;b&gt; that goes wrong"))
            let table = try #require(page.range(of: "<table>"))
            let scene = try #require(page.range(of: "<h2 id="))
            #expect(table.lowerBound < scene.lowerBound)
        }
    }
}
