import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("An update with the beacon killed between any two steps", .blocking)
struct UpdateKillTests {
    /// A complete update in which the process that passes the n-th checkpoint is killed, and the beacon started again as by an
    /// init system.
    /// - Returns: whether a process was killed.
    private func update(killedAt checkpoint: Int, _ stage: UpdateStage) throws -> Bool {
        let token = Token(random: [UInt8](repeating: UInt8(checkpoint), count: 16), for: Node.beacon)
        try stage.beacon.start(environment: ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
        var killed = false
        var activated = false
        try stage.order(token: token)
        try eventually(
            "the end of the update, killed at \(checkpoint)\n\(stage.beacon.logged.suffix(3_000))", within: 60
        ) {
            if !stage.beacon.isRunning {
                killed = true
                stage.beacon.stop()
                try stage.beacon.start()
            }
            let answers = stage.server.verdicts(token)
            if answers == [.updateSuccess], !activated {
                activated = true
                try stage.server.send(.activate, token: token)
            }
            // If a child process is killed, that is a failure with a status; the beacon continues.
            return answers.contains { $0 != .updateSuccess }
        }
        let answers = stage.server.verdicts(token)
        let version = try Network.run(stage.beacon.program, ["--version"]).trimmingCharacters(in: .newlines)
        #expect(answers.filter { $0 == .activateSuccess }.count <= 1)
        if answers.contains(.activateSuccess) {
            #expect(version == UpdateStage.newer && !answers.contains(.activateFail), "checkpoint \(checkpoint)")
        } else {
            #expect(version == "0.1.0", "checkpoint \(checkpoint): \(answers)")
        }
        // In either case it runs and works.
        try eventually("it runs, checkpoint \(checkpoint)") {
            stage.version == version && stage.beacon.membership == "member"
        }
        if !killed { killed = !stage.beacon.isRunning }
        stage.beacon.stop()
        return killed
    }

    @Test("ends with the old version and 1F or with the new one and 10, and with a beacon that runs")
    func everyCheckpoint() throws {
        let stage = try UpdateStage()
        try stage.serve()
        try stage.beacon.startAndJoin()
        stage.beacon.stop()
        var (checkpoint, unharmed) = (1, 0)
        // A later step may be passed by another process; several runs in a row without a kill are the end.
        while unharmed < 2 {
            unharmed = try update(killedAt: checkpoint, stage) ? 0 : unharmed + 1
            checkpoint += 1
            try stage.takeBack()
            guard checkpoint < 100 else {
                Issue.record("no end of checkpoints")
                return
            }
        }
        #expect(checkpoint > 12, "the hook is not in this build")
    }

    @Test("ends with the old version and 1F if the new one reaches no broker and has to be started repeatedly")
    func neverComesUp() throws {
        let stage = try UpdateStage()
        // The broker goes as soon as the order is there, and the new version is killed whenever it has started.
        try stage.beginActivation()
        stage.network.stopBroker()
        for start in 1...4 {
            try eventually("start \(start) of the new version\n\(stage.beacon.logged.suffix(3_000))", within: 60) {
                stage.version == UpdateStage.newer || stage.beacon.logged.contains("has not come up")
            }
            if stage.beacon.logged.contains("has not come up") { break }
            stage.beacon.stop(with: SIGKILL)
            try stage.beacon.start()
        }
        try eventually("the old version is back\n\(stage.beacon.logged.suffix(3_000))", within: 60) {
            stage.version == "0.1.0"
        }
        #expect(stage.beacon.says("version \(UpdateStage.newer) has not come up: putting the old one back"))
        try stage.network.startBroker()
        #expect(try stage.answer(2) == [.updateSuccess, .activateFail])
        #expect(try Network.run(stage.beacon.program, ["--version"]) == "0.1.0\n")
    }

    @Test("SIGTERM while the updater works ends the beacon, and the next start undoes what the updater did")
    func endedMeanwhile() throws {
        let stage = try UpdateStage()
        let updater = stage.network.folder + "/updater"
        let script = try String(contentsOfFile: updater, encoding: .utf8)
        try script.replacing(
            "        cp -- \"$2\" \"$program.new\"\n", with: "        sleep 2\n        cp -- \"$2\" \"$program.new\"\n"
        )
        .write(toFile: updater, atomically: false, encoding: .utf8)
        try stage.beginActivation()
        Thread.sleep(forTimeInterval: 0.5)
        #expect(stage.beacon.stop() == 0)
        // The updater continues by itself, and the beacon waits for it before undoing its work.
        try stage.beacon.start()
        #expect(try stage.answer(2, within: 60) == [.updateSuccess, .activateFail])
        #expect(try Network.run(stage.beacon.program, ["--version"]) == "0.1.0\n")
        #expect(stage.version == "0.1.0")
    }
}
