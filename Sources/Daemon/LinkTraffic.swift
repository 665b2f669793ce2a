import Bluetooth
import BootTime
import ProofLink

/// When each transport of each adapter last carried something that a device sent: a radio that is deaf carries nothing, and looks well
/// otherwise.
struct LinkTraffic {
    /// A transport, and the adapter that carries it; nil: it needs none.
    struct Way: Hashable {
        let transport: Transport
        let adapter: BluetoothAddress?
    }

    /// nil: not since the start.
    struct Moments: Equatable {
        var lastLink: Instant
        var lastPacket: Instant?
    }

    /// Adapters come and go: the ways that were used longest ago are forgotten.
    static let rememberedWays = 32

    private(set) var ways: [Way: Moments] = [:]

    /// A device has connected.
    mutating func opened(_ transport: Transport, over adapter: BluetoothAddress?, at now: Instant) {
        ways[Way(transport: transport, adapter: adapter), default: Moments(lastLink: now)].lastLink = now
        guard ways.count > LinkTraffic.rememberedWays,
            let oldest = ways.min(by: { $0.value.lastLink < $1.value.lastLink })
        else { return }
        ways[oldest.key] = nil
    }

    /// A device has sent something over its link.
    mutating func received(_ transport: Transport, over adapter: BluetoothAddress?, at now: Instant) {
        ways[Way(transport: transport, adapter: adapter)]?.lastPacket = now
    }

    /// By transport and adapter.
    var sorted: [(way: Way, moments: Moments)] {
        func name(_ way: Way) -> String { "\(way.transport.rawValue) \(way.adapter?.description ?? "")" }
        return ways.map { ($0.key, $0.value) }.sorted { name($0.way) < name($1.way) }
    }

    /// What `status` tells of it.
    func report(at now: Instant) -> [TrafficReport] {
        sorted.map { way, moments in
            TrafficReport(
                transport: way.transport, adapter: way.adapter?.description,
                lastLinkSecondsAgo: (now - moments.lastLink).components.seconds,
                lastPacketSecondsAgo: moments.lastPacket.map { (now - $0).components.seconds })
        }
    }
}

/// When devices last used a transport of an adapter, since the start.
package struct TrafficReport: Codable, Equatable, Sendable {
    package var transport: Transport
    /// nil: the transport needs none.
    package var adapter: String?
    package var lastLinkSecondsAgo: Int64
    /// nil: no device has sent anything.
    package var lastPacketSecondsAgo: Int64?

    /// The transport, and the adapter where there is one.
    package var way: String { transport.rawValue + (adapter.map { " on \($0)" } ?? "") }

    /// For a person.
    package var times: String {
        "last link \(lastLinkSecondsAgo) s ago, "
            + (lastPacketSecondsAgo.map { "last packet \($0) s ago" } ?? "no packet yet")
    }

    package var text: String { "\(way): \(times)" }
}
