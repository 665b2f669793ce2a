import Foundation
import SystemSupport
import TestVectors
import Testing

/// Scripts/Test/parts, with test programs that only write results: the result of a run must not hide a failure.
@Suite("The result of a test run", .blocking)
struct TestRunTests {
    /// It reads from a file how often it has run; the results of its first and second run are given.
    private static let program = """
        #!/bin/bash
        [[ ! -e $1/second ]] || { echo "no third run" && exit 1; }
        end=$2
        [[ ! -e $1/first ]] || { end=$3 && touch "$1/second"; }
        touch "$1/first"
        [[ ${*: -2:1} == --xunit-output ]] || exit 3
        printf '%s\\n' "${*:4}" >>"$1/arguments"
        [[ -n $end ]] || exit 69
        {
            echo '<testsuites><testsuite>'
            for test in ${end//,/ }; do
                [[ $test != crash ]] || exit 139
                name=${test%:*} result=${test#*:}
                echo "<testcase classname=\\"Tests.Outer.Suite\\" name=\\"$name()\\">"
                [[ $result != bad ]] || echo '<failure message="1 is not 2" />'
                [[ $result != skipped ]] || echo '<skipped />'
                echo '</testcase>'
            done
            echo '</testsuite></testsuites>'
        } >"${*: -1}"
        [[ $end != *:bad* ]]
        """

    private static let run = """
        set -euo pipefail
        cd "$2"
        script=test steps=1 logs=$1/logs
        mkdir "$logs"
        . Scripts/progress
        . Scripts/Test/parts
        lane "$3"
        sum_up "checks" "" "$3"
        """

    private struct Run {
        let status: Int32
        let text: String
        let arguments: String
    }

    private func play(_ job: (_ program: String, _ folder: String) -> String) throws -> Run {
        try TemporaryFolder.with { folder in
            let program = try folder.write(Data(TestRunTests.program.utf8), to: "program", mode: 0o700)
            let (status, text) = try Network.output(
                "/bin/bash",
                ["-c", TestRunTests.run, "run", folder.url.path, Network.project, job(program, folder.url.path)])
            return Run(
                status: status, text: text,
                arguments: (try? String(contentsOfFile: folder.path("arguments"), encoding: .utf8)) ?? "")
        }
    }

    /// The interpreter runs the program: a file that was just written may still be open in another test's child process.
    private func tests(_ first: String, _ second: String = "crash") throws -> Run {
        try play { program, folder in "tests part '--skip Others' bash \(program) \(folder) '\(first)' '\(second)'" }
    }

    @Test("tests that pass run once, and are counted")
    func passed() throws {
        let run = try tests("a:good,b:good,c:skipped")
        #expect(run.status == 0)
        #expect(run.text.contains("test: 2 passed, 0 failed, 1 skipped\n"))
        #expect(run.text.contains("test: all good in "))
        #expect(run.arguments.split(separator: "\n").count == 1)
    }

    @Test("a test that fails in both runs fails the whole run, and is named")
    func failedTwice() throws {
        let run = try tests("a:good,b:bad", "b:bad")
        #expect(run.status == 1)
        #expect(run.text.contains("test: 1 passed, 1 failed, 0 skipped\n"))
        #expect(run.text.contains("part: Tests.Outer.Suite/b(): 1 is not 2\n"))
        #expect(run.text.contains("test: FAILED"))
        #expect(!run.text.contains("all good"))
    }

    @Test("a test that fails once runs again alone, passes, and is named in the last lines")
    func failedOnce() throws {
        let run = try tests("a:good,b:bad", "b:good")
        #expect(run.status == 0)
        #expect(run.text.contains("test: 2 passed, 0 failed, 0 skipped\n"))
        #expect(run.text.contains("failed in one of two runs"))
        #expect(run.text.suffix(400).contains("part: Tests.Outer.Suite/b(): 1 is not 2\n"))
        #expect(run.arguments.contains(#"--filter Suite/b\("#))
    }

    @Test("another test that fails in the second run is named as well")
    func another() throws {
        let run = try tests("a:bad,b:bad,c:good", "b:good,a:bad")
        #expect(run.status == 1)
        #expect(run.text.contains("test: 2 passed, 1 failed, 0 skipped\n"))
        #expect(run.text.contains("part: Tests.Outer.Suite/b(): 1 is not 2\n"))
    }

    @Test("a test that failed and is not run again, or is skipped then, has failed")
    func notAgain() throws {
        for second in ["a:skipped", "b:good"] {
            let run = try tests("a:bad,b:good", second)
            #expect(run.status == 1 && run.text.contains("part: Tests.Outer.Suite/a(): 1 is not 2\n"), "\(run.text)")
        }
    }

    @Test("a run that crashes is repeated completely; a failure or another crash fails the whole run")
    func crashed() throws {
        let recovered = try tests("crash", "a:good,b:good")
        #expect(recovered.status == 0)
        #expect(recovered.text.contains("part: all of it: the run ended without results"))
        #expect(recovered.arguments.split(separator: "\n").last?.hasPrefix("--skip Others ") == true)
        for second in ["a:bad,b:good", "crash"] {
            let run = try tests("crash", second)
            #expect(run.status == 1 && run.text.contains("test: FAILED"), "\(second): \(run.text)")
        }
        let late = try tests("a:bad,b:good", "crash")
        #expect(late.status == 1 && late.text.contains("test: FAILED"), "\(late.text)")
    }

    @Test("a run without tests fails the whole run, and so does a part that did not finish")
    func nothing() throws {
        let none = try tests("", "")
        #expect(none.status == 1 && none.text.contains("no test was run"), "\(none.text)")
        let cut = try play { _, _ in "true part" }
        #expect(cut.status == 1 && cut.text.contains("part: it was not run to its end"), "\(cut.text)")
    }

    @Test("a demo runs at most twice, and the lines that say what failed are shown")
    func demonstration() throws {
        let once = try play { _, folder in "demonstration part test ! -e \(folder)/logs/part/first.status" }
        #expect(once.status == 0 && !once.text.contains("FAILED"), "\(once.text)")
        let twice = try play { _, _ in "demonstration part bash -c 'echo WRONG: no broker; echo report: x; exit 1'" }
        #expect(twice.status == 1 && twice.text.contains("part: WRONG: no broker\n"), "\(twice.text)")
        let second = try play { _, folder in "demonstration part test -e \(folder)/logs/part/first.status" }
        #expect(second.status == 0 && second.text.contains("failed in one of two runs"), "\(second.text)")
    }

    @Test("a failure of a random search counts, however a second run would end")
    func search() throws {
        let run = try play { _, folder in "search part test -e \(folder)/logs/part/first.status" }
        #expect(run.status == 1 && run.text.contains("test: 0 passed, 1 failed, 0 skipped\n"), "\(run.text)")
    }
}
