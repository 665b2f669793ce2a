import BootTime
import Nearby
import ProofLink
import SRUP
import Testing

@testable import Bench

@Suite("Where a device goes, and when")
struct DeviceRoundTests {
    private static func places(_ count: Int) -> [BeaconPlace] {
        (1...count).map { BeaconPlace(Identifier(UInt64($0)), .local(path: "/\($0)")) }
    }

    private let valid = LinkPlan.Ended.outcome(.valid, proved: true)

    @Test("a beacon that has proved itself is visited again after 10 s, and one that has not is tried again soon")
    func one() {
        var round = DeviceRound(Self.places(1), presentsOnce: false)
        #expect(round.ended(.outcome(.valid, proved: false), at: 0) == .visit(at: .milliseconds(500)))
        #expect(round.ended(.closed, at: .seconds(1)) == .visit(at: .seconds(2)))
        #expect(round.ended(valid, at: .seconds(2)) == .visit(at: .seconds(12)))
        var once = DeviceRound(Self.places(1), presentsOnce: true)
        once.presented()
        #expect(once.ended(.outcome(.invalid, proved: false), at: 0) == .done)
    }

    @Test("of several beacons, the next is visited at once, and those that have proved themselves again after 10 s")
    func several() {
        var round = DeviceRound(Self.places(3), presentsOnce: false)
        var visited = [round.place.beacon.number]
        for moment in 0..<3 {
            _ = round.ended(valid, at: Instant(nanoseconds: Int64(moment)))
            visited.append(round.place.beacon.number)
        }
        #expect(visited == [1, 2, 3, 1])
        #expect(round.ended(valid, at: .seconds(20)) == .visit(at: .seconds(20)))
        #expect(round.place.beacon == Identifier(2))
    }

    @Test("a beacon that gives no information does not keep the device from the others")
    func jammed() {
        var round = DeviceRound(Self.places(2), presentsOnce: false)
        var visited: [UInt64] = []
        var now: Instant = 0
        for _ in 0..<6 {
            visited.append(round.place.beacon.number)
            let how: LinkPlan.Ended = round.place.beacon == Identifier(1) ? .outcome(.busy, proved: false) : valid
            guard case .visit(let next) = round.ended(how, at: now) else { break }
            now = next
        }
        #expect(visited.count == 6 && visited.prefix(3) == [1, 2, 1] && now >= .seconds(7))
    }

    @Test("an address that cannot be reached for a reason on our side is dropped, and is a fault if it is the last")
    func faults() {
        var round = DeviceRound(Self.places(2), presentsOnce: false)
        #expect(round.ended(.unreachable(.noBluetooth), at: 0) == .visit(at: 0))
        #expect(round.place.beacon == Identifier(2))
        #expect(round.ended(.unreachable(.noBluetooth), at: 0) == .fault(.noBluetooth, .local(path: "/2")))
    }

    @Test(
        "of several places that may be one beacon, the next is tried at once after another identity, until one proves itself"
    )
    func candidates() {
        let site = BeaconPlace(Identifier(9), .local(path: "/site"))
        let places = (1...3).map { BeaconPlace(Identifier(1), .local(path: "/\($0)")) }
        var round = DeviceRound(places + [site], presentsOnce: false)
        let wrong = LinkPlan.Ended.left("this is beacon 2, not the observer that the join names")
        #expect(round.place == places[0])
        #expect(round.ended(wrong, at: .seconds(1)) == .visit(at: .seconds(1)) && round.place == places[1])
        #expect(round.ended(valid, at: .seconds(2)) == .visit(at: .seconds(2)) && round.place == site)
        // One that holds the value can speak in another's name, so the other places are tried as well, later.
        var visited: Set<NearbyAddress> = []
        for moment in [Instant.seconds(3), .seconds(13), .seconds(23), .seconds(33)] {
            guard case .visit = round.ended(valid, at: moment) else { break }
            visited.insert(round.place.address)
        }
        #expect(visited.isSuperset(of: places.map(\.address)))
    }
}
