import Foundation
import SRUP
import SystemSupport
import Testing
import TestVectors

/// With the kit's server, which refuses an id that is not above the last one, and says so.
@Suite("A node that has lost its state", .blocking)
struct LostStateTests {
    @Test("a beacon whose journal and sequence ids are gone becomes a member again by itself, and verdicts count")
    func beacon() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        let c2 = try bench.server("--state", network.folder + "/c2.state")
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(beacon.logged)")
        for name in ["only the journal", "both"] {
            beacon.stop()
            for file in ["journal.sqlite"] + (name == "both" ? ["sequences"] : []) {
                try FileManager.default.removeItem(atPath: beacon.state + "/" + file)
            }
            try beacon.startAndJoin()
            #expect(beacon.says("the journal is missing"), "\(name)\n\(beacon.logged)")
            #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(name)\n\(c2.said)\n\(beacon.logged)")
        }
        beacon.stop()
        try FileManager.default.removeItem(atPath: beacon.state)
        try beacon.startAndJoin()
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "the folder\n\(c2.said)\n\(beacon.logged)")
        #expect(!c2.said.contains("refused"), "\(c2.said)")
    }

    @Test(
        "a folder that is removed while the beacon runs: no verdict is issued without it, and the beacon recovers by itself"
    )
    func whileRunning() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        let c2 = try bench.server()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        try FileManager.default.removeItem(atPath: beacon.state)
        try FileManager.default.removeItem(atPath: beacon.linkPath)
        #expect(beacon.says("was removed or replaced while the beacon was using it"))
        try eventually("it is a member again, and its sockets are there\n\(beacon.logged)") {
            beacon.membership == "member" && FileManager.default.fileExists(atPath: beacon.linkPath)
        }
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(beacon.logged)")
    }

    @Test("a device that keeps no state joins as often as it likes; with a wrong clock it says so and asks nobody")
    func device() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        let c2 = try bench.server()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        for _ in 0..<3 {
            #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(bench.deviceLog)")
        }
        // Restored from a machine that used microseconds of the clock, or absent for years: any id up to the server's clock is heard.
        for sequence in ["\(UInt64(1) << 51 + 90_000_000_000)", "\(UInt64(1) << 51 + 100_000_000_000)"] {
            let device = try bench.device(Node.second, link: beacon.linkPath, "--sequence", sequence)
            #expect(device.wait() == 0, "\(c2.said)")
        }
        let clock = try WrongClock(network)
        try clock.set(to: 1970)
        let wrong = try bench.device(link: beacon.linkPath, [], environment: clock.environment)
        #expect(wrong.wait() == 1 && bench.deviceLog.contains("clock is wrong (1970-"), "\(bench.deviceLog)")
    }

    @Test("an id that is out of reach is forgotten by order, and the beacon becomes a member by itself")
    func forgotten() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        let c2 = try bench.server("--state", network.folder + "/c2.state")
        let beacon = try BeaconProcess(
            network,
            settings: [
                "server \(Node.c2.topicForm)": ["sequence-floor = \(UInt64(1) << 60)"]
            ])
        try beacon.startAndJoin()
        beacon.stop()
        try FileManager.default.removeItem(atPath: beacon.state)
        try beacon.write([:])
        try beacon.start()
        try c2.hear("is not greater than")
        #expect(beacon.membership == "joining")
        c2.answer("forget \(Node.beacon.topicForm)")
        try c2.hear("are forgotten")
        try beacon.commandAgain()
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(beacon.logged)")
    }
}

extension BeaconProcess {
    /// Asks the server now, and not the next time that it would.
    fileprivate func commandAgain() throws {
        let reply = try command("join", "--again")
        if reply.status != 0 { throw NotInTime(what: "the server's answer: \(reply.text)") }
    }
}
