import Bench
import Foundation
import OperatorText
import SRUP
import TestVectors
import Testing

@Suite("Merging traces")
struct TraceMergeTests {
    private static let device = Identifier(0xD1)

    /// A message as one of its ends has recorded it: `boot`, whose boot clock began at `began` of its wall clock.
    private static func line(
        _ name: String, _ from: Role, _ to: Role, sent isSent: Bool, wall: Int64, boot: String = "aaaa",
        began: Int64 = 1_000_000, token: String? = "T1", device: Identifier? = nil, refused: String? = nil
    ) -> TraceLine {
        var line = TraceLine(
            atMicroseconds: wall - began, from: from, to: to, via: .mqtt, name: name, sequence: "1", bytes: 1,
            token: token, device: device, refused: refused, frameHex: "05")
        (line.isSent, line.wallMicroseconds, line.boot) = (isSent, wall, boot)
        return line
    }

    private static func names(_ lines: [TraceLine]) -> [String] { lines.map(\.name) }

    /// A join of a device whose machine's clock is 5 s ahead and has another boot clock. A message takes 2 ms to the server, and 4 ms back.
    private static var twoMachines: (server: [TraceLine], device: [TraceLine]) {
        let ahead: Int64 = 5_000_000
        func there(_ name: String, _ from: Role, _ to: Role, sent: Bool, at real: Int64) -> TraceLine {
            line(name, from, to, sent: sent, wall: real + ahead, boot: "bbbb", began: 900_000)
        }
        return (
            [
                line("OBS_JOIN_REQ", .device, .c2, sent: false, wall: 2_002_000, device: device),
                line("OBS_JOIN_RESP", .c2, .device, sent: true, wall: 2_010_000, token: "T2", device: device),
                line("OBSERVE_REQ", .c2, .beacon, sent: true, wall: 2_011_000, token: "T3", device: device),
                line("RESPONSE", .beacon, .c2, sent: false, wall: 2_030_000, token: "T3"),
            ],
            [
                there("OBS_JOIN_REQ", .device, .c2, sent: true, at: 2_000_000),
                there("OBS_JOIN_RESP", .c2, .device, sent: false, at: 2_014_000),
            ].map {
                var line = $0
                if line.name == "OBS_JOIN_RESP" { line.token = "T2" }
                return line
            }
        )
    }

    @Test("of one boot orders by its clock, and names the device of each line by its token")
    func oneBoot() {
        let (server, _) = TraceMergeTests.twoMachines
        let merge = TraceMerge([[server[3], server[1]], [server[2], server[0]]])
        #expect(TraceMergeTests.names(merge.lines) == ["OBS_JOIN_REQ", "OBS_JOIN_RESP", "OBSERVE_REQ", "RESPONSE"])
        #expect(merge.clocks.isEmpty && merge.lines.allSatisfy { $0.device == "00000000000000d1" })
        #expect(merge.lines.map(\.atMicroseconds) == [1_002_000, 1_010_000, 1_011_000, 1_030_000])
    }

    @Test("of two machines estimates the offset of their clocks from the messages that both have recorded")
    func twoBoots() throws {
        let (server, device) = TraceMergeTests.twoMachines
        let merge = TraceMerge([server, device])
        let clock = try #require(merge.clocks.first)
        // Between what both directions allow: 2 ms there and 4 ms back leave 3 ms in each direction.
        #expect(clock.offset == 5_001_000 && clock.source == .estimated(within: 3_000, messages: 2))
        let sent = try #require(merge.lines.first { $0.isSent == true && $0.name == "OBS_JOIN_REQ" })
        #expect(sent.atMicroseconds == 999_000 && sent.wallMicroseconds == 1_999_000 && sent.boot == "aaaa")
        #expect(clock.description.contains("5001.000 ms ahead") && clock.description.contains("3.000 ms"))
        // What is merged can be merged again.
        let again = TraceMerge([merge.lines])
        #expect(again.lines == merge.lines && again.clocks.isEmpty)
    }

    @Test("takes an offset as it is stated, and without any takes the clocks as they are")
    func stated() {
        let (server, device) = TraceMergeTests.twoMachines
        let merge = TraceMerge([server, device], offsets: [1: 5_000_000])
        #expect(merge.clocks.map(\.source) == [.stated] && merge.lines[0].atMicroseconds == 1_000_000)
        let apart = TraceMerge([[server[2]], device])
        #expect(apart.clocks.map(\.source) == [.unknown] && apart.lines.last?.atMicroseconds == 6_014_000)
        let oneWay = TraceMerge([[server[0]], device])
        #expect(oneWay.clocks.map(\.source) == [.oneWay(messages: 1)] && oneWay.clocks.map(\.offset) == [4_998_000])
    }

