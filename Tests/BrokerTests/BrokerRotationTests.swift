import BootTime
import TestVectors
import Testing

@testable import Broker

/// With real sockets: BrokerListTests.
@Suite("Which broker is tried next, and when")
struct BrokerRotationTests {
    private static let names = ["one", "two", "three"]

    private func rotation(_ count: Int, _ order: BrokerLink.Settings.Order = .listed, seed: UInt64 = 1)
        -> (rotation: BrokerRotation, generator: Seeded)
    {
        var generator = Seeded(seed)
        var settings = BrokerLink.Settings(
            brokers: Self.names.prefix(count).map { BrokerAddress(host: $0, port: 8883) }, clientID: "b1",
            tls: TLSFiles(authority: "", certificate: "", key: ""), subscriptions: [], maximumPayload: 1)
        settings.order = order
        return (BrokerRotation(settings, using: &generator), generator)
    }

    private let refused = BrokerRotation.End(fault: .unreachable("no route"))
    private let cut = BrokerRotation.End(fault: .closed, lasted: .seconds(90), wasSubscribed: true)
    private let short = BrokerRotation.End(fault: .closed, lasted: .seconds(1), wasSubscribed: true)
    private let hung = BrokerRotation.End(
        fault: .unacknowledged(seconds: 10), lasted: .seconds(12), wasSubscribed: true)
    private let late = BrokerRotation.End(fault: .silent)

    /// The longest pause after each of these ends, over many seeds.
    private func longest(_ count: Int, _ ends: [BrokerRotation.End]) -> [Duration] {
        var longest = [Duration](repeating: .zero, count: ends.count)
        for seed in 1...300 as ClosedRange<UInt64> {
            var (rotation, generator) = rotation(count, seed: seed)
            for (place, end) in ends.enumerated() {
                longest[place] = max(longest[place], rotation.ended(end, using: &generator).pause)
            }
        }
        return longest
    }

