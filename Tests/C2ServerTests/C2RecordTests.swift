import Auditing
import Bench
import BootTime
import Broker
import Foundation
import OperatorText
import SQLite
import SRUP
import TestVectors
import Testing

@testable import C2Server

/// docs/audit.md, "What a server does with a head".
@Suite("The ends of beacons' records at a C2 server")
struct C2RecordTests {
    static func head(
        _ number: Int64, _ mark: UInt8 = 0, chain: UInt64 = 1, of node: TestNode = Roles.beacon,
        by signer: TestNode? = nil
    ) throws -> AuditHead {
        let digest = [UInt8](repeating: UInt8(truncatingIfNeeded: number) &+ mark, count: 32)
        return try AuditHead(
            identity: node.id, chain: chain, link: AuditLink(number: number, digest: digest), time: 1_000 + number,
            anchor: nil, keys: [UInt8](repeating: 0, count: 32)
        ).signed(by: (signer ?? node).key)
    }

    private var server = ServerFixture()
    private var sequence: UInt64 = 1

    init() { server.hears(Roles.beacon.says(.joinRequest, 1, "T0")) }

    /// What the server says of a head that the beacon sends.
    private mutating func sends(_ head: AuditHead) -> [String] {
        sequence += 10
        let body = Body.data(id: DataID.auditHead.octets, data: Octets(head.json.utf8))
        return said(server.hears(Roles.beacon.says(body, sequence, "T-\(sequence)")))
    }

    private func said(_ effects: [C2.Effect]) -> [String] {
        effects.compactMap {
            switch $0 {
            case .say(let text): text
            case .record(_, _, let refused): refused.map { "refused: \($0)" }
            case .send, .sendAgain, .decided, .moderate, .ask, .answered: nil
            }
        }
    }

    private var record: C2.Record? { server.c2.records[Roles.beacon.id] }

    @Test("each one that continues the record is taken, in silence")
    mutating func continues() throws {
        for number in [0, 3, 3, 7] as [Int64] { #expect(try sends(Self.head(number)).isEmpty) }
        #expect(try record?.head == Self.head(7) && record?.fault == nil)
    }

    @Test("one with fewer rows: the record was cut; said once, and it stays so until the operator forgets the node")
    mutating func cut() throws {
        _ = try sends(Self.head(7))
        let said = try sends(Self.head(5))
        #expect(
            said.count == 1
                && said[0].hasPrefix("the record of \(Roles.beacon.id) is contradicted: it was cut: it had 7 rows"))
        #expect(try sends(Self.head(9)).isEmpty && record?.fault?.contains("cut") == true)
        var fleet = C2Fleet([], at: 0)
        fleet.update(Roles.beacon.id, server.c2, at: 0)
        let shown = fleet[Roles.beacon.id]?.record
        #expect(shown?.row == 7 && shown?.signedAt == 1_007 && shown?.fault == record?.fault)
        _ = server.c2.obey(.forget(Roles.beacon.id))
        #expect(record == nil)
    }

    @Test("one with another digest for the same row: the record was rewritten")
    mutating func rewritten() throws {
        _ = try sends(Self.head(7))
        #expect(try sends(Self.head(7, 1)).first?.contains("it was rewritten: row 7 is another one") == true)
    }

