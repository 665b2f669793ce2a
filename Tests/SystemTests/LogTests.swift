import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

/// What a beacon logs and counts in a run, and what it never writes.
@Suite("Log and metrics", .blocking)
struct LogTests {
    let network: Network
    let server: TestServer

    init() throws {
        network = try Network()
        server = try TestServer(network)
    }

    /// Observations with a right proof, with a false proof, without a device, and a repeated request.
    private func run(_ beacon: BeaconProcess, _ secrets: inout [[UInt8]], _ sent: inout [[UInt8]]) throws -> [Token] {
        let (tokens, value) = ((0..<3).map { _ in TestServer.token() }, Secret.random())
        secrets.append(value.withBytes { Array($0) })
        sent.append(try server.observe(Node.device, value, token: tokens[0]))
        #expect(try TestDevice.prove(beacon.link, .random())?.outcome == .invalid)
        #expect(try eventuallyProven(beacon.link, value, .challenge) == .valid)
        #expect(try server.waitForVerdict(tokens[0]) == .observedJoinValid)
        sent.append(try server.observe(Node.device, value, token: tokens[0]))
        let second = Secret.random()
        secrets.append(second.withBytes { Array($0) })
        sent.append(try server.observe(Node.device, second, token: tokens[1]))
        #expect(try eventuallyProven(beacon.link, second, .value) == .valid)
        #expect(try server.waitForVerdict(tokens[1]) == .observedJoinValid)
        let third = Secret.random()
        secrets.append(third.withBytes { Array($0) })
        sent.append(try server.observe(Node.device, third, token: tokens[2]))
        #expect(try server.waitForVerdict(tokens[2]) == .observedJoinFail)
        // Bytes that are not SRUP, and a forged frame.
        server.publish(Array("GET / HTTP/1.1 secret-of-a-stranger".utf8))
        var forged = try #require(sent.first)
        forged[forged.count - 1] ^= 1
        server.publish(forged)
        try eventually("both are refused") {
            beacon.refused("malformed-frame") >= 1 && beacon.refused("bad-signature") >= 1
        }
        return tokens
    }

    /// After a false proof the address is held off for a moment.
    private func eventuallyProven(_ route: Route, _ value: Secret, _ mode: Mode) throws -> Outcome? {
        var outcome: Outcome?
        try eventually("not held off") {
            outcome = try? TestDevice.prove(route, value, mode: mode)?.outcome
            return outcome != .busy && outcome != nil
        }
        return outcome
    }