    @Test(
        "whichever broker of the list is lost, the others follow within a second each; only when all have failed is there a longer pause"
    )
    func failover() {
        for before in 0..<3 {
            let ends =
                [BrokerRotation.End](repeating: cut, count: before) + [
                    cut, refused, refused, refused, refused, refused,
                ]
            let pauses = longest(3, ends)
            for pause in pauses[before..<(before + 3)] { #expect(pause > .milliseconds(900) && pause <= .seconds(1)) }
            #expect(pauses[before + 3] > .milliseconds(1_500) && pauses[before + 3] <= .seconds(2), "the second round")
        }
    }

    @Test(
        "pauses grow with each round up to the longest, at a failover up to eight times the first; a lasting connection ends that"
    )
    func growing() {
        let pauses = longest(2, [BrokerRotation.End](repeating: refused, count: 20) + [cut])
        #expect(pauses[18] > .seconds(6) && pauses[18] <= .seconds(8), "from the one to the other")
        #expect(pauses[19] > .seconds(50) && pauses[19] <= .seconds(60), "all have failed ten times")
        #expect(pauses[20] <= .seconds(1))
        let alone = longest(1, [BrokerRotation.End](repeating: refused, count: 7))
        for (failures, pause) in alone.enumerated() {
            let bound = Duration.seconds(min(60, 1 << failures))
            #expect(pause <= bound && pause > bound / 2, "\(failures)")
        }
    }

    @Test("repeated failovers between brokers that accept and soon close have growing pauses too")
    func flapping() {
        let pauses = longest(2, [BrokerRotation.End](repeating: short, count: 8))
        #expect(pauses[1] <= .seconds(1) && pauses[7] > .seconds(5))
    }

    @Test("a thousand clients of a lost broker are spread over the others and over the pause")
    func spread() {
        var (targets, early) = ([BrokerAddress: Int](), 0)
        for seed in 1...1_000 as ClosedRange<UInt64> {
            var (rotation, generator) = rotation(3, .random, seed: seed)
            let lost = BrokerAddress(host: "one", port: 8883)
            guard rotation.broker == lost else { continue }
            early += rotation.ended(cut, using: &generator).pause < .milliseconds(100) ? 1 : 0
            targets[rotation.broker, default: 0] += 1
        }
        let clients = targets.values.reduce(0, +)
        #expect(clients > 250 && clients < 420, "a third begins at each")
        #expect(targets.count == 2 && targets.values.allSatisfy { $0 > clients / 3 }, "\(targets)")
        #expect(early < clients / 5, "\(early) of \(clients) within the first tenth")
    }

    @Test("the list is tried as it stands where that is wanted, and otherwise in one order that the process keeps")
    func order() {
        var (listed, generator) = rotation(3)
        var seen: [String] = []
        for _ in 0..<6 {
            seen.append(listed.broker.host)
            _ = listed.ended(refused, using: &generator)
        }
        #expect(seen == Self.names + Self.names)
        let orders = Set((1...200 as ClosedRange<UInt64>).map { rotation(3, .random, seed: $0).rotation.brokers })
        #expect(orders.count == 6)
    }

    @Test(
        "the time limit doubles after each attempt that took too long, up to eight times, until a connection has lasted"
    )
    func limit() {
        var (rotation, generator) = rotation(2)
        var limits: [Duration] = []
        for end in [refused, late, late, late, late, late, short, cut, late, cut] {
            limits.append(rotation.limit)
            _ = rotation.ended(end, using: &generator)
        }
        #expect(limits.map { $0 / .seconds(10) } == [1, 1, 2, 4, 8, 8, 8, 8, 1, 2])
        _ = rotation.ended(.init(fault: .silent, lasted: .seconds(20), wasSubscribed: true), using: &generator)
        #expect(rotation.limit == .seconds(10), "a broker that fell silent later was not too slow to accept us")
    }

    @Test(
        "the time in which a broker must acknowledge doubles likewise, and the first failover still follows within a second"
    )
    func acknowledgementLimit() {
        var (rotation, generator) = rotation(2)
        var limits: [Duration] = []
        for end in [refused, hung, late, hung, hung, hung, short, cut, hung, cut] {
            limits.append(rotation.acknowledgementLimit)
            _ = rotation.ended(end, using: &generator)
        }
        #expect(limits.map { $0 / .seconds(10) } == [1, 1, 2, 2, 4, 8, 8, 8, 1, 2])
        #expect(rotation.acknowledgementLimit == .seconds(10) && rotation.limit == .seconds(10))
        let settled = BrokerRotation.End(fault: .unacknowledged(seconds: 10), lasted: .seconds(90), wasSubscribed: true)
        #expect(longest(2, [refused, refused, refused, refused, settled])[4] <= .seconds(1))
    }

    @Test("another client with our id is suspected only where the same broker has closed three connections soon")
    func taken() {
        func faults(_ count: Int, _ ends: [BrokerRotation.End]) -> [BrokerFault] {
            var (rotation, generator) = rotation(count)
            return ends.map { rotation.ended($0, using: &generator).fault }
        }
        let taken = BrokerFault.closedAgainAndAgain(clientID: "b1")
        #expect(faults(1, [short, short, short, short]) == [.closed, .closed, taken, taken])
        #expect(faults(3, [short, short, short, short, short, short]).allSatisfy { $0 == .closed }, "a failover")
        #expect(faults(3, [BrokerRotation.End](repeating: short, count: 7)).last == taken)
        #expect(faults(1, [short, short, refused, short]).last == .closed, "it could not be reached in between")
        #expect(faults(1, [short, short, cut, short]).last == .closed, "one has lasted")
        #expect(faults(2, [short, refused, short, refused, short]).last == .closed, "another broker was down")
        let longer = BrokerRotation.End(fault: .closed, lasted: .seconds(12), wasSubscribed: true)
        #expect(
            faults(2, [short, longer, short, longer, short]).last == .closed, "it held at another broker meanwhile")
        #expect(faults(2, [short, hung, short, hung, short]).last == .closed, "another broker hung")
    }

    @Test("a link that leaves in order to return returns to the same broker at once")
    func returning() {
        var (rotation, generator) = rotation(2)
        let end = rotation.ended(
            .init(fault: .leftToReturn, lasted: .seconds(60), wasSubscribed: true), using: &generator)
        #expect(end.fault == .leftToReturn && end.pause == .zero && rotation.broker.host == "one")
    }
}
