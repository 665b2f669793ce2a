import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("Requests that a server leaves unanswered")
struct UnansweredRequestsTests {
    private final class World {
        let clock = ManualClock()
        let log = LogRecorder()
        var memberships: [Identifier: Membership] = [:]
        var isConnected = true
        var hasAnswered = false
        var told: [Identifier] = []
        private(set) lazy var requests = UnansweredRequests(
            clock: clock, log: log.logger,
            outlets: UnansweredRequests.Outlets(
                memberships: { [unowned self] in memberships }, isConnected: { [unowned self] in isConnected },
                hasAnswered: { [unowned self] _ in hasAnswered },
                unanswered: { [unowned self] in told.append($0) }))

        /// Our membership is this from now on.
        func be(_ membership: Membership, at server: Identifier = server) {
            memberships[server] = membership
            requests.look()
        }
    }

    private let world = World()
    private let token = Token(random: Array(0..<16))

    @Test(
        "are told once, with the likely causes, after a minute on a live connection; asking again restarts nothing")
    func told() {
        world.be(.joining(token))
        world.clock.advance(by: .seconds(30))
        world.be(.joining(Token(random: Array(1..<17))))
        world.clock.advance(by: .milliseconds(29_999))
        #expect(world.told.isEmpty && world.requests.servers.isEmpty)
        world.clock.advance(by: .milliseconds(1))
        #expect(world.told == [server] && world.requests.servers == [server])
        world.clock.advance(by: .seconds(600))
        #expect(world.told == [server])
        let lines = world.log.texts
        #expect(lines.count == 1 && lines.allSatisfy { $0.contains("higher sequence ids") && $0.contains("explain") })
    }

    @Test("are over with the answer, and the next one counts again")
    func answered() {
        world.be(.joining(token))
        world.clock.advance(by: .seconds(60))
        world.be(.member)
        #expect(world.requests.servers.isEmpty)
        world.be(.resigning(token))
        world.clock.advance(by: .seconds(60))
        #expect(world.told == [server, server])
    }

    @Test("are not said to be unanswered where an answer was refused, and are sent again all the same")
    func refused() {
        world.hasAnswered = true
        world.be(.deregistering(token))
        world.clock.advance(by: .seconds(60))
        #expect(world.told == [server])
        #expect(world.log.texts.map { $0.contains("only answers that this beacon refuses") } == [true])
    }

    @Test("do not count while no broker is connected, nor while a person or an observer has to answer")
    func notLive() {
        world.isConnected = false
        world.be(.joining(token))
        world.be(.presenting(token, .human), at: otherServer)
        world.clock.advance(by: .seconds(600))
        #expect(world.told.isEmpty)
        world.isConnected = true
        world.requests.look()
        world.clock.advance(by: .seconds(59))
        world.isConnected = false
        world.requests.look()
        world.isConnected = true
        world.requests.look()
        world.clock.advance(by: .seconds(59))
        #expect(world.told.isEmpty, "the minute begins again with the connection")
        world.clock.advance(by: .seconds(1))
        #expect(world.told == [server])
    }
}
