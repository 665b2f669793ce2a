import Bluetooth
import BootTime
import Nearby
import SRUP

/// A beacon, and where a device connects to it.
public struct BeaconPlace: Equatable, Sendable {
    /// Who it is.
    public var beacon: Identifier
    /// The address of its link.
    public var address: NearbyAddress
    /// The local Bluetooth adapter; `.any`: any adapter.
    public var adapter: BluetoothAddress

    /// A place.
    public init(_ beacon: Identifier, _ address: NearbyAddress, from adapter: BluetoothAddress = .any) {
        (self.beacon, self.address, self.adapter) = (beacon, address, adapter)
    }
}

/// Which beacon a joining device connects to, and when, as a value: the beacon that its request names and, in a site, the other beacons
/// as well, one link at a time, until the server has answered. One beacon may have several places, if it is not known which of those that
/// were found it is: after one that is another beacon, the next one is tried at once. A beacon that gave no information is tried again in its turn, so that a
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

    private struct Visit {
        let place: BeaconPlace
        var plan: LinkPlan
        var due: Instant?
    }

    private let presentsOnce: Bool
    private var places: [Visit]
    private var current = 0

    /// The current place. There must be one.
    var place: BeaconPlace { places[current].place }

    /// A round that starts at its first place; without one, nothing else may be called.
    init(_ beacons: [BeaconPlace], presentsOnce: Bool) {
        self.presentsOnce = presentsOnce
        places = beacons.map { Visit(place: $0, plan: LinkPlan(presentsOnce: presentsOnce), due: .boot) }
    }

    /// A proof has been sent over the present link.
    mutating func presented() { places[current].plan.presented() }

    /// The present link has ended.
    mutating func ended(_ how: LinkPlan.Ended, at now: Instant) -> Next {
        switch places[current].plan.after(how) {
        case .again(let pause): places[current].due = now + pause
        case .done:
            let isProved = if case .outcome(_, proved: true) = how { true } else { false }
            // It is this one, or one that holds the same value and speaks in its name: the other places are tried later, too.
            let later = isProved && !presentsOnce ? now + LinkPlan.maximumPause : nil
            for index in places.indices where places[index].place.beacon == place.beacon && places[index].due == .boot {
                places[index].due = later
            }
            places[current].due = later
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
