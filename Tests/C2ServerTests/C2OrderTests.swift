import Bench
import OperatorText
import SRUP
import Testing

@testable import C2Server

@Suite("The operator's orders, and their lines of text")
struct C2OrderTests {
    private static let (one, two) = (Identifier(0xBEA1), Identifier(0xBEA2))
    private static let digest = [UInt8](repeating: 0xAB, count: 32)
    private static let parser = C2OrderParser(groups: ["gate": [one, two]]) { $0 == "new.bin" ? digest : nil }

    /// An order of each kind; a new kind does not compile until it is added here.
    private static let each: [C2Order] = {
        let all: [C2Order] = [
            .accept(one, mark: "1a2b3c4d"), .refuse(one), .join(one), .terminate(one), .deregister(one), .identity(one),
            .action(one, 1), .action(one, 99), .update(one, url: "https://x/y", digest: digest), .activate(one),
            .data(one, id: Octets("IDENTIFY_SECONDS".utf8), Octets([10, 0, 0, 0])), .observer(one, true),
            .observer(one, false), .require(.keyed), .forget(one), .name(one, "North gate é"), .name(one, ""),
            .site(one, "harbour"), .site(one, ""),
            .stage([one, two], url: "https://x/y", digest: digest, percent: 10), .staged(.show), .staged(.continue),
            .staged(.cancel),
        ]
        for order in all {
            switch order {
            case .accept, .refuse, .join, .terminate, .deregister, .identity, .action, .update, .activate, .data,
                .observer, .require, .forget, .stage, .staged, .name, .site:
                break
            }
        }
        return all
    }()

    @Test("each order's text is a line that parses as that order", arguments: each)
    func thereAndBack(order: C2Order) throws {
        #expect(try C2OrderTests.parser.parse(order.text) == .orders([order]))
    }

    @Test(
        "a line gives an order to one node or to each of a group",
        arguments: [
            ("action @gate pause", [.action(one, 1), .action(two, 1)]),
            ("  action   bea1 99 ", [.action(one, 99)]),
            ("observer @gate yes", [.observer(one, true), .observer(two, true)]),
            ("deregister @gate", [.deregister(one), .deregister(two)]),
            ("data bea1 X", [.data(one, id: Octets("X".utf8), Octets([]))]),
            ("update bea1 https://x/y new.bin", [.update(one, url: "https://x/y", digest: digest)]),
            (
                "stage 5% https://x/y new.bin @gate bea1",
                [.stage([one, two, one], url: "https://x/y", digest: digest, percent: 5)]
            ),
            (
                "update bea1 https://x/y " + String(repeating: "aB", count: 32),
                [.update(one, url: "https://x/y", digest: digest)]
            ),
        ] as [(String, [C2Order])])
    func lines(line: String, orders: [C2Order]) throws {
        #expect(try C2OrderTests.parser.parse(line) == .orders(orders))
    }

    @Test("a line makes a group of nodes and of groups; an empty one has no effect")
    func groups() throws {
        #expect(try C2OrderTests.parser.parse("group door bea1") == .group("door", [C2OrderTests.one]))
        #expect(
            try C2OrderTests.parser.parse("group all @gate 7")
                == .group("all", [C2OrderTests.one, C2OrderTests.two, Identifier(7)]))
        #expect(try C2OrderTests.parser.parse("  ") == .empty)
        let full = C2OrderParser(
            groups: Dictionary(uniqueKeysWithValues: (0..<1_000).map { ("g\($0)", [Identifier(7)]) }))
        #expect(throws: OperatorFault.self) { try full.parse("group more bea1") }
        #expect(try full.parse("group g7 bea1") == .group("g7", [C2OrderTests.one]))
    }

    @Test(
        "what is not an order is refused",
        arguments: [
            "update bea1 https://x", "update bea1 https://x old.bin",
            "update bea1 https://x " + String(repeating: "a", count: 63),
            "require", "require much", "require keyed now", "activate", "activate bea1 now", "accept bea1",
            "observer bea1", "observer bea1 maybe", "accept", "accept x", "action bea1", "action bea1 sing",
            "action bea1 256", "data bea1 X 0", "data bea1 X zz", "dance bea1", "join @nobody", "accept bea1 one two",
            "stage", "stage 0% https://x new.bin bea1", "stage 101% https://x new.bin bea1",
            "stage 5 https://x new.bin bea1",
            "stage 5% https://x new.bin", "stage 5% https://x old.bin bea1", "stage halt", "stage show me",
            "group g", "group " + String(repeating: "g", count: 65) + " bea1",
        ])
    func bad(line: String) {
        #expect(throws: OperatorFault.self) { try C2OrderTests.parser.parse(line) }
    }

    @Test("an unknown command is distinguished from one with invalid arguments")
    func faults() {
        let unknown = #expect(throws: OperatorFault.self) { try C2OrderTests.parser.parse("dance bea1") }
        #expect(unknown?.message == "unknown command \"dance\"")
        let invalid = #expect(throws: OperatorFault.self) { try C2OrderTests.parser.parse("action bea1 sing") }
        #expect(invalid?.message == "invalid arguments in \"action bea1 sing\"")
        let file = #expect(throws: OperatorFault.self) { try C2OrderTests.parser.parse("update bea1 https://x pipe") }
        #expect(file?.message == "pipe cannot be read, or is not a regular file")
    }

    @Test("only accept and refuse decide on a join: with a console they are not accepted as a line of text")
    func decisions() {
        #expect(
            C2OrderTests.each.filter(\.isDecision) == [
                .accept(C2OrderTests.one, mark: "1a2b3c4d"), .refuse(C2OrderTests.one),
            ])
    }

    @Test("an order is stored without what may be secret in an address, and not longer than 200 bytes")
    func notedOrders() {
        #expect(
            C2Server.noted("update bea1 https://me:s3cret@x.org/f?X-Signature=s3cret /tmp/f")
                == "update bea1 https://...@x.org/f?... /tmp/f")
        #expect(C2Server.noted("terminate bea1") == "terminate bea1")
        #expect(C2Server.noted("data bea1 1 " + String(repeating: "a", count: 500)).utf8.count == 200)
    }
}
