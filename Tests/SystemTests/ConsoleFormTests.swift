import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// What `Scripts/demo --all` does where no browser starts.
@Suite("The console's form without a browser", .blocking)
struct ConsoleFormTests {
    @Test(
        "Scripts/decide.py signs in, reads the value, and its decision is taken as a browser's is",
        arguments: [([], "accepted"), (["--refuse"], "refused")])
    func deciding(_ options: [String], _ decided: String) throws {
        let network = try Network()
        let console = try ConsoleProcess(network)
        try PlainDevice(network).say(.humanJoinRequest)
        try console.hear("compare for \(Node.device)")
        let said = try Network.run(
            Network.project + "/Scripts/decide.py",
            ["--url", "http://localhost:\(console.port)/#key=\(console.key)", "--device", Node.device.description]
                + options)
        try console.hear("human-moderated join of \(Node.device) by a human: \(decided)")
        let line = said.split(separator: "\n").first { $0.hasPrefix("{") } ?? ""
        let seen = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String] ?? [:]
        #expect(seen["value"]?.split(separator: " ").count == 11)
        #expect(seen["said"]?.contains(decided) == true)
    }

    @Test("a key that does not sign in is one sentence, and no traceback")
    func wrongKey() throws {
        let network = try Network()
        let console = try ConsoleProcess(network)
        let reply = try Network.output(
            Network.project + "/Scripts/decide.py",
            ["--url", "http://localhost:\(console.port)/#key=00", "--device", Node.device.description])
        #expect(reply.status == 1 && reply.text == "decide: HTTP Error 403: Forbidden\n")
    }
}
