import Broker
import Foundation
import Keys
import OperatorText
import SQLite
import SRUP
import Testing
import TestVectors

@testable import Bench
@testable import C2Server

@Suite("The state that a C2 server keeps")
final class C2StoreTests {
    private let folder: String
    private var path: String { folder + "/c2.sqlite" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "srup-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func open(_ own: Identifier = Roles.c2.id, _ bounds: C2Store.Bounds = C2Store.Bounds()) throws -> C2Store {
        try C2Store(path: path, own: own, bounds: bounds)
    }

    private static let full = {
        var memory = C2.Memory()
        for (place, membership) in C2.MembershipState.allCases.enumerated() where membership != .known {
            memory.memberships[Identifier(UInt64(place) + 100)] = membership
        }
        memory.numbers = [Roles.device.id: 7, Roles.beacon.id: .max, Identifier(.max): 1 << 63]
        memory.unanswered = [
            C2.Unanswered(device: Roles.device.id, observer: Roles.beacon.id, answerToken: Roles.token("T2")),
            C2.Unanswered(device: Identifier(.max), observer: nil, answerToken: Roles.token("T2'")),
        ]
        let asked: [C2.Asked.What] = [.action(0), .action(255), .data, .identity, .deregister, .update, .activate]
        for (place, what) in asked.enumerated() {
            memory.asked[Roles.token("asked-\(place)")] = C2.Asked(node: Roles.beacon.id, what: what)
        }
        memory.given = [Roles.beacon.id: true, Roles.device.id: false, Identifier(.max): true]
        memory.heard = [Roles.beacon.id, Identifier(.max)]
        memory.required = .challenged
        memory.updates = [Roles.beacon.id: Roles.token("update"), Identifier(.max): Roles.token("other")]
        return memory
    }()

    private static let wall = C2Entry.now

    private func entry(_ words: String, of node: Identifier? = nil) -> C2Entry {
        C2Entry(wallMilliseconds: Self.wall, kind: .remark, node: node, message: words)
    }

    private func gone(_ body: (inout C2.Memory) -> Void) -> C2.Memory {
        var memory = C2StoreTests.full
        body(&memory)
        return memory
    }

    @Test("that a broker has had a session is known in the next run, and of no other broker")
    func sessions() throws {
        do {
            let store = try open()
            #expect(try !store.noteSession(of: "one:8883"))
        }
        let store = try open()
        #expect(try store.noteSession(of: "one:8883") && !store.noteSession(of: "two:8883"))
    }

    @Test("every membership, number, open join and group is restored, and what was removed is not")
    func restart() throws {
        let groups = ["gate": [Roles.beacon.id, Roles.device.id], "one": [Identifier(.max)]]
        try open().commit(C2StoreTests.full, groups: groups, entries: [])
        let less = gone { memory in
            memory.unanswered = []
            memory.memberships[Identifier(101)] = .deregistered
            memory.memberships[Identifier(102)] = nil
            memory.numbers[Roles.device.id] = 8
            memory.asked[Roles.token("asked-1")] = nil
            memory.asked[Roles.token("asked-9")] = C2.Asked(node: Roles.device.id, what: .data)
            memory.updates[Roles.beacon.id] = Roles.token("newer")
            memory.given = [Roles.beacon.id: false, Identifier(99): true]
            memory.required = .keyed
            memory.heard = [Identifier(.max)]
        }
        do {
            let again = try open()
            #expect(again.memory == C2StoreTests.full)
            #expect(again.groups == groups)
            try again.commit(less, groups: ["one": [Roles.device.id]], entries: [])
        }
        let last = try open()
        #expect(last.memory == less)
        #expect(last.groups == ["one": [Roles.device.id]])
    }

    @Test("unacknowledged messages are there after a restart, in their order, and acknowledged ones are gone")
    func outbox() throws {
        let messages = (1...5).map { Outgoing(id: $0, topic: "SRUP/\($0)", payload: [UInt8($0)]) }
        do {
            let store = try open()
            try store.commit(store.memory, groups: [:], entries: [], outgoing: messages)
            try store.delivered([2, 4])
        }
        let left = try open().outbox()
        #expect(left.map(\.id) == [1, 3, 5] && left.map(\.topic) == ["SRUP/1", "SRUP/3", "SRUP/5"])
        var outbox = Outbox(left)
        #expect(!outbox.isEmpty && outbox.next([], on: "x").id == 6)
    }

