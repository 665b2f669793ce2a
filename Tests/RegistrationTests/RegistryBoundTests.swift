import Testing

@testable import Bench
@testable import Registration

@Suite("Limits of the registry for one peer")
struct RegistryBoundTests {
    private func status(_ fixture: RegistryFixture, from address: String) -> RegistryReply {
        fixture.registry.answer(RegistryRequest(method: "GET", path: "/KeyEx/register/status", address: address))
    }

    @Test("an address has a limit of requests a minute, others are not affected, and one line is logged")
    func each() throws {
        try RegistryFixture.with({ $0.requestsAMinute = 3 }) { fixture throws in
            for _ in 0..<3 { #expect(status(fixture, from: "192.0.2.1").status == 200) }
            let refused = status(fixture, from: "192.0.2.1")
            #expect(refused.status == 429)
            #expect(refused.retryAfter == 21)
            #expect(status(fixture, from: "192.0.2.1").status == 429)
            #expect(fixture.said.count == 1)
            #expect(status(fixture, from: "192.0.2.2").status == 200)
            fixture.clock.seconds += 20
            #expect(status(fixture, from: "192.0.2.1").status == 200)
            #expect(status(fixture, from: "192.0.2.1").status == 429)
        }
    }

    @Test("each refused request is told a later moment, as one can be answered until then, up to ten minutes away")
    func spread() throws {
        try RegistryFixture.with({ $0.requestsAMinute = 60 }) { fixture throws in
            for _ in 0..<60 { #expect(status(fixture, from: "192.0.2.1").status == 200) }
            let told = (0..<700).map { _ in status(fixture, from: "192.0.2.1").retryAfter ?? 0 }
            #expect(told[0] == 2 && told[1] == 3 && told[99] == 101)
            #expect(told.last == 601 && told.max() == 601)
            // Those who were told an early moment have been answered by then, and the queue is shorter.
            fixture.clock.seconds += 300
            for _ in 0..<60 { #expect(status(fixture, from: "192.0.2.1").status == 200) }
            #expect(status(fixture, from: "192.0.2.1").retryAfter == 302)
            #expect(status(fixture, from: "192.0.2.2").status == 200, "another address does not wait")
        }
    }

    @Test("what all addresses together exceed makes nobody wait for more than a minute or so")
    func spreadOfAll() throws {
        try RegistryFixture.with({ $0.allRequestsAMinute = 60 }) { fixture throws in
            for last in 1...60 { #expect(status(fixture, from: "192.0.2.\(last)").status == 200) }
            let told = (1...200).map { status(fixture, from: "198.51.100.\($0)").retryAfter ?? 0 }
            #expect(told[0] == 2 && told.max() == 61)
        }
    }

    @Test("while too many identities wait for their validation, a new one is told to come again soon")
    func waiting() throws {
        try RegistryFixture.with({ ($0.mostWaiting, $0.mostIdentities) = (1, 2) }) { fixture throws in
            #expect(fixture.register().status == 201)
            let refused = fixture.register("abc", RegistryFixture.stranger)
            #expect(refused.status == 503 && (30...90).contains(refused.retryAfter ?? 0), "\(refused)")
            #expect(try fixture.validate().status == 200)
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 201)
            let full = fixture.register("abd", RegistryFixture.second)
            #expect(full.status == 503 && full.retryAfter == 3_600)
        }
    }

    @Test("all addresses together have a limit")
    func all() throws {
        try RegistryFixture.with({ $0.allRequestsAMinute = 3 }) { fixture throws in
            for last in 1...3 { #expect(status(fixture, from: "192.0.2.\(last)").status == 200) }
            #expect(status(fixture, from: "192.0.2.4").status == 429)
        }
    }

    @Test("an IPv6 network of /64 counts as one address, an IPv4 address in IPv6 form as itself")
    func groups() {
        #expect(RateLimit.group("2001:db8::1") == RateLimit.group("2001:db8::ffff:2"))
        #expect(RateLimit.group("2001:db8::1") != RateLimit.group("2001:db8:0:1::1"))
        #expect(RateLimit.group("::ffff:192.0.2.1") == "192.0.2.1")
        #expect(RateLimit.group("192.0.2.1") == "192.0.2.1")
        #expect(RateLimit.group("fe80::1%eth0") == RateLimit.group("fe80::2%eth1"))
    }

    @Test("any number of addresses does not fill the memory; they share what is left")
    func memory() {
        var limit = RateLimit(each: 2, all: 1_000_000, at: 0)
        for number in 0..<20_000 { _ = limit.take("address \(number)", at: 0) }
        #expect(limit.addresses == RateLimit.mostAddresses + 1)
        #expect(limit.take("one more", at: 0) != .pass)
        #expect(limit.take("one more", at: .seconds(60)) == .pass)
        #expect(limit.addresses == 1)
    }

    @Test("a clock that goes back does not raise the limit")
    func clockBack() {
        var limit = RateLimit(each: 1, all: 10, at: 0)
        #expect(limit.take("a", at: .seconds(1)) == .pass)
        #expect(limit.take("a", at: 0) != .pass)
    }

    @Test("a body over 64 KiB is refused before it is parsed")
    func long() throws {
        try RegistryFixture.with { fixture throws in
            #expect(fixture.post("register", raw: String(repeating: " ", count: 65_537)).status == 413)
            #expect(fixture.post("register", raw: String(repeating: " ", count: 65_536)).status == 400)
        }
    }

    @Test(
        "an unknown path is refused, and not logged",
        arguments: [
            ("GET", "/", 404), ("GET", "/KeyEx/register", 404), ("GET", "/KeyEx/register/x\u{1B}[2J", 404),
            ("GET", "/KeyEx/register/get_key", 404), ("GET", "/KeyEx/register/get_key/a/b", 404),
            ("GET", "/KeyEx/register/status/", 404), ("GET", "//KeyEx/register/status", 404),
            ("GET", "/" + String(repeating: "a", count: 5_000), 404), ("POST", "/KeyEx/register/status", 405),
            ("GET", "/KeyEx/register/register", 405), ("DELETE", "/KeyEx/register/get_key/abc", 405),
        ])
    func paths(method: String, path: String, expected: Int) throws {
        try RegistryFixture.with { fixture throws in
            let reply = fixture.registry.answer(RegistryRequest(method: method, path: path, address: "192.0.2.1"))
            #expect(reply.status == expected)
            let words = expected == 404 ? "404, not found" : "405, method not allowed"
            #expect(fixture.said == ["registry: refused another request from 192.0.2.1: \(words)"])
        }
    }
}
