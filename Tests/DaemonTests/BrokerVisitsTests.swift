import BootTime
import TestVectors
import Testing

@testable import Broker
@testable import Daemon

/// With brokers: SystemTests/FailoverTests.
@Suite("Visits to the brokers that are not in use")
struct BrokerVisitsTests {
    private final class World {
        let log = LogRecorder()
        let clock = ManualClock()
        let (one, two, three) = (
            BrokerAddress(host: "one", port: 1), BrokerAddress(host: "two", port: 1),
            BrokerAddress(host: "three", port: 1)
        )
        var begun: [BrokerAddress] = []
        var seconds: Int64 = 1_000
        private(set) var visits: BrokerVisits!

        init(_ count: Int = 3, sessions: BrokerPolicy.Sessions = .each) {
            var policy = BrokerPolicy()
            (policy.sessions, policy.visit) = (sessions, .seconds(3_600))
            visits = BrokerVisits(
                Array([one, two, three].prefix(count)), policy, clock: clock,
                events: EventLog(log.logger, clock: clock),
                outlets: BrokerVisits.Outlets(
                    begin: { [unowned self] in begun.append($0) }, upTo: { $0 },
                    wallSeconds: { [unowned self] in seconds }))
        }

        /// The visits begun since the last call.
        func taken() -> [BrokerAddress] {
            defer { begun = [] }
            return begun
        }

        var warnings: [String] { log.lines.filter { $0.level == .warning }.compactMap { $0.fields["event"] } }

        /// The visit that is under way is accepted, and held.
        func hold() {
            visits.visited(hadSession: true)
            visits.ended(nil)
        }
    }

    @Test(
        "each other broker is visited within ten seconds after the first connection, one at a time, and then each hour")
    func rounds() {
        let world = World()
        world.visits.connected(to: world.one, hadSession: false)
        #expect(world.taken().isEmpty)
        world.clock.advance(by: BrokerVisits.spread)
        #expect(world.taken() == [world.two])
        world.clock.advance(by: .seconds(100))
        #expect(world.taken().isEmpty, "one at a time")
        world.seconds = 1_200
        world.hold()
        #expect(world.taken() == [world.three])
        world.hold()
        #expect(world.visits.standings[world.two]?.since == 1_200 && world.visits.standings[world.two]?.last == 1_200)
        world.clock.advance(by: .seconds(3_500))
        #expect(world.taken().isEmpty)
        world.clock.advance(by: .seconds(100))
        #expect(world.taken() == [world.two])
        world.hold()
        #expect(world.taken() == [world.three] && world.warnings.isEmpty)
    }

    @Test("after a failover the broker that was left is visited an hour later, and the one in use is not")
    func failover() {
        let world = World(2)
        world.visits.connected(to: world.one, hadSession: true)
        world.clock.advance(by: BrokerVisits.spread)
        #expect(world.taken() == [world.two])
        world.hold()
        world.visits.lost(world.one, .silent)
        world.clock.advance(by: .seconds(10_000))
        #expect(world.taken().isEmpty, "without a connection of its own the beacon tries all brokers anyway")
        world.visits.connected(to: world.two, hadSession: true)
        #expect(world.taken() == [world.one])
    }

    @Test(
        "a broker that cannot be visited is logged once, until the fault changes or it was visited, with growing pauses"
    )
    func failing() {
        let world = World(2)
        world.visits.connected(to: world.one, hadSession: true)
        world.clock.advance(by: BrokerVisits.spread)
        var pauses: [Int64] = []
        for _ in 0..<10 {
            #expect(world.taken() == [world.two])
            world.visits.ended(.unreachable("no route"))
            var seconds: Int64 = 0
            while world.begun.isEmpty, seconds < 10_000 {
                world.clock.advance(by: .seconds(1))
                seconds += 1
            }
            pauses.append(seconds)
        }
        #expect(pauses == [60, 120, 240, 480, 600, 600, 600, 600, 600, 600])
        #expect(world.warnings == ["broker-visit-failed"])
        #expect(world.visits.standings[world.two]?.fault == .unreachable("no route"))
        world.hold()
        #expect(world.visits.standings[world.two]?.fault == nil)
        world.clock.advance(by: .seconds(3_600))
        world.visits.ended(.unreachable("no route"))
        #expect(world.warnings.count == 2)
    }

    @Test(
        "where visits end the beacon's own connection twice in succession, none is made for a day, and one line says so"
    )
    func cluster() {
        let world = World(3)
        world.visits.connected(to: world.one, hadSession: true)
        world.clock.advance(by: BrokerVisits.spread)
        for number in 1...2 {
            #expect(world.taken().count == 1)
            world.visits.lost(world.one, .closed)
            world.visits.visited(hadSession: true)
            world.visits.connected(to: world.one, hadSession: true)
            #expect(!world.visits.areShared)
            // The beacon's return has ended the visit.
            world.visits.ended(.closed)
            #expect(world.visits.areShared == (number == 2))
            world.clock.advance(by: .seconds(200))
        }
        #expect(world.warnings.filter { $0 == "broker-visits-ended" }.count == 1)
        _ = world.taken()
        let report = world.visits.report?.map(\.text).last ?? ""
        #expect(report.contains("two visits ended the connection; none until"), "\(report)")
        world.clock.advance(by: .seconds(86_000))
        #expect(world.taken().isEmpty && world.visits.areShared)
        world.clock.advance(by: .seconds(400))
        #expect(world.taken().count == 1 && !world.visits.areShared, "after a day it is tried again")
        world.visits.visited(hadSession: true)
        world.visits.lost(world.one, .closed)
        world.visits.connected(to: world.one, hadSession: true)
        world.visits.ended(.closed)
        #expect(world.visits.areShared, "one more end suffices")
        world.clock.advance(by: .seconds(86_300))
        #expect(world.taken().isEmpty)
    }

    @Test("a connection that ends more than two seconds after the visit was accepted was not ended by it")
    func lateEnd() {
        for (delay, isCause) in [(Duration.seconds(2), true), (.seconds(3), false)] {
            let world = World(2)
            world.visits.connected(to: world.one, hadSession: true)
            world.clock.advance(by: BrokerVisits.spread)
            for _ in 1...3 {
                world.visits.visited(hadSession: true)
                world.clock.advance(by: delay)
                world.visits.lost(world.one, .closed)
                world.visits.ended(nil)
                world.visits.connected(to: world.one, hadSession: true)
                world.clock.advance(by: .seconds(3_600))
            }
            #expect(world.visits.areShared == isCause)
        }
    }

    @Test("a broker that is lost during one visit is not taken for a cluster, nor one that falls silent at two")
    func coincidence() {
        let world = World(2)
        world.visits.connected(to: world.one, hadSession: true)
        world.clock.advance(by: BrokerVisits.spread)
        for fault in [BrokerFault.closed, .silent, .closed, .silent] {
            world.visits.lost(world.one, fault)
            world.hold()
            world.visits.connected(to: world.one, hadSession: true)
            world.clock.advance(by: .seconds(3_600))
        }
        #expect(world.begun.count == 5 && !world.visits.areShared)
    }

    @Test("one broker, and brokers that share the session, are not visited")
    func none() {
        for world in [World(1), World(3, sessions: .shared)] {
            world.visits.connected(to: world.one, hadSession: true)
            world.clock.advance(by: .seconds(100_000))
            #expect(world.begun.isEmpty && !world.visits.areMade)
            #expect(world.visits.standings[world.one]?.since == 1_000)
        }
    }
}