    @Test("the first version's file is migrated: members stay members, and nobody may observe until it is allowed")
    func firstVersion() throws {
        try open().commit(C2StoreTests.full, groups: [:], entries: [entry("first")])
        try sql(
            "ALTER TABLE nodes DROP COLUMN observer; ALTER TABLE nodes DROP COLUMN type;"
                + " ALTER TABLE nodes DROP COLUMN heard; ALTER TABLE history DROP COLUMN grade;"
                + " DROP INDEX history_at; DROP INDEX history_of_at; DROP INDEX history_verdict;"
                + " DROP INDEX history_decisions; DROP INDEX history_decisions_of;"
                + " ALTER TABLE history DROP COLUMN verdict;"
                + " ALTER TABLE history DROP COLUMN reason; DELETE FROM meta WHERE name = 'required';"
                + " DROP TABLE staged; DROP TABLE staged_nodes;"
                + " ALTER TABLE history DROP COLUMN digest; DROP TABLE audit_chains; DROP TABLE audit_keys;"
                + " DROP TABLE audit_heads; DROP TABLE audit_records; DROP TABLE fleet;"
                + " PRAGMA user_version = 1")
        // Reading changes nothing.
        #expect(try C2Store(lookingInto: path).read(before: .max, limit: 9, of: nil).count == 1)
        let old = gone { memory in
            memory.given = [:]
            memory.heard = []
            memory.required = nil
        }
        #expect(try open().memory == old)
        try open().commit(C2StoreTests.full, groups: [:], entries: [])
        #expect(try open().memory == C2StoreTests.full)
    }