    @Test(
        "one of another chain: the record begins again, which is told apart; and a chain that comes back is an old copy"
    )
    mutating func begunAgain() throws {
        _ = try sends(Self.head(7))
        #expect(
            try sends(Self.head(1, chain: 2)).first?.contains(
                "has begun a new record: its journal was lost or replaced; the last signed row of the old one is row 7")
                == true)
        #expect(record?.fault == nil)
        #expect(try sends(Self.head(8)).first?.contains("an old copy was put in its place") == true)
    }

    @Test("one that the beacon has not signed, or another node's, or no head at all, is refused and changes nothing")
    mutating func foreign() throws {
        _ = try sends(Self.head(7))
        for bad in [try Self.head(5, by: Roles.device), try Self.head(5, of: Roles.device)] {
            #expect(sends(bad).contains { $0.hasPrefix("refused: ") })
        }
        sequence += 10
        let body = Body.data(id: DataID.auditHead.octets, data: Octets("{}".utf8))
        #expect(said(server.hears(Roles.beacon.says(body, sequence, "T"))).contains { $0.hasPrefix("refused: ") })
        #expect(try record?.head == Self.head(7) && record?.fault == nil)
    }

    @Test("one in the answer to ID_REQUEST counts as well")
    mutating func identification() throws {
        _ = try sends(Self.head(7))
        let asked = try #require(
            server.c2.obey(.identity(Roles.beacon.id)).compactMap {
                if case .send(let message, _) = $0 { message.token.description } else { nil }
            }.first)
        let json = try "{\"audit\":\(Self.head(6).json),\"product\":\"srup-beacon\"}"
        let body = Body.data(id: DataID.identification.octets, data: Octets(json.utf8))
        let said = said(server.hears(Roles.beacon.says(body, 1_000, asked)))
        #expect(
            said.contains { $0.hasPrefix("identification of") } && said.contains { $0.contains("it was cut") },
            "\(said)")
    }

    @Test(
        "of new chains again and again are looked at as often as other data is, and the next line says how many were not"
    )
    mutating func flood() throws {
        var said: [String] = []
        for number in 1...1_000 { said += try sends(Self.head(1, chain: UInt64(number))) }
        #expect(said.count == 19 && record?.chains.last == 20, "\(said.count)")
        server.now = server.now + .seconds(1)
        let next = try sends(Self.head(1, chain: 2_000))
        #expect(next.first?.hasSuffix(" (980 earlier messages of it were not looked at)") == true, "\(next)")
    }

    @Test("are stored as one row for each node: after another start a chain that comes back is recognised")
    func chains() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("c2.sqlite")
            var memory = C2.Memory()
            do {
                let store = try C2Store(path: path, own: Roles.c2.id)
                memory.records[Roles.beacon.id] = C2.Record(try Self.head(1, chain: .max))
                for chain in 2...5 as ClosedRange<UInt64> {
                    memory.records[Roles.beacon.id]?.take(try Self.head(1, chain: chain))
                    try store.commit(memory, groups: [:], entries: [])
                }
                try store.database.script("DELETE FROM audit_heads")
            }
            let store = try C2Store(path: path, own: Roles.c2.id)
            #expect(store.memory.records == memory.records)
            #expect(try store.database.rows("SELECT * FROM audit_records").count == 1)
            var record = try #require(store.memory.records[Roles.beacon.id])
            record.take(try Self.head(9, chain: .max))
            #expect(record.fault?.contains("an old copy was put in its place") == true)
        }
    }

    @Test("are stored: the next run knows the last one and what contradicts it, and exports all")
    func stored() throws {
        try TemporaryFolder.with { folder in
            var memory = C2.Memory()
            let path = folder.path("c2.sqlite")
            do {
                let store = try C2Store(path: path, own: Roles.c2.id)
                for number in 1...3 {
                    var record = try memory.records[Roles.beacon.id] ?? C2.Record(Self.head(1))
                    record.take(try Self.head(Int64(number)))
                    memory.records[Roles.beacon.id] = record
                    try store.commit(memory, groups: [:], entries: [])
                }
                memory.records[Roles.beacon.id]?.take(try Self.head(2, 5))
                try store.commit(memory, groups: [:], entries: [])
            }
            let store = try C2Store(path: path, own: Roles.c2.id)
            #expect(store.memory.records == memory.records && memory.records[Roles.beacon.id]?.contradicting != nil)
            let lines = try exported(store, folder)
            #expect(
                lines.filter { $0.kind == .received }.compactMap { $0.json.contains("contradict") ? nil : $0.kind }
                    .count == 4)
            try store.commit(C2.Memory(), groups: [:], entries: [])
            #expect(try C2Store(lookingInto: path).memory.records.isEmpty)
        }
    }

    private func exported(_ store: C2Store, _ folder: TemporaryFolder) throws -> [AuditLine] {
        let path = folder.path("export.jsonl")
        try store.export(to: AuditExporter(AuditWriter(path), AuditFilter(), isTable: false), at: 5)
        var lines: [AuditLine] = []
        try AuditFile.read(path) { if let line = AuditLine(json: $0) { lines.append(line) } }
        return lines
    }
}
