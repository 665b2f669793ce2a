import BootTime
import Nearby
import SRUP

/// Which beacon a joining device connects to, and when, as a value: the beacon that its request names and, in a site, the other beacons
/// as well, one link at a time, until the server has answered. A beacon that gave no information is tried again in its turn, so that a
/// jammed beacon does not keep the device from the others. A beacon that has shown that it holds the value is tried again as well,
/// later: the server may ask it again, and if several beacons know the value, a captured one can impersonate another.
struct DeviceRound: Sendable {
    /// What to do next.
    enum Next: Equatable, Sendable {
        /// Open the link to `place` at this moment.
        case visit(at: Instant)
        /// No more links: the device waits for the server's answer only.
        case done
        /// No more links, because of a fault on this side.
        case fault(LinkSocketError, NearbyAddress)
    }

    /// A beacon and its address.
    struct Place: Sendable {
        let beacon: Identifier
        let address: NearbyAddress
        fileprivate var plan: LinkPlan
        fileprivate var due: Instant?
    }

    private let presentsOnce: Bool
    private var places: [Place]
    private var current = 0

    /// The current place.
    var place: Place { places[current] }

    /// A round that starts at its first place.
    /// - Precondition: at least one place.
    init(_ beacons: [(beacon: Identifier, address: NearbyAddress)], presentsOnce: Bool) {
        precondition(!beacons.isEmpty, "no beacon to go to")
        self.presentsOnce = presentsOnce
        places = beacons.map {
            Place(beacon: $0.beacon, address: $0.address, plan: LinkPlan(presentsOnce: presentsOnce), due: .boot)
        }
    }

    /// A proof has been sent over the present link.
    mutating func presented() { places[current].plan.presented() }

    /// The present link has ended.
    mutating func ended(_ how: LinkPlan.Ended, at now: Instant) -> Next {
        switch places[current].plan.after(how) {
        case .again(let pause): places[current].due = now + pause
        case .done:
            let isProved = if case .outcome(_, proved: true) = how { true } else { false }
            places[current].due = isProved && !presentsOnce ? now + LinkPlan.maximumPause : nil
        case .fault(let error):
            places[current].due = nil
            if places.allSatisfy({ $0.due == nil }) { return .fault(error, place.address) }
        }
        let next = places.indices.filter { places[$0].due != nil }.min {
            (places[$0].due ?? .boot) < (places[$1].due ?? .boot)
        }
        guard let next, let due = places[next].due else { return .done }
        current = next
        return .visit(at: max(due, now))
    }
}
