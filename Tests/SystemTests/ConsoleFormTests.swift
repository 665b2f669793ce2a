import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// What `Scripts/demo --all` does where no browser starts.
@Suite("The console's form without a browser", .blocking)
struct ConsoleFormTests {
    @Test(
        "Scripts/decide.py signs in, compares, types the device's words, and its decision counts like a browser's",
        arguments: [([], "accepted", "is a member now"), (["--refuse"], "refused", "has not joined")])
    func deciding(_ options: [String], _ decided: String, _ told: String) throws {
        let network = try Network()
        let console = try ConsoleProcess(network)
        let beacon = try BeaconProcess(network, settings: ["server \(Node.c2.topicForm)": ["join = no"]])
        try beacon.start()
        try eventually("the beacon is connected") { beacon.brokerState == "connected" }
        let verb = try Verb(beacon, "join", "--human")
        try console.hear("compare for \(Node.beacon)")
        // The words exist once the beacon shows them: decide.py waits for that.
        let file = network.folder + "/words"
        let words = { verb.said.components(separatedBy: "all of it is the same:\n").dropFirst().first ?? "" }
        try eventually("the beacon shows its value") { words().split(whereSeparator: \.isWhitespace).count >= 11 }
        let shown = words().split(whereSeparator: \.isWhitespace).prefix(11).joined(separator: " ")
        try Data(shown.utf8).write(to: URL(filePath: file))
        let said = try Network.run(
            Network.project + "/Scripts/decide.py",
            [
                "--url", "http://localhost:\(console.port)/#key=\(console.key)", "--device", Node.beacon.description,
                "--words", file,
            ] + options)
        try console.hear("human-moderated join of \(Node.beacon) by a human: \(decided)")
        let line = said.split(separator: "\n").first { $0.hasPrefix("{") } ?? ""
        let seen = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String] ?? [:]
        let page = (seen["value"] ?? "").split(separator: " ")
        #expect(page.count == 11 && page.count { $0 == "?" } == 3)
        #expect(zip(page, shown.split(separator: " ")).allSatisfy { $0 == "?" || $0 == $1 }, "\(seen) \(shown)")
        #expect(seen["said"]?.contains(told) == true, "\(seen)")
        #expect(verb.child.wait() == (decided == "accepted" ? 0 : 1))
    }

    @Test("an invalid key is reported in one sentence, without a traceback")
    func wrongKey() throws {
        let network = try Network()
        let console = try ConsoleProcess(network)
        let reply = try Network.output(
            Network.project + "/Scripts/decide.py",
            ["--url", "http://localhost:\(console.port)/#key=00", "--device", Node.device.description])
        #expect(reply.status == 1 && reply.text == "decide: HTTP Error 403: Forbidden\n")
    }
}