    @Test("only the owner can read the file, and no other file is left beside it")
    func mode() throws {
        _ = try open()
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["c2.sqlite"])
    }

    @Test("another server's, a damaged or an exposed file is refused with a command that helps, and stays as it is")
    func refused() throws {
        let cases: [(name: String, word: String, change: () throws -> Void)] = [
            ("open to others", "chmod 600", { try self.set(mode: 0o640) }),
            ("empty", "backup", { try Data().write(to: URL(filePath: self.path)) }),
            ("no database", "backup", { try Data(repeating: 7, count: 8_192).write(to: URL(filePath: self.path)) }),
            ("another program's", "c2 has created", { try self.sql("PRAGMA application_id = 1") }),
            ("a newer one's", "that version", { try self.sql("PRAGMA user_version = 99") }),
            ("not understood", "backup", { try self.sql("UPDATE nodes SET standing = 'queen'") }),
            (
                "of a grade that it does not know", "backup",
                { try self.sql("UPDATE meta SET value = 'sworn' WHERE name = 'required'") }
            ),
        ]
        for (name, word, change) in cases {
            try? FileManager.default.removeItem(atPath: path)
            try open().commit(C2StoreTests.full, groups: [:], entries: [])
            try change()
            if name != "open to others" { try set(mode: 0o600) }
            let before = try Data(contentsOf: URL(filePath: path))
            let fault = #expect(throws: OperatorFault.self, "\(name)") { try open() }
            #expect(fault?.hint(for: .bench).contains(word) == true, "\(name): \(String(describing: fault))")
            #expect(fault?.message.contains(path) == true, "\(name): \(String(describing: fault))")
            #expect(try Data(contentsOf: URL(filePath: path)) == before, "\(name)")
        }
    }

    private func set(mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func sql(_ script: String) throws { try Database(path: path).script(script) }

    @Test("another server's file is refused, and so is one that another process has open")
    func others() throws {
        try open().commit(C2StoreTests.full, groups: [:], entries: [])
        let fault = #expect(throws: OperatorFault.self) { try open(Roles.beacon.id) }
        #expect(fault?.message.contains("it belongs to server \(Roles.c2.id)") == true)
        let first = try open()
        let second = #expect(throws: OperatorFault.self) { try open() }
        #expect(second?.message.contains("another process") == true)
        #expect(first.memory == C2StoreTests.full)
    }

    @Test("on a full disk nothing of a commit is kept, and the next one with enough space is kept completely")
    func fullDisk() throws {
        let store = try open()
        try store.commit(C2StoreTests.full, groups: [:], entries: [entry("first")])
        try store.database.script("PRAGMA max_page_count = 20")
        let long = entry(String(repeating: "x", count: 200_000))
        let later = gone { $0.numbers[Roles.device.id] = 9 }
        let fault = #expect(throws: OperatorFault.self) { try store.commit(later, groups: ["g": []], entries: [long]) }
        #expect(fault?.hint(for: .bench).contains("free space") == true)
        #expect(store.memory == C2StoreTests.full)
        #expect(store.entries(after: 0, limit: 9).map(\.message) == ["first"])
        try store.database.script("PRAGMA max_page_count = 100000")
        try store.commit(later, groups: [:], entries: [entry("second")])
        #expect(store.memory == later)
        #expect(store.entries(after: 0, limit: 9).map(\.id) == [1, 2])
    }

    // MARK: - History

    @Test("entries are read forwards and backwards, for all nodes and for one")
    func reading() throws {
        let store = try C2Store(path: nil, own: Roles.c2.id)
        let nodes = [Roles.device.id, Roles.beacon.id, nil]
        let all = (1...9).map { entry("\($0)", of: nodes[$0 % 3]) }
        try store.commit(C2.Memory(), groups: [:], entries: all)
        func words(_ entries: [C2Entry]) -> String { entries.map(\.message).joined() }
        #expect(words(store.entries(after: 0, limit: 100)) == "123456789")
        #expect(words(store.entries(after: 4, limit: 3)) == "567")
        #expect(words(store.entries(before: .max, limit: 3)) == "789")
        #expect(words(store.entries(before: 5, limit: 2)) == "34")
        #expect(words(store.entries(after: 0, limit: 100, of: Roles.beacon.id)) == "147")
        #expect(words(store.entries(before: 7, limit: 1, of: Roles.beacon.id)) == "4")
        #expect(store.entries(after: 9, limit: 5).isEmpty && store.entries(after: 0, limit: -1).isEmpty)
    }

    @Test("an entry is the same in the file and in JSON, with its message")
    func whole() throws {
        let line = TraceLine(
            atMicroseconds: 5, from: .device, to: .c2, via: .mqtt, name: "JOIN_REQ", sequence: "1", bytes: 3,
            token: "T", detail: "d", refused: "r", frameHex: "abcdef")
        for kind in C2Entry.Kind.allCases {
            let given = C2Entry(
                id: 1, wallMilliseconds: 1_700_000_000_123, kind: kind, node: Identifier(0xab), line: line, message: "w"
            )
            let store = try C2Store(path: nil, own: Roles.c2.id)
            try store.commit(C2.Memory(), groups: [:], entries: [given])
            #expect(store.entries(after: 0, limit: 1) == [given])
            #expect(try JSONDecoder().decode(C2Entry.self, from: Data(given.json.utf8)) == given)
            #expect(given.json.contains(#""node":"00000000000000ab""#))
            #expect(given.text == "1  2023-11-14 22:13:20.123  \(kind.rawValue)  00000000000000ab  w")
        }
    }

    @Test("the oldest entries go when there are too many")
    func bounds() throws {
        var bounds = C2Store.Bounds()
        bounds.entries = 3
        let store = try open(Roles.c2.id, bounds)
        for word in ["a", "b", "c", "d", "e"] {
            try store.commit(C2.Memory(), groups: [:], entries: [entry(word)])
        }
        #expect(store.entries(after: 0, limit: 9).map(\.message) == ["c", "d", "e"])
    }

    @Test(
        "long entries displace older ones, also after a restart, and one that is longer than the limit stays alone")
    func bytes() throws {
        var bounds = C2Store.Bounds()
        bounds.bytes = 10
        do {
            let store = try open(Roles.c2.id, bounds)
            try store.commit(C2.Memory(), groups: [:], entries: ["1234", "5678", "90"].map { entry($0) })
            #expect(store.entries(after: 0, limit: 9).count == 3)
        }
        let store = try open(Roles.c2.id, bounds)
        try store.commit(C2.Memory(), groups: [:], entries: [entry("x")])
        #expect(store.entries(after: 0, limit: 9).map(\.message) == ["5678", "90", "x"])
        try store.commit(C2.Memory(), groups: [:], entries: [entry("longer than all of it")])
        #expect(store.entries(after: 0, limit: 9).map(\.id) == [5])
    }

    @Test("the diagram of a history keeps its order where the clock was set back")
    func diagram() {
        func entry(_ name: String, at wall: Int64) -> C2Entry {
            let line = TraceLine(
                atMicroseconds: 1, from: .device, to: .c2, via: .mqtt, name: name, bytes: 1)
            return C2Entry(wallMilliseconds: wall, kind: .message, node: nil, line: line, message: name)
        }
        let diagram = Diagram([entry("ONE", at: 50), self.entry("none"), entry("TWO", at: 20)], title: nil)
        #expect(diagram.arrows.map(\.label) == ["ONE 1 B", "TWO 1 B"])
        #expect(diagram.arrows.map(\.milliseconds) == ["0.000", "0.000"])
    }

    // MARK: - Keys

    @Test("keys from the registry survive a restart, those of the keyring are read again")
    func keys() throws {
        do {
            let store = try open()
            try store.keep(keyring: [Roles.beacon.id: Roles.beacon.key.publicKey])
            try store.keep(Roles.device.key.publicKey, type: "beacon", of: Roles.device.id)
            try store.keep(Roles.stranger.key.publicKey, type: "beacon", of: Roles.stranger.id)
            try store.keep(nil, type: nil, of: Roles.stranger.id)
        }
        let store = try open()
        let keys = try store.registryKeys()
        #expect(Set(keys.keys) == [Roles.device.id])
        #expect(keys[Roles.device.id]?.key.equals(Roles.device.key.publicKey) == true)
        #expect(keys[Roles.device.id]?.type == "beacon")
        try store.keep(keyring: [Roles.device.id: Roles.device.key.publicKey])
        #expect(try store.registryKeys().isEmpty)
    }
}
