import Files
import OperatorText
import Testing

@testable import Bench
@testable import Registration

@Suite("Enrolment tokens")
struct EnrolmentTokenTests {
    @Test("if they are required, no node is registered without one, and one token is for one device")
    func required() throws {
        try RegistryFixture.with({ $0.needsToken = true }) { fixture throws in
            #expect(fixture.register().status == 403)
            let token = try fixture.token(.enrol, uses: 1)
            #expect(fixture.register(token: token).status == 201)
            // The same device needs no token the second time: its enrolment was interrupted.
            #expect(fixture.register().status == 201)
            #expect(fixture.register("abc", RegistryFixture.stranger, token: token).status == 403)
        }
    }

    @Test("a token that is used up, expired, unknown, for another type, or for reading registers no node")
    func bad() throws {
        try RegistryFixture.with({ $0.needsToken = true }) { fixture throws in
            let typed = try fixture.token(.enrol, type: "lamp", uses: 5)
            let reader = try fixture.token(.read)
            let short = try fixture.token(.enrol, uses: 5, hours: 1)
            let good = try fixture.token(.enrol, uses: 5, hours: 3)
            fixture.clock.seconds += 3_601
            for token in [typed, reader, short, "", "enrol-00", good + "0", String(repeating: "a", count: 200)] {
                #expect(fixture.register(token: token).status == 403, "\(token)")
            }
            #expect(fixture.register(token: good).status == 201)
        }
    }

    @Test("a token is not used up if the registration fails for another reason")
    func notUsed() throws {
        try RegistryFixture.with { fixture throws in
            let token = try fixture.token(.enrol, uses: 1)
            #expect(fixture.register().status == 201)
            #expect(fixture.register(RegistryFixture.id, RegistryFixture.stranger, token: token).status == 400)
            #expect(fixture.register("abc", RegistryFixture.stranger, token: token).status == 201)
        }
    }

    @Test("if they are optional, a wrong one is still refused")
    func optional() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.register(token: "enrol-00").status == 403)
            #expect(fixture.register().status == 201)
        }
    }

    @Test("no token is in the log or in the file")
    func secret() throws {
        try RegistryFixture.with { fixture throws in
            let token = try fixture.token(.enrol, uses: 1)
            #expect(fixture.register(token: token).status == 201)
            #expect(fixture.register("abc", RegistryFixture.stranger, token: token).status == 403)
            #expect(!fixture.said.contains { $0.contains(token.dropFirst(6)) })
            for name in ["registry.sqlite", "registry.sqlite-wal"] {
                let bytes = try File.read(fixture.folder.path(name), atMost: 1 << 24)
                #expect(bytes.firstRange(of: Array(token.utf8)) == nil)
            }
        }
    }

    @Test("are listed by a number that is not part of them, with their remaining uses")
    func list() throws {
        try RegistryFixture.with { fixture throws in
            let token = try fixture.token(.enrol, type: "thing", uses: 3, label: "hall")
            fixture.clock.seconds += 1
            _ = try fixture.token(.c2)
            #expect(fixture.register(token: token).status == 201)
            let listed = try fixture.admin.tokens()
            #expect(listed.map(\.role) == [.c2, .enrol])
            let one = try #require(listed.last)
            #expect(one.number.count == 8)
            #expect(!token.contains(one.number))
            #expect((one.type, one.used, one.usesLeft, one.label) == ("thing", 1, 2, "hall"))
            #expect(one.expires == one.made + 3_600)
            #expect(try fixture.admin.isValid(one))
            fixture.clock.seconds += 3_600
            #expect(try !fixture.admin.isValid(one))
        }
    }

    @Test("that are withdrawn are not valid, and devices that registered with one stay registered")
    func withdrawn() throws {
        try RegistryFixture.with({ $0.needsToken = true }) { fixture throws in
            let (token, other) = (
                try fixture.token(.enrol, uses: 5), try fixture.token(.enrol, uses: 5, label: "other")
            )
            #expect(fixture.register(token: token).status == 201)
            #expect(try fixture.validate().status == 200)
            let number = try #require(try fixture.admin.tokens().first { $0.label == nil }).number
            #expect(try fixture.admin.withdraw(number).number == number)
            #expect(fixture.register("abc", RegistryFixture.stranger, token: token).status == 403)
            #expect(try fixture.access().status == 200)
            #expect(fixture.register("abc", RegistryFixture.stranger, token: other).status == 201)

            let reader = try fixture.token(.read)
            #expect(fixture.get("get_type/\(RegistryFixture.id)", token: reader).status == 200)
            _ = try fixture.admin.withdraw(try #require(try fixture.admin.tokens().first { $0.role == .read }).number)
            #expect(fixture.get("get_type/\(RegistryFixture.id)", token: reader).status == 401)
        }
    }

    @Test("are withdrawn only by the number of one token")
    func notWithdrawn() throws {
        try RegistryFixture.with { fixture throws in
            let token = try fixture.token(.enrol)
            for number in ["", "abc", "0000", token, "%", "____", "ABCDEF", String(repeating: "0", count: 65)] {
                #expect(throws: OperatorFault.self, "\(number)") { try fixture.admin.withdraw(number) }
            }
            #expect(try fixture.admin.tokens().count == 1)
        }
    }

    @Test("that begin with the same digits are distinguished, or neither is withdrawn")
    func ambiguous() throws {
        try RegistryFixture.with { fixture throws in
            // Among 2,000 numbers two have the same first four digits, except once in 10^13 runs.
            for _ in 0..<2_000 { _ = try fixture.token(.read) }
            let prefixes = try fixture.admin.tokens().map { $0.number.prefix(4) }
            let twice = try #require(Dictionary(grouping: prefixes) { $0 }.first { $0.value.count > 1 }).key
            #expect(throws: OperatorFault.self) { try fixture.admin.withdraw(String(twice)) }
            #expect(try fixture.admin.tokens().count == 2_000)
        }
    }
}
