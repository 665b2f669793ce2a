import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Killed between every two effects", .blocking)
struct KillTests {
    /// What the device shows: in keyed mode its signed proof is one more message of the verdict's transaction. A wrong value decides
    /// in value mode.
    enum Shown: CaseIterable {
        case challenge, keyed, wrongValue

        var mode: Mode {
            switch self {
            case .challenge: .challenge
            case .keyed: .keyed
            case .wrongValue: .value
            }
        }

        var verdict: Status { self == .wrongValue ? .observedJoinInvalid : .observedJoinValid }
    }

    private static let settings = ["observation": ["mismatches = 1"], "link": ["value-mode = yes"]]

    /// One observation with the beacon killed at its n-th checkpoint, started again, and the server's view of it.
    /// - Returns: whether the kill happened; when it does not, every checkpoint has been visited.
    private func observe(
        killedAt checkpoint: Int, _ server: TestServer, _ beacon: BeaconProcess, _ shown: Shown
    ) throws -> Bool {
        let (value, token) = (Secret.random(), TestServer.token())
        let secret = shown == .wrongValue ? Secret.random() : value
        try beacon.start(environment: ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
        try server.observe(Node.device, value, token: token)
        let decided = { !server.verdicts(token).isEmpty }
        var killed = false
        try eventually(
            "a verdict after the kill at checkpoint \(checkpoint)\n\(beacon.logged.suffix(4_000))", within: 30
        ) {
            if !beacon.isRunning {
                killed = true
                beacon.stop()
                try beacon.start()
            }
            // With a short limit: the beacon may be dead by now, or have no open observation.
            if !decided() {
                _ = try? TestDevice.prove(
                    beacon.link, secret, mode: shown.mode, within: 0.5,
                    signedBy: { _ in [UInt8](repeating: 7, count: 256) })
            }
            return decided()
        }
        // Anything after the first verdict, in any frame, must have the same status.
        Thread.sleep(forTimeInterval: 0.05)
        let status = shown.verdict
        #expect(server.verdicts(token) == [status], "checkpoint \(checkpoint)")
        #expect(server.everyStatus(token).allSatisfy { $0 == status }, "checkpoint \(checkpoint)")
        if !killed {  // it may still die at a checkpoint behind the verdict
            Thread.sleep(forTimeInterval: 0.2)
            killed = !beacon.isRunning
        }
        beacon.stop(with: SIGKILL)
        return killed
    }

    @Test("the server gets exactly one acceptable verdict", arguments: Shown.allCases)
    func everyCheckpoint(shown: Shown) throws {
        let network = try Network()
        let server = try TestServer(network)
        let beacon = try BeaconProcess(network, settings: Self.settings)
        try beacon.startAndJoin()
        beacon.stop()
        var checkpoint = 1
        while try observe(killedAt: checkpoint, server, beacon, shown) {
            checkpoint += 1
            guard checkpoint < 100 else {
                Issue.record("no end of checkpoints")
                return
            }
        }
        #expect(checkpoint > 10, "the hook is not in this build")
        // No sequence id was ever used twice: every accepted message of the beacon's has its own.
        let sequences = server.accepted.map(\.sequence)
        #expect(Set(sequences).count == sequences.count)
        #expect(beacon.history.count == checkpoint)
        if shown != .keyed { #expect(try holds(beacon, network, rows: checkpoint)) }  // it signs with a false signature
        // A proof that the server has is one of those, and is followed by its verdict.
        let proofs = server.accepted.filter { $0.body.type == .data }
        #expect(shown == .keyed ? proofs.count >= checkpoint : proofs.isEmpty)
    }

    /// Whether the record of verdicts holds, with a row for each observation.
    private func holds(_ beacon: BeaconProcess, _ network: Network, rows: Int) throws -> Bool {
        let file = network.folder + "/record.jsonl"
        try Network.run(
            Network.products + "/srup-beacon", ["audit", "export", "--config", beacon.configuration, "--output", file])
        let report = try Network.output(C2Bench.program, ["audit", "verify", file, "--keys", network.folder])
        let isWhole = report.status == 0 && report.text.contains(": \(rows) rows, 1 to \(rows)\n")
        if !isWhole { print(report.text) }
        return isWhole
    }

    /// How often Scripts/faults has it killed.
    private static let kills = ProcessInfo.processInfo.environment["SRUP_FAULTS_KILLS"].flatMap { Int($0) }

    @Test("many times, with one journal: no verdict is lost, duplicated or contradicted", .enabled(if: kills != nil))
    func manyTimes() throws {
        let network = try Network()
        let server = try TestServer(network)
        let beacon = try BeaconProcess(network, settings: Self.settings)
        try beacon.startAndJoin()
        beacon.stop()
        var (killed, observations, checkpoint) = (0, 0, 0)
        while killed < Self.kills ?? 0 {
            checkpoint += 1
            observations += 1
            if try observe(killedAt: checkpoint, server, beacon, Shown.allCases[observations % 3]) {
                killed += 1
            } else {
                checkpoint = 0  // every place has been visited: from the first one again
            }
        }
        let sequences = server.accepted.map(\.sequence)
        #expect(Set(sequences).count == sequences.count)
        #expect(beacon.history.count == min(100, observations), "one verdict per observation")
        let file = network.folder + "/record.jsonl"
        try Network.run(
            Network.products + "/srup-beacon", ["audit", "export", "--config", beacon.configuration, "--output", file])
        let report = try Network.output(C2Bench.program, ["audit", "verify", file])
        #expect(report.status == 0 && report.text.contains(": \(observations) rows"), "the chain holds: \(report.text)")
        print(
            "kills: \(killed) in \(observations) observations, 0 verdicts lost, doubled or contradicting unless said above"
        )
    }

    @Test("killed while it joins, it still joins")
    func joining() throws {
        let network = try Network()
        let server = try TestServer(network)
        for checkpoint in 1...6 {
            let beacon = try BeaconProcess(network, name: "joiner\(checkpoint)")
            try? FileManager.default.removeItem(atPath: beacon.state)
            try beacon.start(environment: ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            try eventually("it dies at checkpoint \(checkpoint)") { !beacon.isRunning }
            beacon.stop()
            // The server's counter is above a fresh journal's: as after a lost disk, the operator gives the floor.
            try beacon.write(["server \(Node.c2.topicForm)": ["sequence-floor = \(server.counter + 100)"]])
            try beacon.startAndJoin()
            beacon.stop()
        }
    }
}
