import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("The kit's device as a member, with real processes: the paper's Figures 1 and 2", .blocking)
struct DeviceMembershipTests {
    let network: Network
    let bench: C2Bench
    let trace: String

    init() throws {
        network = try Network()
        bench = C2Bench(network: network)
        trace = network.folder + "/c2.jsonl"
    }

    private func diagram(_ more: String...) throws -> String {
        try Network.run(C2Bench.program, ["diagram", trace] + more)
    }

    /// The places of these words in a text, which must be in this order.
    private func isInOrder(_ words: [String], in text: String) -> Bool {
        var rest = text[...]
        for word in words {
            guard let found = rest.range(of: word) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }

    @Test("a device joins and resigns, joins again and is terminated; the diagram has both withdrawals")
    func withdrawals() throws {
        let server = try bench.server("--trace", trace)
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let link = ["--observer", Node.beacon.topicForm, "--link", "local:\(beacon.linkPath)"]
        let own = network.folder + "/device.jsonl"
        #expect(
            try bench.device(options: link + ["--then", "resign", "--trace", own]).wait() == 0, "\(bench.deviceLog)")
        #expect(try String(contentsOfFile: own, encoding: .utf8).contains("RESIGN_REQ"))
        #expect(bench.deviceLog.contains("device: joined; resigned"))
        try server.hear("c2: \(Node.device) asks to resign: resign success")

        let staying = try bench.device(options: ["--join", "simple", "--then", "stay"])
        try eventually("the device has joined", within: 30) {
            bench.deviceLog.contains("a member until the server ends the membership")
        }
        server.answer("terminate \(Node.device.topicForm)")
        #expect(staying.wait() == 0, "\(bench.deviceLog)")
        #expect(bench.deviceLog.contains("device: joined; terminated"))
        let text = try diagram()
        #expect(
            isInOrder(
                [
                    "= observed join of the device =", "RESPONSE", "= withdrawal of the device by itself =",
                    "RESIGN_REQ",
                    "(resign success)", "= join of the device =", "JOIN_REQ",
                    "= withdrawal of the device by the server =", "TERMINATE_CMD",
                ], in: text), "\(text)")
    }

    @Test(
        "a device deregisters, and another is deregistered: it answers the command; a server that keeps a device says so"
    )
    func deregistrations() throws {
        let server = try bench.server("--keep", Node.device.topicForm)
        for request in ["resign", "deregister"] {
            #expect(try bench.device(options: ["--join", "simple", "--then", request]).wait() == 14)
        }
        #expect(bench.deviceLog.contains("device: joined; the server refuses to let it go"))
        let staying = try bench.device(options: ["--join", "simple", "--then", "stay"])
        try eventually("the device has joined", within: 30) {
            bench.deviceLog.contains("a member until the server ends the membership")
        }
        server.answer("deregister \(Node.device.topicForm)")
        #expect(staying.wait() == 0, "\(bench.deviceLog)")
        try server.hear("c2: \(Node.device) is permanently deregistered")
        #expect(server.end(with: SIGTERM) == 0)

        let other = try bench.server()
        #expect(try bench.device(options: ["--join", "simple", "--then", "deregister"]).wait() == 0)
        #expect(bench.deviceLog.contains("device: joined; deregistered"))
        try other.hear("asks to be deregistered: deregister success")
    }

    @Test(
        "a person compares the values of a human-moderated join of the device; the diagram has a lifeline for the person"
    )
    func human() throws {
        let server = try bench.server("--trace", trace, "--view", "hexadecimal")
        let device = try bench.device(options: [
            "--join", "human", "--view", "hexadecimal", "--trace", network.folder + "/device.jsonl",
        ])
        try server.hear("c2: if the device shows the same: ")
        let value = try #require(server.said.firstMatch(of: /[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/)).output.0
        try eventually("the device shows the same value", within: 30) { bench.deviceLog.contains(value) }
        let order = try #require(server.said.firstMatch(of: /shows the same: (accept \S+ \S+)/)).output.1
        server.answer(String(order))
        #expect(device.wait() == 0, "\(bench.deviceLog)")
        let text = try diagram(network.folder + "/device.jsonl")
        #expect(
            isInOrder(
                ["human", "HM_JOIN_REQ", "HM_JOIN_RESP", "shows the value", "the values are the same", "RESPONSE"],
                in: text))
        #expect(text.ranges(of: "shows the value").count == 2)
        let own = try diagram(network.folder + "/device.jsonl", "--device", Node.device.topicForm)
        #expect(own.ranges(of: "shows the value").count == 2 && own.contains("the values are the same"), "\(own)")
        for file in ["c2", "device"] {
            #expect(try !String(contentsOfFile: "\(network.folder)/\(file).jsonl", encoding: .utf8).contains(value))
        }
    }

    @Test("options of an observed join are refused for other joins, and --then together with --replay")
    func usage() throws {
        for options in [
            ["--join", "simple", "--observer", "b1"], ["--join", "human", "--beacon", "nearest"],
            ["--then", "stay", "--replay"],
            ["--join", "observed"],
        ] {
            #expect(try bench.device(options: options).wait() == 64, "\(options)")
        }
    }
}
