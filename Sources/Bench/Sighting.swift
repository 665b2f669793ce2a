import Bluetooth
import Nearby
import ProofLink
import SRUP

/// A beacon that was found over Bluetooth LE. None of this is proven.
public struct Sighting: Equatable, Sendable {
    /// The content of its advertisement.
    public var announcement: Announcement
    /// Its address.
    public var address: RadioAddress
    /// The signal strength of its strongest advertisement in dBm; nil if the adapter does not report it.
    public var signal: Int8?
    /// This machine's adapter that received that one.
    public var adapter: BluetoothAddress

    /// One line for people.
    public var text: String {
        let beacon = announcement.beacon?.description ?? "(private)"
        let psm = announcement.lePSM == 0 ? "no LE link" : "LE PSM 0x\(String(announcement.lePSM, radix: 16))"
        return "\(beacon)  \(address)  \(signal.map { "\($0) dBm" } ?? "signal unknown")  \(psm)  heard by \(adapter)"
    }

    /// One JSON object. Its strings need no escaping.
    public var json: String {
        let beacon = announcement.beacon.map { "\"\($0)\"" } ?? "null"
        return "{\"beacon\":\(beacon),\"address\":\"\(address.address)\",\"kind\":\"\(address.kind.rawValue)\","
            + "\"signal_dbm\":\(signal.map { "\($0)" } ?? "null"),\"le_psm\":\(announcement.lePSM),"
            + "\"adapter\":\"\(adapter)\"}"
    }

    /// The link's address over a transport; nil if the beacon cannot be reached over it.
    public func link(over transport: Transport) -> NearbyAddress? {
        switch transport {
        case .le:
            // Zero: it does not listen. Others are no dynamic PSM (Core, vol. 3, part A, 4.22), and a connect to one would fail here.
            guard (0x80...0xFF).contains(announcement.lePSM) else { return nil }
            return .le(address.address, psm: announcement.lePSM, random: address.kind == .leRandom)
        case .rfcomm where address.kind == .lePublic:
            return .rfcomm(address.address, channel: NearbyAddress.defaultChannel)
        case .l2cap where address.kind == .lePublic: return .l2cap(address.address, psm: NearbyAddress.defaultPSM)
        // A beacon with a random LE address cannot be reached over BR/EDR at that address.
        case .rfcomm, .l2cap, .local: return nil
        }
    }

    /// Whether its signal is weaker than another's; an unknown signal is the weakest.
    func isWeaker(than other: Sighting) -> Bool {
        (signal ?? .min, address.address.description) < (other.signal ?? .min, other.address.address.description)
    }
}

extension [Sighting] {
    /// More are not tried: anyone can advertise any identity, and thousands of private beacons.
    static var mostCandidates: Int { 8 }

    /// Where a device can try to find a beacon, the strongest signal first, at most eight places.
    /// - Parameter beacon: those that advertise this identity, then those that advertise none and may be it; nil: the strongest of all,
    ///   and the others that advertise the same identity.
    public func candidates(for beacon: Identifier?) -> [Sighting] {
        let sorted = sorted { $1.isWeaker(than: $0) }
        guard let strongest = sorted.first else { return [] }
        guard let identity = beacon ?? strongest.announcement.beacon else { return [strongest] }
        let named = sorted.filter { $0.announcement.beacon == identity }
        let nameless = sorted.filter { $0.announcement.beacon == nil }
        return Array((beacon == nil ? named : named + nameless).prefix(Self.mostCandidates))
    }
}
