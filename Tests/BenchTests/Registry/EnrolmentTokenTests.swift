import Testing

@testable import Bench

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
}
