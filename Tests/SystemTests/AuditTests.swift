import Foundation
import SRUP
import SystemSupport
import Testing

/// docs/audit.md, with the real programs: what it says is done here.
@Suite("The record of verdicts, from a join to its check elsewhere", .blocking)
struct AuditTests {
    private func verify(_ record: String, _ network: Network, _ more: String...) throws -> (status: Int32, text: String)
    {
        try Network.output(C2Bench.program, ["audit", "verify", record, "--keys", network.folder] + more)
    }

    private func export(_ beacon: BeaconProcess, _ more: String...) throws -> (status: Int32, text: String) {
        try Network.output(
            Network.products + "/srup-beacon", ["audit", "export", "--config", beacon.configuration] + more)
    }

    @Test(
        "a keyed join is in both records; both hold; the server has the head; a changed record, a cut one and an older file are found"
    )
    func whole() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        let beacon = try BeaconProcess(network, settings: ["history": ["head-verdicts = 1"]])
        let state = network.folder + "/c2.sqlite"
        let server = try bench.server("--state", state)
        try beacon.startAndJoin()
        let device = try bench.device(link: beacon.linkPath, "--mode", "keyed")
        #expect(device.wait() == 0, "\(bench.deviceLog)")
        try eventually("the server has the head") { try bench.history(state).contains("AUDIT_HEAD") }
        #expect(server.end(with: SIGTERM) == 0)

        let (record, other) = (network.folder + "/record.jsonl", network.folder + "/server.jsonl")
        #expect(try export(beacon, "--output", record).status == 0)
        try Network.run(C2Bench.program, ["audit", "export", "--state", state, "--output", other])
        let held = try verify(record, network, "--heads", other)
        #expect(held.status == 0 && held.text.contains("holds: 1 proofs signed by their device"), "\(held.text)")
        #expect(
            held.text.contains("holds: 1 messages signed by \(Node.c2)"), "the request, with the server's sealed value")
        #expect(
            held.text.contains("1 signed heads, and 1 that a server has received") && !held.text.contains("not checked")
        )
        let servers = try verify(other, network)
        #expect(servers.status == 0 && servers.text.contains("signed by \(Node.device)"), "\(servers.text)")

        let signed = try #require(
            server.said.firstMatch(of: /history is signed up to entry ([0-9]+): ([0-9a-f]{64})/))
        let chained = try String(contentsOfFile: other, encoding: .utf8)
        #expect(
            chained.split(separator: "\n").contains {
                $0.contains("\"digest\":\"\(signed.2)\"") && $0.contains("\"number\":\(signed.1),")
                    && $0.contains("\"entry\"")
            })
        try Network.run(
            C2Bench.program, ["audit", "export", "--state", state, "--verdict", "accepted", "--output", other])
        let entries = try String(contentsOfFile: other, encoding: .utf8).split(separator: "\n").filter {
            $0.contains("\"kind\":\"entry\"")
        }
        #expect(entries.count == 1 && entries[0].contains("\"verdict\":\"accepted\""))
        #expect(try verify(other, network).status == 0)

        // Without the beacon, from its journal; filtered; as a table.
        beacon.stop()
        #expect(try export(beacon, "--verdict", "failed", "--output", record).status == 0)
        #expect(try verify(record, network, "--heads", other).text.contains("digests only: 1"))
        let table = try export(beacon, "--csv").text.split(separator: "\n")
        #expect(table.count == 2 && table[1].contains(",valid,matched,"))
        for (arguments, count) in [
            // A heading with the date, and the row.
            (["--device", "\(Node.device)"], 2), (["--since", "1h"], 2), (["--until", "2020-01-01"], 0),
        ] {
            let found = try Network.output(
                Network.products + "/srup-beacon", ["observations", "--config", beacon.configuration] + arguments)
            #expect(found.text.split(separator: "\n").count == count, "\(arguments): \(found.text)")
        }

        // One who can write the journal's file.
        #expect(try export(beacon, "--output", record).status == 0)
        let text = try String(contentsOfFile: record, encoding: .utf8)
        try text.replacing("\"verdict\":\"valid\"", with: "\"verdict\":\"failed\"").write(
            toFile: record, atomically: true, encoding: .utf8)
        let changed = try verify(record, network)
        #expect(changed.status == 1 && changed.text.contains("changed: row 1"), "\(changed.text)")
        let cut = text.split(separator: "\n").filter {
            !$0.contains("\"kind\":\"verdict\"") && !$0.contains("\"kind\":\"head\"")
        }
        try cut.joined(separator: "\n").replacing("\"last\":1,", with: "\"last\":0,").replacing(
            "\"rows\":1", with: "\"rows\":0"
        )
        .write(toFile: record, atomically: true, encoding: .utf8)
        #expect(try verify(record, network).status == 0, "nothing in it tells")
        let found = try verify(record, network, "--heads", other)
        #expect(found.status == 1 && found.text.contains("the tail was cut"), "\(found.text)")
    }
}
