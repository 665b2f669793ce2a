import Foundation
import SRUP
import SystemSupport
import Testing

/// docs/load.md: a load of misbehaving devices, whose counts must be the beacon's own; its trace, merged, drawn and replayed.
@Suite("srup-bench load", .blocking)
struct LoadTests {
    private static let first = Identifier(0xDE00_0000_0000_0000)
    private static let devices = 20

    let network: Network
    let beacon: BeaconProcess
    let keys: String

    init() throws {
        network = try Network()
        keys = network.folder + "/keys"
        // One certificate for all devices.
        let acl = network.folder + "/acl"
        let more = "user \(Node.second.topicForm)\ntopic read SRUP/+\ntopic write SRUP/servers/+/+\n"
        try (try String(contentsOfFile: acl, encoding: .utf8) + more).write(
            toFile: acl, atomically: true, encoding: .utf8)
        // mosquitto loses a SIGTERM that comes between its listening and its main loop, which the broker's answer to a client shows.
        try C2Bench(network: network).publish([0], as: Node.second, on: "SRUP/\(Node.second.topicForm)")
        network.stopBroker()
        try network.startBroker()
        try Network.run(
            C2Bench.program,
            ["keys", "--out", keys, "--bits", "2048", "--pool", "2", "--devices", "\(LoadTests.devices)"]
                + [LoadTests.first.topicForm])
        for id in [Node.beacon, Node.c2] {
            let name = "/\(id.topicForm).pub.pem"
            try FileManager.default.copyItem(atPath: network.folder + name, toPath: keys + name)
        }
        beacon = try BeaconProcess(
            network,
            settings: [
                "observation": ["window = 8"],
                "link": [
                    "links = 200", "links-per-peer = 200", "hold-off-first = 0.01", "hold-off-longest = 0.05",
                    "proof = 10", "ready = 10",
                ],
            ])
    }

    private func load(_ more: [String]) throws -> (status: Int32, text: String) {
        try Network.output(C2Bench.program, arguments(more))
    }

    private func arguments(_ more: [String]) -> [String] {
        let (folder, client) = (network.folder, network.folder + "/\(Node.second.topicForm)")
        return [
            "load", "--devices", "\(LoadTests.devices)", "--first", LoadTests.first.topicForm, "--key",
            keys + "/{id}.key.pem", "--broker", "localhost:\(network.port)", "--ca", folder + "/ca.pem", "--cert",
            client + ".cert.pem", "--tls-key", client + ".tls.key", "--server", Node.c2.topicForm, "--server-key",
            folder + "/\(Node.c2.topicForm).pub.pem", "--observer", Node.beacon.topicForm, "--link",
            "local:\(beacon.linkPath)", "--timeout", "60", "--late", "0.5",
        ] + more
    }

