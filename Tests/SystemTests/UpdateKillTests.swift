import Foundation
import SRUP
import SystemSupport
import Testing

@Suite("An update, with the beacon killed between any two steps")
struct UpdateKillTests {
    /// The whole of it, the n-th checkpoint being fatal to whichever process passes it, and the beacon started again as an
    /// init system would.
    /// - Returns: whether somebody was killed.
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
            // A child of the beacon's that is killed is a failure with a code; the beacon runs on.
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
        // Whichever it is, it runs and serves.
        try eventually("it runs, checkpoint \(checkpoint)") {
            stage.version == version && stage.beacon.membership == "member"
        }
        if !killed { killed = !stage.beacon.isRunning }
        stage.beacon.stop()
        return killed
    }

    @Test(
        "ends with the old version and 1F or with the new one and 10, and with a beacon that runs",
        .timeLimit(.minutes(10)))
    func everyCheckpoint() throws {
        let stage = try UpdateStage()
        try stage.serve()
        try stage.beacon.startAndJoin()
        stage.beacon.stop()
        var (checkpoint, unharmed) = (1, 0)
        // A step further on may be passed by another process; some runs without a kill in a row are the end.
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
}
