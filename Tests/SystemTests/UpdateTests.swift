import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// The paper's §3.2 and §3.7 with the real program, a real broker, a web server over TLS, and the updater that we document.
@Suite("An update", .blocking)
struct UpdateTests {
    @Test("is fetched, verified, activated when ordered, and confirmed by the new version")
    func wholeLife() throws {
        let stage = try UpdateStage()
        try stage.serve()
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [.updateSuccess], "\(stage.lastLines)")
        #expect(stage.phase == "fetched" && stage.version == "0.1.0")
        let process = stage.beacon.process?.process
        try stage.server.send(.activate, token: UpdateStage.token)
        #expect(try stage.answer(2) == [.updateSuccess, .activateSuccess])
        #expect(stage.version == UpdateStage.newer && stage.beacon.process?.process == process)
        #expect(stage.beacon.membership == "member")
        try eventually("nothing is left of the file") {
            !FileManager.default.fileExists(atPath: stage.beacon.state + "/update/file")
                && !FileManager.default.fileExists(atPath: stage.beacon.program + ".old")
        }
        // A repeated order gets the same answer, and an older version is refused afterwards.
        try stage.server.send(.activate, token: UpdateStage.token)
        #expect(try stage.answer(3).last == .activateSuccess, "\(stage.lastLines)")
        try stage.serve(version: "0.1.0")
        try stage.order(token: UpdateStage.other)
        #expect(try stage.answer(token: UpdateStage.other) == [.updateFailFile], "\(stage.lastLines)")
        #expect(stage.beacon.says("that is older than \(UpdateStage.newer)"))
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var digest: [UInt8]?
        let status: Status
        let words: String
        var testDescription: String { digest == nil ? "no program" : "other digest" }
    }

    @Test("that is not the announced file gets its status, one log line, and is not installed")
    func bad() throws {
        let stage = try UpdateStage()
        try stage.serve(Data("no program\n".utf8))
        try stage.beacon.startAndJoin()
        let cases = [
            Bad(digest: [UInt8](repeating: 7, count: 32), status: .updateFailDigest, words: "was announced"),
            Bad(status: .updateFailFile, words: "the updater does not take the file"),
        ]
        for (number, bad) in cases.enumerated() {
            let token = Token(random: [UInt8](repeating: UInt8(number + 16), count: 16), for: Node.beacon)
            try stage.order(digest: bad.digest, token: token)
            #expect(try stage.answer(token: token) == [bad.status], "\(bad.testDescription)")
            #expect(stage.beacon.says(bad.words), "\(bad.testDescription)")
        }
        let line = stage.beacon.logged.split(separator: "\n").filter { $0.contains("was announced") }
        #expect(line.count == 1)
        #expect(try stage.beacon.command("--version").text.isEmpty || stage.version == "0.1.0")
    }

    @Test("whose program does not accept our configuration is refused by the updater, and answered FE")
    func doesNotStart() throws {
        let stage = try UpdateStage()
        try stage.serve(Data("#!/bin/sh\n[ \"$1\" = --version ] && echo 0.2.0 && exit 0\necho broken\nexit 1\n".utf8))
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [.updateFailFile], "\(stage.lastLines)")
        #expect(stage.beacon.says("the updater does not take the file"))
    }

    @Test("whose updater has installed a broken program is undone before the old one has ended, and answered 1F")
    func brokenInPlace() throws {
        let stage = try UpdateStage()
        // An updater that checks only the version.
        let updater = stage.network.folder + "/updater"
        let script = try String(contentsOfFile: updater, encoding: .utf8)
        try script.replacing("\"$2\" run --check", with: ": run --check").write(
            toFile: updater, atomically: false, encoding: .utf8)
        // It prints its version, and does nothing else.
        try stage.serve(
            Data("#!/bin/sh\n[ \"$1\" = --version ] && echo 0.2.0 && exit 0\necho broken\nexit 1\n".utf8))
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [.updateSuccess], "\(stage.lastLines)")
        try stage.server.send(.activate, token: UpdateStage.token)
        #expect(try stage.answer(2).last == .activateFail, "\(stage.lastLines)")
        #expect(stage.beacon.says("does not take our configuration"))
        #expect(stage.version == "0.1.0" && stage.beacon.isRunning)
        #expect(try Network.run(stage.beacon.program, ["--version"]) == "0.1.0\n")
    }
}