    /// A counter of the beacon's metrics.
    private func counter(_ name: String) throws -> Int {
        let metrics = try beacon.command("metrics").text
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("srup_beacon_\(name) ") }
        return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }

    @Test("the joins of twenty devices, some of which misbehave, end as they must, and the beacon has counted the same")
    func counts() throws {
        let c2 = try C2Bench(network: network).server(
            keys: ["--keyring", keys], "--trace", network.folder + "/c2.jsonl")
        defer { c2.end(with: SIGKILL) }
        try beacon.startAndJoin()
        let (trace, csv, json, svg) = (
            network.folder + "/load.jsonl", network.folder + "/load.csv", network.folder + "/load.json",
            network.folder + "/load.svg"
        )
        let shares = ["false=0.1", "silent=0.1", "early=0.1", "late=0.1", "wrong-id=0.05", "dropped=0.1"]
        let ended = try load(
            ["--rate", "10", "--mode", "keyed", "--mode", "challenge", "--trace", trace, "--csv", csv, "--json", json]
                + ["--svg", svg, "--progress", "1"] + shares.flatMap { ["--share", $0] })
        #expect(ended.status == 0, "\(ended.text)\n\(beacon.logged)")
        #expect(ended.text.contains("20 joins in ") && ended.text.contains("15 joined, 2 refused, 3 failed"))
        #expect(try counter("verdicts_total{verdict=\"valid\"}") == 15)
        #expect(try counter("verdicts_total{verdict=\"invalid\"}") == 2)
        #expect(try counter("verdicts_total{verdict=\"failed\"}") == 3)
        #expect(try counter("refused_total{reason=\"false-proof\"}") == 2)
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: json))) as? [String: Any]
        #expect(
            object?["ends"] as? [String: Int] == [
                "joined": 15, "refused": 2, "failed": 3, "no answer": 0, "disconnected": 0, "interrupted": 0,
            ])
        // Each false proof was told so; the honest ones were told valid, perhaps over more than one link.
        let links = try #require(object?["link_ends"] as? [String: Int])
        #expect((10...15).contains(links["outcome valid"] ?? 0) && links["outcome invalid"] == 2, "\(links)")
        #expect(try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n").count == 21)
        #expect(try String(contentsOfFile: svg, encoding: .utf8).contains("<circle"))
        try traces(trace)
    }

    /// The trace of all devices, and the server's: one device's join is drawn from both, and its links are replayed in vain.
    private func traces(_ trace: String) throws {
        let device = LoadTests.first.topicForm
        let c2 = network.folder + "/c2.jsonl"
        let merged = try Network.run(C2Bench.program, ["merge", c2, trace, "--device", device])
        let lines = try merged.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(lines.allSatisfy { $0["device"] as? String == LoadTests.first.description })
        let times = lines.compactMap { $0["at_us"] as? Int }
        #expect(times == times.sorted() && Set(lines.compactMap { $0["boot"] as? String }).count == 1)
        #expect(
            lines.filter { $0["name"] as? String == "OBS_JOIN_REQ" }.compactMap { $0["sent"] as? Bool } == [
                true, false,
            ])
        let drawing = try Network.run(C2Bench.program, ["diagram", c2, trace, "--device", device])
        #expect(drawing.matches(of: /OBS_JOIN_REQ #/).count == 1 && drawing.matches(of: /OBS_JOIN_RESP #/).count == 1)
        let before = try counter("verdicts_total{verdict=\"valid\"}")
        let replay = try Network.output(
            C2Bench.program,
            ["replay", trace, "--link", "local:\(beacon.linkPath)", "--most", "4", "--wait", "0.3", "--json"])
        #expect(replay.status == 0, "\(replay.text)")
        let report = try JSONSerialization.jsonObject(with: Data(replay.text.utf8)) as? [String: Any]
        #expect(report?["accepted"] as? Int == 0 && (report?["links"] as? [Any])?.count == 4)
        #expect(try counter("verdicts_total{verdict=\"valid\"}") == before)
    }

    @Test(
        "a proof that is replayed while an observation of its device is open is judged as a false one, and a claim matches nothing"
    )
    func replayedProof() throws {
        let c2 = try C2Bench(network: network).server(keys: ["--keyring", keys])
        defer { c2.end(with: SIGKILL) }
        try beacon.startAndJoin()
        let trace = network.folder + "/one.jsonl"
        for mode in ["challenge", "keyed"] {
            try? FileManager.default.removeItem(atPath: trace)
            let one = ["--devices", "1", "--joins", "1", "--mode", mode]
            let joined = try load(one + ["--trace", trace])
            #expect(joined.status == 0, "\(joined.text)")
            let (before, opened) = (
                try counter("refused_total{reason=\"false-proof\"}"), try counter("observations_opened_total")
            )
            let silent = try Child(
                C2Bench.program, arguments(one + ["--share", "silent=1"]), output: network.folder + "/silent.log")
            try eventually("an observation is open") { try counter("observations_opened_total") > opened }
            let replay = try Network.output(
                C2Bench.program, ["replay", trace, "--link", "local:\(beacon.linkPath)", "--wait", "3"])
            #expect(replay.status == 0 && replay.text.contains("replay: 1 links"), "\(replay.text)")
            let found = try counter("refused_total{reason=\"false-proof\"}") - before
            #expect(found == (mode == "challenge" ? 1 : 0), "\(mode): \(replay.text)")
            // The device was silent, and someone else has replayed its proof: it is refused, and not failed.
            if mode == "challenge" { #expect(silent.wait() == 10) } else { silent.end(with: SIGKILL) }
        }
    }

    @Test("SIGINT ends it with a report of what was done, and the joins that have not ended are not counted as wrong")
    func stopped() throws {
        let c2 = try C2Bench(network: network).server(keys: ["--keyring", keys])
        defer { c2.end(with: SIGKILL) }
        try beacon.startAndJoin()
        let output = network.folder + "/load.log"
        let run = try Child(
            C2Bench.program, arguments(["--share", "silent=1", "--burst", "--progress", "0.25"]), output: output)
        func said() -> String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
        try eventually("all are under way: \(said())") { said().contains("20 under way") }
        #expect(run.end(with: SIGINT) == 12)
        #expect(
            said().contains("load: stopping") && said().contains("0 joins in ") && said().contains("20 have not ended"))
    }

    @Test(
        "it says what it needs where too few open files are allowed, where there is no beacon, and where its certificate is not accepted"
    )
    func operatorsFaults() throws {
        let few = try Network.output(
            "/bin/sh", ["-c", "ulimit -n 60; exec \"$0\" \"$@\"", C2Bench.program] + arguments(["--window", "20"]))
        #expect(
            few.status == 1 && few.text.contains("need 112 open files") && few.text.contains("ulimit -Hn 112"),
            "\(few.text)")
        // Each device may have files of its own.
        let keyless = try load(["--key", network.folder + "/none-{id}.pem"])
        #expect(keyless.status == 1 && keyless.text.contains("/none-de00000000000000.pem"), "\(keyless.text)")
        let missing = try load(["--link", "local:/nonexistent"])
        #expect(missing.status == 1 && missing.text.contains("there is no socket at /nonexistent"), "\(missing.text)")
        try beacon.start()
        try eventually("the beacon listens") { FileManager.default.fileExists(atPath: beacon.linkPath) }
        network.stopBroker()
        let broker = try load([])
        #expect(broker.status == 1 && broker.text.contains("hint: "), "\(broker.text)")
    }
}
