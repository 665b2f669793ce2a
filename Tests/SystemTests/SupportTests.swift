import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

/// docs/operations.md, "Asking for help".
@Suite("The archive for somebody who helps", .blocking)
struct SupportTests {
    let network: Network

    init() throws { network = try Network() }

    /// Unpacks an archive: its files by their names.
    private func unpacked(_ archive: String) throws -> [String: [UInt8]] {
        let folder = network.folder + "/unpacked-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = try Network.run("/bin/tar", ["-C", folder, "-xzf", archive])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/srup-beacon-support")
        return try Dictionary(
            uniqueKeysWithValues: names.map {
                ($0, Array(try Data(contentsOf: URL(filePath: folder + "/srup-beacon-support/" + $0))))
            })
    }

    private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    /// A secret in every form in which it could stand in a text or in bytes.
    private func forms(_ secret: [UInt8]) -> [[UInt8]] {
        let hex = hexadecimal(secret)
        let base64 = Data(secret).base64EncodedString().trimmingCharacters(in: ["="])
        // Base64 of bytes that stand at another place of a longer text differs at its ends.
        let shifted = [1, 2].map { Data(secret.dropFirst(3 - $0)).base64EncodedString().trimmingCharacters(in: ["="]) }
        let texts = [hex, hex.uppercased(), base64] + shifted.map { String($0.dropLast(2)) }
        return [secret] + texts.filter { $0.utf8.count >= 16 }.map { Array($0.utf8) }
    }

    private func search(_ parts: [String: [UInt8]], for secrets: [String: [[UInt8]]]) {
        for (part, bytes) in parts {
            let data = Data(bytes)
            for (name, secret) in secrets {
                for one in secret {
                    for form in forms(one) { #expect(data.range(of: Data(form)) == nil, "\(part) has \(name)") }
                }
            }
        }
    }

    /// Every line of a PEM file is searched for, as text and as the bytes that it encodes.
    private func lines(_ file: String) throws -> [[UInt8]] {
        let pem = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").filter {
            !$0.hasPrefix("-----")
        }
        return pem.map { Array($0.utf8) } + pem.compactMap { Data(base64Encoded: String($0)).map(Array.init) }
    }

    @Test(
        "of a beacon that has observed a join has every part, for its owner only, and none of its keys, tokens and values"
    )
    func complete() throws {
        let server = try TestServer(network)
        let beacon = try BeaconProcess(
            network,
            settings: ["observation": ["window = 3"], "log": ["level = debug"], "beacon": ["name = North gate"]])
        try beacon.startAndJoin()
        var values: [[UInt8]] = []
        for mode in [Mode.challenge, .value, .keyed] {
            let (value, token) = (Secret.random(), TestServer.token())
            values.append(value.withBytes { Array($0) })
            try server.observe(Node.device, value, token: token)
            _ = try? TestDevice.prove(beacon.link, value, mode: mode)
            _ = try server.waitForVerdict(token)
        }
        // What no part has is put where it could leak from: the log.
        let tokens = ["enrol", "read", "c2"].map { $0 + "-" + hexadecimal(randomBytes(20)) }
        let pin = "9" + hexadecimal(randomBytes(4))
        let key = network.folder + "/\(Node.beacon.topicForm).key.pem"
        let planted = network.folder + "/planted.log"
        let leaks = [
            "enrolling with token=\(tokens[0]) at https://registry", "{\"message\":\"reading with \(tokens[1])\"}",
            "https://registry/\(tokens[2])/keys", "pkcs11:token=gate;object=a?pin-value=\(pin)",
            "a key: \(try String(contentsOfFile: key, encoding: .utf8))",
            String(decoding: try lines(key)[1], as: UTF8.self),
            "{\"message\":\"\(String(decoding: try lines(key)[2], as: UTF8.self))\"}",
        ]
        try (beacon.logged + leaks.joined(separator: "\n") + "\nthe last line\n").write(
            toFile: planted, atomically: true, encoding: .utf8)

        let archive = network.folder + "/gate.tar.gz"
        let reply = try beacon.command("support", "--output", archive, "--messages", planted)
        #expect(reply.status == 0 && reply.text.hasPrefix("\(archive): written, "), "\(reply.text)")
        #expect(try mode(archive) == 0o600)
        let parts = try unpacked(archive)
        #expect(
            parts.keys.sorted() == [
                "adapters.txt", "configuration.txt", "contents.txt", "doctor.txt", "kernel.txt", "log.txt",
                "metrics.txt",
                "service.txt", "status.json", "status.txt", "versions.txt",
            ])
        #expect(
            text(parts["versions.txt"]).contains("OpenSSL") && text(parts["versions.txt"]).contains("kernel: Linux"))
        #expect(text(parts["configuration.txt"]).contains("name = North gate"))
        #expect(text(parts["status.txt"]).contains("place: \"North gate\""))
        #expect(text(parts["status.json"]).contains("\"uptime_seconds\""))
        #expect(text(parts["metrics.txt"]).contains("srup_beacon_verdicts_total{verdict=\"valid\"}"))
        #expect(text(parts["doctor.txt"]).contains("good     configuration"))
        #expect(text(parts["log.txt"]).contains("observation of \(Node.device) opened"))
        #expect(text(parts["log.txt"]).hasSuffix("the last line\n"), "what follows a key is there")
        search(
            parts,
            for: [
                "the identity key": try lines(key),
                "the TLS key": try lines(network.folder + "/\(Node.beacon.topicForm).tls.key"),
                "a value": values, "a token": tokens.map { Array($0.utf8) }, "the PIN": [Array(pin.utf8)],
            ])
        let again = try beacon.command("support", "--output", archive, "--messages", planted)
        #expect(again.status == 1 && again.text.contains("exists already"))
        #expect(
            beacon.membership == "member" && beacon.brokerState == "connected", "the doctor did not visit the broker")
    }

    @Test("of a beacon that does not run, without a log or a configuration, has the reasons in the place of parts")
    func without() throws {
        let beacon = try BeaconProcess(network)
        let archive = network.folder + "/off.tar.gz"
        let reply = try beacon.command("support", "--output", archive, "--messages", network.folder + "/no.log")
        #expect(reply.status == 0)
        let parts = try unpacked(archive)
        #expect(text(parts["status.txt"]).hasPrefix("not there: ") && text(parts["status.txt"]).contains("hint: "))
        #expect(text(parts["log.txt"]).hasPrefix("not there: tail ended with status 1"))
        #expect(reply.text.contains("without status.txt: ") && reply.text.contains("without log.txt: "))
        #expect(text(parts["contents.txt"]).contains("log.txt: not there: "))
        #expect(
            text(parts["configuration.txt"]).contains("[beacon]") && text(parts["doctor.txt"]).contains("configuration")
        )
        let none = try Network.output(
            beacon.program, ["support", "--config", "/nonexistent.conf", "--output", network.folder + "/none.tar.gz"])
        #expect(none.status == 0)
        let bare = try unpacked(network.folder + "/none.tar.gz")
        #expect(text(bare["configuration.txt"]).contains("/nonexistent.conf cannot be read"))
        #expect(text(bare["versions.txt"]).contains("srup-beacon "))
        let unwritable = try beacon.command("support", "--output", "/proc/no.tar.gz")
        #expect(unwritable.status == 1 && unwritable.text.contains("hint: "))
    }

    @Test("has the end of a long log, and stays small")
    func bounded() throws {
        let beacon = try BeaconProcess(network)
        let log = network.folder + "/long.log"
        let line = "2026-12-01T00:00:00Z info a line of an ordinary log, again and again and again, number "
        var long = ""
        for number in 0..<200_000 { long += line + "\(number)\n" }
        try long.write(toFile: log, atomically: true, encoding: .utf8)
        #expect(long.utf8.count > 16 << 20)
        let archive = network.folder + "/long.tar.gz"
        #expect(try beacon.command("support", "--output", archive, "--messages", log).status == 0)
        let kept = try #require(try unpacked(archive)["log.txt"])
        #expect(kept.count <= 8 << 20 && text(kept).hasSuffix("number 199999\n"))
    }
}
