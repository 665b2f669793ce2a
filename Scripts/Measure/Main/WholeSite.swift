import EventLoop
import Foundation
import Loop
import ProofLink
import SRUP
import Synchronization
import SystemSupport

/// The real daemon between a real broker with TLS and devices on its local link: it has one core to itself, and all the others
/// share the rest.
struct WholeSite {
    private static let devices = 16

    let measure: Measure
    private let network: Network
    private let server: TestServer
    private let beacon: BeaconProcess

    init(_ measure: Measure) throws {
        self.measure = measure
        try WholeSite.pin(getpid(), to: 1)  // and with us the broker, which we start
        network = try Network()
        server = try TestServer(network)
        // On the disk whose syncs are the limit.
        beacon = try BeaconProcess(
            network,
            settings: [
                "beacon": ["state = \(measure.folder)/state"], "link": ["links = 200", "links-per-peer = 200"],
            ])
        try FileManager.default.createDirectory(
            atPath: measure.folder + "/state", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
        )
        try beacon.startAndJoin()
        try WholeSite.pin(try process(), to: 0)
    }

    /// - Parameter count: observations by devices that come at the same time.
    func run(_ count: Int) throws {
        let idle = try memory()
        let latencies = try oneByOne(1_000)
        let before = try processorTime()
        let rate = try many(count)
        let busy = (try processorTime() - before) / Double(count)
        let after = try memory()
        beacon.stop()
        try WholeSite.pin(getpid(), to: 0)  // the limit is measured where the beacon has worked
        let sample = 300
        let crypto = Double(measure.leastCrypto(sample)) / Double(sample)
        let commit = Double(measure.leastCommits(sample)) / Double(sample)
        // Of the three transactions of an observation, the proof's is its own; requests and acknowledgements come together.
        let least = crypto + commit
        print(
            measure.line(
                "whole observation, \(WholeSite.devices) devices at a time", rate, "its crypto in C + 1 bare commit",
                least,
                rate / least, nil, nil))
        print(
            measure.line(
                "the same, the beacon's processor time", busy, "its crypto in C", crypto, busy / crypto, nil, nil))
        measure.row("OBSERVE_REQ sent to CHALLENGE come, through the broker", latencies.ready, "the same limit", least)
        measure.row("PROOF sent to verdict come, through the broker", latencies.told, "the same limit", least)
        print(
            "| resident, after \(count) observations | \(after) KiB | idle: \(idle) KiB | \((1_000 * Double(after) / Double(idle)).rounded() / 1_000) | | |"
        )
    }

    /// One device and one observation at a time: nanoseconds.
    private func oneByOne(_ count: Int) throws -> (ready: [Double], told: [Double]) {
        var (ready, told): ([Double], [Double]) = ([], [])
        for _ in 0..<count {
            let (value, token) = (Secret.random(), TestServer.token())
            var (asked, proved): (Int64, Int64) = (0, 0)
            let end = try TestDevice.prove(
                beacon.link, value,
                sending: { link, frame in
                    if case .proof = frame { proved = bootNanoseconds() }
                    link.send(frame)
                },
                waiting: {
                    asked = bootNanoseconds()
                    try server.observe(Node.device, value, token: token)
                })
            guard let end, end.outcome == .valid, let challenged = end.challenged else {
                throw NotInTime(what: "a proof")
            }
            try eventually("the verdict") { server.arrival(token) != nil }
            ready.append(Double(challenged - asked))
            told.append(Double((server.arrival(token) ?? 0) - proved))
        }
        return (ready, told)
    }

    /// Nanoseconds for each.
    private func many(_ count: Int) throws -> Double {
        let share = count / WholeSite.devices
        let failed = Atomic<Int>(0)
        let (way, server) = (beacon.link, server)
        let start = bootNanoseconds()
        DispatchQueue.concurrentPerform(iterations: WholeSite.devices) { number in
            let device = Identifier(0xDE00 + UInt64(number))
            for _ in 0..<share {
                let (value, token) = (Secret.random(), TestServer.token())
                let end = try? TestDevice.prove(
                    way, value, as: device,
                    waiting: { try server.observe(device, value, token: token) })
                if end?.outcome != .valid { failed.add(1, ordering: .relaxed) }
            }
        }
        let time = bootNanoseconds() - start
        guard failed.load(ordering: .relaxed) == 0 else {
            throw NotInTime(what: "\(failed.load(ordering: .relaxed)) proofs: \(beacon.logged.suffix(2_000))")
        }
        return Double(time) / Double(share * WholeSite.devices)
    }

    private func process() throws -> pid_t {
        guard let process = beacon.process?.process else { throw NotInTime(what: "the beacon") }
        return process
    }

    private static func pin(_ process: pid_t, to core: Int) throws {
        try Network.run("/usr/bin/taskset", ["-a", "-c", "-p", "\(core)", "\(process)"])
    }

    /// Nanoseconds that its threads have run.
    private func processorTime() throws -> Double {
        let words = try String(contentsOfFile: "/proc/\(process())/stat", encoding: .utf8).split(separator: " ")
        guard words.count > 14, let user = Double(words[13]), let system = Double(words[14]) else { return 0 }
        return (user + system) * 1e9 / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// KiB.
    private func memory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process())/status", encoding: .utf8)
        return status.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap { Int($0.1) } ?? 0
    }
}
