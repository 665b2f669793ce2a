import BootTime
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("Rate limits at the server")
struct C2RateTests {
    private let request = Body.observedJoinRequest(observer: Roles.beacon.id)

    private func lines(_ effects: [C2.Effect]) -> Int {
        effects.count { if case .say = $0 { true } else { false } }
    }

    @Test("The attack: 6,000 requests of one device in 4 s cause six answers and few lines, and another node joins")
    func flood() {
        var server = ServerFixture { $0.observers = [Roles.beacon.id] }
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        var (sent, said, recorded) = (0, 0, 0)
        for number in 0..<UInt64(6_000) {
            server.now = .boot + .seconds(4) * Double(number) / 6_000
            let effects = server.hears(Roles.device.says(request, 10 + 10 * number, "T\(number)"))
            sent += effects.sent.count
            said += lines(effects)
            recorded += effects.count { if case .record = $0 { true } else { false } }
        }
        // Five requests get two messages each, and the sixth a refusal.
        #expect(sent == 5 * 2 + 1 && said < 20 && recorded == 6)
        #expect(server.c2.refusals[.rate] == 5_995)
        // The open join is unchanged, and counts.
        #expect(server.c2.open.count == 1)
        #expect(
            server.hears(Roles.beacon.says(.joinRequest, 100, "T1")).sent == ["RESPONSE join success #101 T1 to beacon"]
        )
    }

    @Test("After a pause the device is served again, and the line says how many were not answered")
    func refill() {
        var server = ServerFixture()
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        var number: UInt64 = 10
        func ask() -> [C2.Effect] {
            number += 10
            return server.hears(Roles.device.says(request, number, "T"))
        }
        for _ in 0..<5 { #expect(ask().sent.count == 2) }
        #expect(ask().sent == ["RESPONSE join refused #71 T to device"])
        #expect(ask().isEmpty && ask().isEmpty)
        server.now = .seconds(5)
        #expect(ask().sent.count == 2)
        #expect(ask().refusal == "rate limit exceeded; 2 earlier ones were not answered")
    }

    @Test("Requests to leave have a bucket of their own, and are answered with a failure when it is empty")
    func leaving() {
        var server = ServerFixture { $0.keeps = [Roles.beacon.id] }
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let answers = (1...8).map { server.hears(Roles.beacon.says(.resignRequest, 10 * $0, "R")).sent.count }
        #expect(answers == [1, 1, 1, 1, 1, 1, 0, 0])
        #expect(server.hears(Roles.beacon.says(.joinRequest, 100, "T1")).sent.count == 1)
    }

    @Test("Lines about refused messages and data are limited, and each says how many were left out")
    func lines() {
        var server = ServerFixture()
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let forged = (0..<1_000).map { _ in lines(server.hears([UInt8](repeating: 5, count: 400))) }.reduce(0, +)
        #expect(forged == 10 && server.c2.refusals[.frame] == 1_000)
        let data = Body.data(id: Octets("SENSOR".utf8), data: Octets([1]))
        let told = (1...100).map { lines(server.hears(Roles.beacon.says(data, 10 + $0, "D"))) }.reduce(0, +)
        #expect(told == 20)
        server.now = .seconds(10)
        #expect(server.hears([5]).refusal?.hasSuffix("(and 990 earlier ones of this kind)") == true)
        let next = server.hears(Roles.beacon.says(data, 200, "D"))
        #expect(next.contains(.say("data SENSOR of \(Roles.beacon.id): 0x01 (80 earlier ones were not recorded)")))
    }

    @Test("Buckets are bounded: with too many nodes the newest share one, until others have been quiet")
    func bounded() {
        var rates = C2Rates()
        for number in 0..<UInt64(C2Rates.mostBuckets) {
            let verdict = rates.request(.joins, of: Identifier(number + 1), at: 0)
            #expect(verdict == .pass)
        }
        let shared = (0..<6).map { rates.request(.joins, of: Identifier(100_000 + $0), at: 0) }
        #expect(shared == [.pass, .pass, .pass, .pass, .pass, .refuse(leftOut: 0)])
        let later = rates.request(.joins, of: Identifier(200_000), at: .seconds(60))
        #expect(later == .pass)
    }
}
