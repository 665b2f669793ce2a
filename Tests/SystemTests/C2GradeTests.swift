import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("The evidence that a C2 server requires, with real processes", .blocking)
struct C2GradeTests {
    let network: Network
    let bench: C2Bench
    let state: String

    init() throws {
        network = try Network()
        bench = C2Bench(network: network)
        state = network.folder + "/c2.sqlite"
    }

    private func entries(_ kind: String) throws -> [[String: Any]] {
        try bench.history(state, "--json").split(separator: "\n").compactMap {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }.filter { $0["kind"] as? String == kind }
    }

    @Test(
        "a grade required at the console applies at once and in the next run; the history has grade, reason, and the proof's parts"
    )
    func required() throws {
        let console = try ConsoleProcess(network, "--state", state, "--observer", Node.beacon.topicForm)
        let beacon = try BeaconProcess(network, settings: ["observation": ["report-evidence = yes"]])
        try beacon.startAndJoin()
        let token = try console.signIn()
        #expect(try console.http("/").text.contains("<strong>reachable</strong>. The observer&#39;s verdict"))
        #expect(try console.http("/require", form: "token=\(token)&require=keyed").status == 303)
        #expect(try console.http("/").text.contains("Required grade of evidence: <strong>keyed</strong>"))

        #expect(try bench.device(link: beacon.linkPath, "--mode", "challenge").wait() == 10)
        let why = "the evidence is challenged, but keyed is required"
        try console.hear("is not accepted: \(why)")
        let list = try console.http("/").text
        #expect(list.contains("<strong>refused</strong> <span class=\"badge\">challenged</span>") && list.contains(why))
        #expect(console.end() == 0)
        let refused = try #require(try entries("decision").last)
        #expect(refused["grade"] as? String == "challenged" && (refused["reason"] as? String)?.contains(why) == true)

        // It is kept, and the order on standard input reverts it.
        let server = try bench.server("--state", state)
        #expect(try bench.device(link: beacon.linkPath, "--mode", "challenge").wait() == 10)
        #expect(try bench.device(link: beacon.linkPath, "--mode", "keyed").wait() == 0, "\(server.said)")
        server.answer("require challenged")
        try server.hear("required grade of evidence from now on: challenged")
        #expect(try bench.device(link: beacon.linkPath, "--mode", "challenge").wait() == 0)
        #expect(server.end(with: SIGTERM) == 0)
        let decisions = try entries("decision")
        #expect(decisions.map { $0["grade"] as? String } == ["challenged", "challenged", "keyed", "challenged"])
        #expect(try bench.history(state).contains("by \(Node.beacon): accepted (keyed); the verdict of \(Node.beacon)"))

        let words =
            "proof from \(Node.beacon): device \(Node.device) to beacon \(Node.beacon), for server \(Node.c2), "
            + "over local"
        let proof = try #require(try entries("evidence").first { ($0["words"] as? String)?.hasPrefix(words) == true })
        #expect((proof["words"] as? String)?.hasSuffix("the device holds the value and signed with its key") == true)
        let file = network.folder + "/proof"
        try Data(try bench.frame(state, words)).write(to: URL(filePath: file))
        let decoded = try Network.run(C2Bench.program, ["decode", file])
        #expect(decoded.contains(#""device_id":"\#(Node.device)""#) && decoded.contains(#""transport":"local""#))
        #expect(decoded.contains(#""server_id":"\#(Node.c2)""#) && decoded.contains("signature_hex"))
    }

    @Test("c2 and device do not start with a CA file, keyring or server's key that others can change")
    func openFiles() throws {
        let folder = network.folder
        let keyring = folder + "/known"
        try FileManager.default.createDirectory(atPath: keyring, withIntermediateDirectories: true)
        let (name, serverKey) = ("\(Node.device.topicForm).pub.pem", "\(folder)/\(Node.c2.topicForm).pub.pem")
        try FileManager.default.copyItem(atPath: "\(folder)/\(name)", toPath: "\(keyring)/\(name)")
        let ca = folder + "/registry-ca.pem"
        try FileManager.default.copyItem(atPath: folder + "/ca.pem", toPath: ca)
        let c2 = bench.arguments(
            Node.c2, ["--keyring", keyring, "--registry", "https://localhost:1", "--registry-ca", ca, "--timeout", "5"])
        func refusal(_ arguments: [String]) throws -> String {
            let reply = try Network.output(C2Bench.program, arguments)
            #expect(reply.status == 1)
            return reply.text
        }
        for (path, what) in [
            (folder + "/ca.pem", "the broker's CA file"), (ca, "the registry's CA file"), (keyring, "the keyring"),
            ("\(keyring)/\(name)", "the key of node \(Node.device)"),
        ] {
            let usual = try #require(
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
            try FileManager.default.setAttributes([.posixPermissions: usual | 0o022], ofItemAtPath: path)
            let said = try refusal(c2)
            #expect(said.contains("\(what) \(path) can be changed by others"), "\(said)")
            #expect(said.contains("hint: chmod go-w \(path)"), "\(said)")
            try FileManager.default.setAttributes([.posixPermissions: usual], ofItemAtPath: path)
        }
        for (path, what) in [(folder + "/ca.pem", "the broker's CA file"), (serverKey, "the server's key")] {
            let usual = try #require(
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
            let device = try bench.device(link: folder + "/nowhere")
            #expect(device.wait() == 1)
            #expect(bench.deviceLog.contains("\(what) \(path) can be changed by others"), "\(bench.deviceLog)")
            try FileManager.default.setAttributes([.posixPermissions: usual], ofItemAtPath: path)
        }
    }
}
