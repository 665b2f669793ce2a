import EventLoop
import Foundation
import TestVectors
import Testing

/// docs/updater, which operators copy.
@Suite("The documented updater", .blocking)
struct UpdaterExampleTests {
    private static let script =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/docs/updater"

    private func update(_ words: [String], _ environment: [String]) -> ChildProcess.Result {
        ChildProcess.run("/usr/bin/env", environment + ["sh", UpdaterExampleTests.script] + words, limit: .seconds(60))
    }

    /// Written by another process: one that another test starts meanwhile would inherit a file that is open for writing, and such a file
    /// cannot be started.
    private func write(_ program: String, _ name: String, mode: String, in folder: TemporaryFolder) throws -> String {
        let path = folder.path(name)
        let written = ChildProcess.run(
            "/usr/bin/install", ["-m", mode, "/dev/stdin", path], input: Array(program.utf8), limit: .seconds(60))
        try #require(written.succeeded, "\(written.words)")
        return path
    }

    @Test("tries a file where it is: a copy would take its room on the disk twice")
    func noCopy() throws {
        try TemporaryFolder.with { folder in
            let program = """
                #!/bin/sh
                ls "$(dirname "$0")" >&2
                [ "$1" != --version ] || echo 1.2
                """
            let file = try write(program, "file", mode: "0600", in: folder)
            let result = update(["check", file, "beacon.conf"], [])
            #expect(result.succeeded && result.output == ["1.2"], "\(result.words)")
            #expect(Set(result.lines) == ["file", "1.2"], "nothing else is in the folder while it runs")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["file"])
        }
    }

    @Test("leaves nothing of a file that the disk had no room for, and the program as it was")
    func full() throws {
        try TemporaryFolder.with { folder in
            // As cp(1) on a full disk: it has written a part.
            let cp =
                "#!/bin/sh\nfor last; do :; done\necho part >\"$last\"\necho 'cp: No space left on device' >&2\nexit 1\n"
            _ = try write(cp, "cp", mode: "0755", in: folder)
            let program = try folder.write(Data("old".utf8), to: "srup-beacon", mode: 0o755)
            let file = try folder.write(Data("new".utf8), to: "file")
            let result = update(
                ["install", file], ["PATH=\(folder.url.path):/usr/bin:/bin", "SRUP_BEACON_PROGRAM=\(program)"])
            #expect(!result.succeeded && result.words.contains("No space left on device"), "\(result)")
            #expect(try String(contentsOfFile: program, encoding: .utf8) == "old")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == [
                    "cp", "file", "srup-beacon",
                ])
        }
    }
}
