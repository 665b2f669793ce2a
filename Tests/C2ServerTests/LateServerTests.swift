import BootTime
import Keys
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import C2Server

/// A beacon and the kit's server, both as values with one clock. Each message of the beacon reaches the server late; the answers
/// arrive at once.
private struct LatePair {
    /// What the beacon does with its keys is the shell's; here it is only noted.
    private(set) var isDestroyed = false
    private(set) var requests: [Message] = []
    private(set) var observer: Observer
    private(set) var server = ServerFixture()
    private var now = Instant.boot + .seconds(1_000)
    private let lateness: Duration
    private var onTheWay: [(at: Instant, frame: [UInt8])] = []
    private var tokens: UInt8 = 0

    init(late lateness: Duration) throws {
        self.lateness = lateness
        observer = Observer(
            identity: Roles.beacon.id, policy: Policy(), unseal: { _ in .failure(.seal) }, authenticate: hmacSHA256)
        _ = observer.restore(
            [
                StoredServer(
                    server: Roles.c2.id, membership: .stranger, lastAccepted: nil, lastSent: SequenceID(0))
            ], [])
    }

    var membership: Membership? { observer.memberships[Roles.c2.id] }
    var membershipAtServer: C2.MembershipState { server.c2.membership(of: Roles.beacon.id) }

    mutating func freshToken() -> Token {
        tokens += 1
        return Token(random: [UInt8](repeating: tokens, count: 16), for: Roles.c2.id)
    }

    /// An order of a person's, and everything that follows within a time.
    mutating func order(_ event: Event, for time: Duration) throws {
        let end = now + time
        try handle(event)
        for _ in 0..<1_000 {
            let next = [onTheWay.map(\.at).min(), observer.nextDeadline].compactMap(\.self).min()
            guard let next, next <= end else { break }
            now = max(now, next)
            if let index = onTheWay.firstIndex(where: { $0.at <= now }) {
                try serve(onTheWay.remove(at: index).frame)
            } else {
                try handle(.tick)
            }
        }
        now = end
    }

    /// The server is started again with what it has stored.
    mutating func restartServer() {
        server.c2 = C2(
            own: Roles.c2.id, policy: server.c2.policy, dependencies: server.c2.dependencies, memory: server.c2.memory)
    }

    private mutating func handle(_ event: Event) throws {
        guard !isDestroyed else { return }
        for effect in observer.handle(event, at: now) {
            switch effect {
            case .send(let message, _):
                requests.append(message)
                onTheWay.append((now + lateness, try message.signed(by: Roles.beacon.key)))
            case .wantToken(let server): try handle(.again(server, freshToken()))
            case .destroy: isDestroyed = true
            case .record, .tell, .close, .act, .fetch, .discardUpdate, .install, .confirm, .present, .report: break
            }
        }
    }

    private mutating func serve(_ frame: [UInt8]) throws {
        server.now = now
        for case .send(let message, _) in server.hears(frame) {
            let answer = try UnverifiedFrame(try message.signed(by: Roles.c2.key)).verified(by: Roles.keyring)
            try handle(.message(answer))
        }
    }
}

@Suite("A beacon at a server that is late")
struct LateServerTests {
    private static let lateness: [Duration] = [.seconds(1), .seconds(35), .seconds(95), .seconds(700)]

    private func joined(late lateness: Duration) throws -> LatePair {
        var pair = try LatePair(late: lateness)
        try pair.order(.join(Roles.c2.id, pair.freshToken()), for: .seconds(5_000))
        return pair
    }

    @Test("joins it, with one token in all its requests", arguments: lateness)
    func joins(late lateness: Duration) throws {
        let pair = try joined(late: lateness)
        #expect(pair.membership == .member && pair.membershipAtServer == .observer)
        #expect(pair.requests.count > (lateness > .seconds(30) ? 1 : 0))
        #expect(Set(pair.requests.map(\.token)).count == 1)
    }

    @Test("resigns, and both agree; also across the server's restart", arguments: lateness)
    func resigns(late lateness: Duration) throws {
        var pair = try joined(late: lateness)
        let before = pair.requests.count
        try pair.order(.resign(Roles.c2.id, pair.freshToken()), for: lateness + .seconds(1))
        pair.restartServer()
        try pair.order(.tick, for: .seconds(5_000))
        #expect(pair.membership == .resigned && pair.membershipAtServer == .resigned)
        #expect(Set(pair.requests[before...].map(\.token)).count == 1)
        #expect(Set(pair.requests.map(\.sequence)).count == pair.requests.count)
    }

    @Test(
        "is deregistered, and both agree: its keys are destroyed; also across the server's restart", arguments: lateness
    )
    func deregisters(late lateness: Duration) throws {
        var pair = try joined(late: lateness)
        try pair.order(.deregister(Roles.c2.id, pair.freshToken()), for: lateness + .seconds(1))
        pair.restartServer()
        try pair.order(.tick, for: .seconds(5_000))
        #expect(pair.isDestroyed && pair.membership == .deregistered && pair.membershipAtServer == .deregistered)
    }

    @Test(
        "the server answers a request that it has granted before with success, and changes nothing; also after a restart",
        arguments: [
            (Body.resignRequest, C2.MembershipState.resigned, "resign success"),
            (.deregisterRequest, .deregistered, "deregister success"),
        ])
    func repeated(request: Body, membership: C2.MembershipState, answer: String) {
        var server = ServerFixture()
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        for (number, at) in [UInt64(10), 30, 50, 70, 90, 110, 130].enumerated() {
            if number == 1 {
                server.c2 = C2(
                    own: Roles.c2.id, policy: server.c2.policy, dependencies: server.c2.dependencies,
                    memory: server.c2.memory)
            }
            let effects = server.hears(Roles.beacon.says(request, at, "R"))
            // The last one is above the rate, and is answered as the others.
            #expect(effects.sent == ["RESPONSE \(answer) #\(at + 1) R to beacon"], "\(number)")
            #expect(server.c2.membership(of: Roles.beacon.id) == membership)
        }
        server.now += .seconds(60)
        #expect(server.hears(Roles.beacon.says(request, 130, "R")).refusal?.contains("sequence") == true, "replayed")
        let elsewhere = "5e0b7d2c-0000-4000-8000-00000000009a@77"
        #expect(server.hears(Roles.beacon.says(request, 500, elsewhere)).isEmpty)
    }

    @Test("a node that has resigned and asks to be deregistered is; one whose membership the server has ended is not")
    func resignedThenDeregistered() {
        var server = ServerFixture()
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        server.hears(Roles.beacon.says(.resignRequest, 10, "T1"))
        let end = server.hears(Roles.beacon.says(.deregisterRequest, 30, "T2"))
        #expect(end.sent == ["RESPONSE deregister success #31 T2 to beacon"])
        var ended = ServerFixture()
        ended.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        _ = ended.c2.obey(.terminate(Roles.beacon.id))
        for request in [Body.resignRequest, .deregisterRequest] {
            let sent = ended.hears(Roles.beacon.says(request, request == .resignRequest ? 20 : 50, "T3")).sent
            #expect(sent.first?.contains(" fail") == true, "\(sent)")
        }
    }
}
