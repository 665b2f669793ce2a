import Testing

@testable import Bench
@testable import Registration

@Suite("Enrolment tokens")
struct EnrolmentTokenTests {
    @Test("where they are required, nobody is registered without one, and one is for one device")
    func required() throws {
        try Office.with({ $0.needsToken = true }) { office throws in
            #expect(office.register().status == 403)
            let token = try office.token(.enrol, uses: 1)
            #expect(office.register(token: token).status == 201)
            // The same device again needs none: its enrolment was interrupted.
            #expect(office.register().status == 201)
            #expect(office.register("abc", Office.stranger, token: token).status == 403)
        }
    }

    @Test("a token that is used up, over, unknown, for another type, or for reading registers nobody")
    func bad() throws {
        try Office.with({ $0.needsToken = true }) { office throws in
            let typed = try office.token(.enrol, type: "lamp", uses: 5)
            let reader = try office.token(.read)
            let short = try office.token(.enrol, uses: 5, hours: 1)
            let good = try office.token(.enrol, uses: 5, hours: 3)
            office.clock.seconds += 3_601
            for token in [typed, reader, short, "", "enrol-00", good + "0", String(repeating: "a", count: 200)] {
                #expect(office.register(token: token).status == 403, "\(token)")
            }
            #expect(office.register(token: good).status == 201)
        }
    }

    @Test("a token that registers nobody for another reason is not used up")
    func notUsed() throws {
        try Office.with { office throws in
            let token = try office.token(.enrol, uses: 1)
            #expect(office.register().status == 201)
            #expect(office.register(Office.id, Office.stranger, token: token).status == 400)
            #expect(office.register("abc", Office.stranger, token: token).status == 201)
        }
    }

    @Test("where they are optional, a wrong one is still refused")
    func optional() throws {
        try Office.with { office throws in
            #expect(office.register(token: "enrol-00").status == 403)
            #expect(office.register().status == 201)
        }
    }

    @Test("no token is in the log or in the file")
    func secret() throws {
        try Office.with { office throws in
            let token = try office.token(.enrol, uses: 1)
            #expect(office.register(token: token).status == 201)
            #expect(office.register("abc", Office.stranger, token: token).status == 403)
            #expect(!office.said.contains { $0.contains(token.dropFirst(6)) })
            for name in ["registry.sqlite", "registry.sqlite-wal"] {
                let bytes = try Files.read(office.folder.path(name), atMost: 1 << 24)
                #expect(bytes.firstRange(of: Array(token.utf8)) == nil)
            }
        }
    }

    @Test("are listed by a number that is no part of them, with what is left of them")
    func list() throws {
        try Office.with { office throws in
            let token = try office.token(.enrol, type: "thing", uses: 3, label: "hall")
            office.clock.seconds += 1
            _ = try office.token(.c2)
            #expect(office.register(token: token).status == 201)
            let listed = try office.desk.tokens()
            #expect(listed.map(\.role) == [.c2, .enrol])
            let one = try #require(listed.last)
            #expect(one.number.count == 8)
            #expect(!token.contains(one.number))
            #expect((one.type, one.used, one.usesLeft, one.label) == ("thing", 1, 2, "hall"))
            #expect(one.expires == one.made + 3_600)
            #expect(try office.desk.counts(one))
            office.clock.seconds += 3_600
            #expect(try !office.desk.counts(one))
        }
    }

    @Test("that are withdrawn count for nothing, and who has registered with one stays")
    func withdrawn() throws {
        try Office.with({ $0.needsToken = true }) { office throws in
            let (token, other) = (try office.token(.enrol, uses: 5), try office.token(.enrol, uses: 5, label: "other"))
            #expect(office.register(token: token).status == 201)
            #expect(try office.validate().status == 200)
            let number = try #require(try office.desk.tokens().first { $0.label == nil }).number
            #expect(try office.desk.withdraw(number).number == number)
            #expect(office.register("abc", Office.stranger, token: token).status == 403)
            #expect(try office.access().status == 200)
            #expect(office.register("abc", Office.stranger, token: other).status == 201)

            let reader = try office.token(.read)
            #expect(office.get("get_type/\(Office.id)", token: reader).status == 200)
            _ = try office.desk.withdraw(try #require(try office.desk.tokens().first { $0.role == .read }).number)
            #expect(office.get("get_type/\(Office.id)", token: reader).status == 401)
        }
    }

    @Test("are withdrawn by nothing but one token's number")
    func notWithdrawn() throws {
        try Office.with { office throws in
            let token = try office.token(.enrol)
            for number in ["", "abc", "0000", token, "%", "____", "ABCDEF", String(repeating: "0", count: 65)] {
                #expect(throws: OperatorFault.self, "\(number)") { try office.desk.withdraw(number) }
            }
            #expect(try office.desk.tokens().count == 1)
        }
    }

    @Test("that begin with the same digits are told apart, or neither is withdrawn")
    func ambiguous() throws {
        try Office.with { office throws in
            // Of 2,000 numbers two have the same first four digits, but for once in 10^13 times.
            for _ in 0..<2_000 { _ = try office.token(.read) }
            let prefixes = try office.desk.tokens().map { $0.number.prefix(4) }
            let twice = try #require(Dictionary(grouping: prefixes) { $0 }.first { $0.value.count > 1 }).key
            #expect(throws: OperatorFault.self) { try office.desk.withdraw(String(twice)) }
            #expect(try office.desk.tokens().count == 2_000)
        }
    }
}
