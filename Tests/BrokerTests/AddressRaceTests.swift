import BootTime
import EventLoop
import Testing

@testable import Broker

@Suite("The race of a name's addresses")
struct AddressRaceTests {
    private static let start = Instant(nanoseconds: 7_000_000_000)

    private func after(_ milliseconds: Int64) -> Instant { Self.start + .milliseconds(milliseconds) }

    @Test("the families take turns, beginning with the resolver's first; no address is tried twice")
    func order() {
        #expect(HostAddresses.ordered(["::1", "127.0.0.1"]) == ["::1", "127.0.0.1"])
        #expect(HostAddresses.ordered(["10.0.0.1", "10.0.0.2", "::2", "10.0.0.1"]) == ["10.0.0.1", "::2", "10.0.0.2"])
        #expect(HostAddresses.ordered(["::1", "::2", "::3", "10.0.0.1"]) == ["::1", "10.0.0.1", "::2", "::3"])
        #expect(HostAddresses.ordered([]) == [])
    }

    @Test("at most eight addresses of a name are tried, and both families are among them")
    func bound() {
        let found = (1...20).map { "fd00::\($0)" } + ["10.0.0.1"]
        #expect(HostAddresses.ordered(found) == ["fd00::1", "10.0.0.1"] + (2...7).map { "fd00::\($0)" })
    }

    @Test("an address literal leads to itself, and a name without an address is reported")
    func lookUp() throws {
        #expect(try HostAddresses.lookUp("127.0.0.7") == ["127.0.0.7"])
        #expect(try HostAddresses.lookUp("::1") == ["::1"])
        #expect(throws: BrokerFault.unknownHost("broker.invalid")) { try HostAddresses.lookUp("broker.invalid") }
    }

    @Test("a silent address has 250 ms before the next one begins beside it")
    func stagger() {
        var race = AddressRace(["a", "b", "c"])
        #expect(race.step(at: after(0)) == .begin("a"))
        #expect(race.step(at: after(0)) == .wait(until: after(250)))
        #expect(race.step(at: after(249)) == .wait(until: after(250)))
        #expect(race.step(at: after(250)) == .begin("b"))
        #expect(race.step(at: after(499)) == .wait(until: after(500)))
        #expect(race.step(at: after(500)) == .begin("c"))
        #expect(race.step(at: after(9_000)) == .wait(until: nil))
        race.timedOut()
        #expect(race.step(at: after(9_000)) == .over && race.fault == .silent)
    }

    @Test("after a refusal the next one begins at once, and when the last has failed the race is over")
    func refusals() {
        var race = AddressRace(["a", "b", "c"])
        #expect(race.step(at: after(0)) == .begin("a"))
        race.failed("a", .unreachable("no"))
        #expect(race.step(at: after(1)) == .begin("b"))
        #expect(race.step(at: after(251)) == .begin("c"))
        race.failed("b", .unreachable("no"))
        #expect(race.step(at: after(252)) == .wait(until: nil))
        race.failed("c", .unreachable("no"))
        #expect(race.step(at: after(253)) == .over && race.fault == .unreachable("no"))
    }

    @Test(
        "where the first to take the connection fails after all, the others are tried, and those that had not begun come first"
    )
    func afterTheWinner() {
        var race = AddressRace(["a", "b", "c"])
        #expect(race.step(at: after(0)) == .begin("a"))
        #expect(race.step(at: after(250)) == .begin("b"))
        #expect(race.won("b") == ["a"])
        #expect(!race.isUnderWay("a") && race.isUnderWay("b"))
        race.failed("b", .closed, wasReached: true)
        #expect(race.step(at: after(260)) == .begin("c"))
        race.failed("c", .unreachable("no"))
        #expect(race.step(at: after(270)) == .begin("a"))
        race.failed("a", .unreachable("no"))
        #expect(race.step(at: after(280)) == .over && race.fault == .closed)
    }

    @Test("after the time for connecting no other address begins")
    func time() {
        var race = AddressRace(["a", "b"])
        #expect(race.step(at: after(0)) == .begin("a"))
        race.timedOut()
        #expect(race.step(at: after(1)) == .over)
    }

    @Test("without an address there is nothing to wait for")
    func empty() {
        var race = AddressRace([])
        #expect(race.step(at: after(0)) == .over)
    }

    @Test("what is reported is of the address that came furthest, whatever their order")
    func faults() {
        let faults: [(String, BrokerFault, Bool)] = [
            ("a", .unreachable("no"), false), ("b", .silent, true), ("c", .tls("why"), true), ("d", .silent, false),
            ("e", .refused(code: 5), true), ("f", .refused(code: 4), true),
        ]
        for order in [faults, faults.reversed()] {
            var race = AddressRace([])
            for (address, fault, wasReached) in order { race.failed(address, fault, wasReached: wasReached) }
            #expect(race.fault == .refused(code: 5))
        }
    }

    @Test("where none took a connection, each address is named with its reason, in one order")
    func reasons() {
        for order in [["::1", "127.0.0.1"], ["127.0.0.1", "::1"]] {
            var race = AddressRace(order)
            race.failed(order[0], order[0] == "::1" ? .unreachable("no route") : .silent)
            race.failed(order[1], order[1] == "::1" ? .unreachable("no route") : .silent)
            #expect(race.fault == .unreachable("127.0.0.1: no answer; ::1: no route"))
        }
    }
}