    @Test("as JSON: one id follows each observation from the request to the broker's acknowledgement")
    func follows() throws {
        let beacon = try BeaconProcess(
            network,
            settings: ["log": ["format = json"], "observation": ["window = 3"], "link": ["value-mode = yes"]])
        try beacon.startAndJoin()
        var (secrets, sent) = ([[UInt8]](), [[UInt8]]())
        let tokens = try run(beacon, &secrets, &sent)
        try eventually("the last acknowledgement\n\(beacon.logged)") {
            events(beacon, tokens[2]).last == "acknowledged"
        }
        #expect(
            events(beacon, tokens[0]) == [
                "opened", "challenged", "false-proof", "challenged", "answered", "acknowledged", "repeated",
                "acknowledged",
            ])
        #expect(events(beacon, tokens[1]) == ["opened", "challenged", "answered", "acknowledged"])
        #expect(events(beacon, tokens[2]) == ["opened", "answered", "acknowledged"])
        let about = lines(beacon).filter { $0["token"] == tokens[0].description }
        #expect(about.allSatisfy { $0["server"] == Node.c2.description })
        #expect(about.allSatisfy { $0["device"] == Node.device.description || $0["event"] == "repeated" })
        let answered = try #require(about.first { $0["event"] == "answered" })
        #expect(answered["verdict"] == "valid" && answered["reason"] == "matched" && answered["level"] == "notice")
        // The link's own lines are found by its number.
        let link = try #require(about.last { $0["event"] == "challenged" }?["link"])
        let ofLink = lines(beacon).filter { $0["link"] == link }.compactMap { $0["event"] }
        #expect(ofLink == ["ready", "challenged", "ended"])
        #expect(beacon.stop() == 0)
    }

    private func lines(_ beacon: BeaconProcess) -> [[String: String]] {
        beacon.logged.split(separator: "\n").compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: String]
        }
    }

    private func events(_ beacon: BeaconProcess, _ token: Token) -> [String] {
        lines(beacon).filter { $0["token"] == token.description }.compactMap { $0["event"] }
    }

    @Test(
        "holds no value, no key, and no received bytes: not in the log, in status, in the history, in metrics",
        arguments: ["text", "json"])
    func noSecrets(format: String) throws {
        let metrics = network.folder + "/beacon.prom"
        let beacon = try BeaconProcess(
            network,
            settings: [
                "log": ["format = \(format)", "level = debug"], "observation": ["window = 2", "report-evidence = yes"],
                "link": ["value-mode = yes"], "metrics": ["file = \(metrics)", "interval = 1"],
            ])
        try beacon.startAndJoin()
        var (secrets, sent) = ([[UInt8]](), [[UInt8]]())
        let tokens = try run(beacon, &secrets, &sent)
        var written = [beacon.logged]
        for verb in [
            ["status"], ["status", "--json"], ["observations"], ["observations", "--json"], ["metrics"],
            ["explain", tokens[0].description], ["explain", "--json", Node.device.description],
        ] {
            let reply = try Network.output(
                beacon.program, [verb[0], "--config", beacon.configuration] + verb.dropFirst())
            #expect(reply.status == 0 && !reply.text.isEmpty, "\(verb): \(reply.text)")
            written.append(reply.text)
        }
        #expect(beacon.stop() == 0)
        written += [beacon.logged, try String(contentsOfFile: metrics, encoding: .utf8)]
        let all = Data(written.joined(separator: "\n").utf8)
        #expect(all.range(of: Data(tokens[0].description.utf8)) != nil, "the search finds what is there")
        for file in try FileManager.default.contentsOfDirectory(atPath: network.folder)
        where file.hasSuffix("key.pem") || file.hasSuffix(".tls.key") {
            // A line of the key's base64 is enough to know it by.
            let lines = try String(contentsOfFile: network.folder + "/" + file, encoding: .utf8).split(separator: "\n")
            for line in lines where line.utf8.count == 64 { #expect(all.range(of: Data(line.utf8)) == nil, "\(file)") }
        }
        for secret in secrets { expect(all, withoutAnyFormOf: secret, "a value") }
        // Any 16 consecutive received bytes: of the sealed value or of a signature.
        for frame in sent {
            for start in stride(from: 60, to: frame.count - 16, by: 8) {
                expect(all, withoutAnyFormOf: Array(frame[start..<start + 16]), "received bytes")
            }
        }
        #expect(all.range(of: Data("secret-of-a-stranger".utf8)) == nil)
    }

    private func expect(_ all: Data, withoutAnyFormOf bytes: [UInt8], _ what: Comment) {
        let hex = hexadecimal(bytes)
        let base64 = Data(bytes).base64EncodedString()
        let forms: [Data] = [
            Data(bytes), Data(hex.utf8), Data(hex.uppercased().utf8), Data(base64.dropLast(4).utf8),
            Data("\(bytes)".dropFirst().dropLast().utf8),
        ]
        for form in forms { #expect(all.range(of: form) == nil, what) }
    }

    @Test("as metrics is read by Prometheus' own Python library, and counts events")
    func metrics() throws {
        let file = network.folder + "/beacon.prom"
        let beacon = try BeaconProcess(
            network,
            settings: [
                "observation": ["window = 2"], "link": ["value-mode = yes"],
                "metrics": ["file = \(file)", "interval = 1"],
            ])
        try beacon.startAndJoin()
        var (secrets, sent) = ([[UInt8]](), [[UInt8]]())
        _ = try run(beacon, &secrets, &sent)
        let reader = """
            import json, sys
            from prometheus_client.parser import text_string_to_metric_families
            text = open(sys.argv[1]).read()
            print(json.dumps({s.name + "".join(sorted(s.labels.values())): s.value
                for f in text_string_to_metric_families(text) for s in f.samples}))
            """
        func read() throws -> [String: Double] {
            let reply = try Network.output("/usr/bin/python3", ["-c", reader, file])
            return (try? JSONSerialization.jsonObject(with: Data(reply.text.utf8))) as? [String: Double] ?? [:]
        }
        try eventually("the file is written again") { try read()["srup_beacon_verdicts_totalfailed"] == 1 }
        let samples = try read()
        for (name, value) in [
            ("observations_opened_total", 3.0), ("verdicts_totalvalid", 2), ("verdicts_totalinvalid", 0),
            ("verdict_reasons_totalsilence", 1), ("refused_totalfalse-proof", 1), ("broker_connected", 1),
            ("observations_open", 0), ("outbox", 0), ("journal_writable", 1), ("broker_connections_total", 1),
            ("server_member\(Node.c2)", 1), ("request_to_challenge_seconds_count", 3),
            ("request_to_challenge_seconds_bucket+Inf", 3), ("proof_to_publish_seconds_count", 2),
        ] {
            #expect(samples["srup_beacon_" + name] == value, "\(name)")
        }
        #expect((samples["srup_beacon_proof_to_publish_seconds_sum"] ?? 0) > 0)
        #expect((samples["srup_beacon_certificate_not_after_seconds"] ?? 0) > Date().timeIntervalSince1970)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        for name in try namesInDocs() {
            #expect(text.contains("# TYPE \(name) "), "\(name) is shown in docs/monitoring")
        }
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o644, "another user reads it")
        #expect(beacon.stop() == 0)
    }

    /// The metrics that the dashboard and the alert rules ask for.
    private func namesInDocs() throws -> Set<String> {
        let folder = Network.project + "/docs/monitoring/"
        return try ["alerts.yml", "dashboard.json"].reduce(into: []) { names, file in
            let text = try String(contentsOfFile: folder + file, encoding: .utf8)
            for match in text.matches(of: /srup_beacon_[a-z_]+/) {
                names.insert(String(match.0.replacing(/_bucket$/, with: "")))
            }
        }
    }
}