    @Test("refuses an offset that has no effect: of the same boot, or of a trace that does not tell its boot")
    func useless() throws {
        try TemporaryFolder.with { folder in
            let (server, device) = TraceMergeTests.twoMachines
            var old = server
            for index in old.indices { old[index].boot = nil }
            for (name, lines) in [("c2", server), ("same", server), ("old", old), ("device", device)] {
                try Data(lines.map { $0.json + "\n" }.joined().utf8).write(to: URL(filePath: folder.path(name)))
            }
            func merge(_ name: String) throws -> TraceMerge {
                try TraceMerge(files: [folder.path("c2"), folder.path(name)], offsets: [folder.path(name): 1_000])
            }
            for name in ["same", "old"] { #expect(throws: OperatorFault.self) { try merge(name) } }
            #expect(try merge("device").clocks.map(\.offset) == [1_000])
        }
    }

    @Test("finds the clock of a third machine through the second one")
    func chain() {
        let (server, device) = TraceMergeTests.twoMachines
        let far = TraceMergeTests.line(
            "OBSERVE_REQ", .c2, .beacon, sent: false, wall: 9_000_000, boot: "cccc", began: 0, token: "T3")
        let merge = TraceMerge([device, [far], server])
        #expect(merge.clocks.map(\.boot) == ["cccc", "aaaa"])
        // The server is 5.001 s behind the device, and the third machine, as far as one direction tells, 6.989 s ahead of the server.
        #expect(merge.clocks.map(\.offset) == [6_989_000 - 5_001_000, -5_001_000])
        // It is 7 s ahead of the server; 4 ms there and 6 ms back leave 5 ms, beside the 3 ms of the server's clock.
        let there = TraceMergeTests.line(
            "OBSERVE_REQ", .c2, .beacon, sent: false, wall: 9_015_000, boot: "cccc", began: 0, token: "T3")
        let back = TraceMergeTests.line(
            "RESPONSE", .beacon, .c2, sent: true, wall: 9_024_000, boot: "cccc", began: 0, token: "T3")
        let both = TraceMerge([device, [there, back], server]).clocks[0]
        #expect(both.offset == 6_999_000 - 5_001_000 && both.source == .estimated(within: 8_000, messages: 2))
    }

    @Test(
        "draws a message once that both ends have recorded, when it was sent, and refused if its receiver has refused it"
    )
    func once() {
        func both(_ wall: Int64, refused: String? = nil) -> [TraceLine] {
            [
                TraceMergeTests.line("RESPONSE", .device, .c2, sent: true, wall: wall),
                TraceMergeTests.line("RESPONSE", .device, .c2, sent: false, wall: wall + 500, refused: refused),
            ]
        }
        // Published twice, byte for byte: the second one is refused.
        let lines = TraceMerge([both(2_000_000) + both(3_000_000, refused: "replayed")]).lines(of: nil)
        #expect(lines.map(\.atMicroseconds) == [1_000_000, 2_000_000] && lines.map(\.refused) == [nil, "replayed"])
        // What only the receiver has recorded stays, as do lines of traces that do not say who has recorded them.
        #expect(TraceMerge([[both(1_500_000)[1]]]).lines(of: nil).count == 1)
        var old = both(2_000_000)
        for index in old.indices { (old[index].isSent, old[index].boot, old[index].wallMicroseconds) = (nil, nil, nil) }
        #expect(TraceMerge([old]).lines(of: nil) == old)
    }

    @Test("keeps one device's joins apart from those of another")
    func devices() {
        let (server, _) = TraceMergeTests.twoMachines
        let other = TraceMergeTests.line(
            "OBS_JOIN_REQ", .device, .c2, sent: false, wall: 2_001_000, token: "X", device: Identifier(0xD2))
        let merge = TraceMerge([server + [other]])
        #expect(merge.lines(of: TraceMergeTests.device).count == 4 && merge.lines(of: Identifier(0xD2)).count == 1)
        #expect(merge.lines(of: nil).count == 5 && merge.lines(of: Identifier(0xD3)).isEmpty)
    }
}
