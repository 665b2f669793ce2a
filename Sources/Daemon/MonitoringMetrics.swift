import Bluetooth
import BootTime

// What shows that a beacon receives nothing, that it starts again and again, is paused, or will lose its broker.
extension DaemonState {
    func addMonitoring(to out: inout Exposition) {
        out.add(
            "start_timestamp_seconds", "gauge", "When it was started, since 1970.", Double(startedAtWallSeconds))
        let known = (try? journal?.servers()) ?? []
        out.add(
            "server_paused", "gauge", "1: this server has paused the beacon.",
            configuration.servers.keys.sorted { $0.number < $1.number }.map { id in
                ([("server", id.description)], known.contains { $0.server == id && $0.isPaused } ? 1 : 0)
            })
        let certificates = broker.link?.brokerCertificates ?? [:]
        out.add(
            "broker_certificate_not_after_seconds", "gauge",
            "End of the broker's certificate, as the last connection has shown it, since 1970.",
            certificates.map { ([("broker", $0.key.description)], Double($0.value)) }
                .sorted { $0.labels[0].1 < $1.labels[0].1 })
        addTraffic(to: &out)
        addNeighbours(to: &out)
    }

    /// Since 1970, by the wall clock of now: it may have been set since.
    private func timestamp(_ moment: Instant) -> Double { Double(wallSeconds() - (now - moment).components.seconds) }

    private func addTraffic(to out: inout Exposition) {
        let ways = links.traffic.sorted.map { way, moments in
            (
                labels: [("transport", way.transport.rawValue), ("adapter", way.adapter?.description ?? "")],
                moments: moments
            )
        }
        out.add(
            "last_link_timestamp_seconds", "gauge", "When a device last connected, since 1970.",
            ways.map { ($0.labels, timestamp($0.moments.lastLink)) })
        out.add(
            "last_packet_timestamp_seconds", "gauge", "When a device last sent something over a link, since 1970.",
            ways.compactMap { way in way.moments.lastPacket.map { (way.labels, timestamp($0)) } })
    }

    private func addNeighbours(to out: inout Exposition) {
        let watch = neighbours?.watch
        let all = (watch?.neighbours ?? [:]).sorted { $0.key.number < $1.key.number }
        out.add(
            "neighbour_heard", "gauge", "0: this neighbour has not been heard for the limit.",
            all.map { ([("neighbour", $0.key.description)], watch?.isHeard($0.key) == true ? 1 : 0) })
        out.add(
            "neighbour_hears", "gauge", "0: this neighbour says that it hears none of its own neighbours.",
            all.compactMap { identity, neighbour in
                neighbour.hearing.map { ([("neighbour", identity.description)], $0.isNone ? 0 : 1) }
            })
        out.add(
            "neighbour_last_heard_timestamp_seconds", "gauge", "When this neighbour was last heard, since 1970.",
            all.flatMap { identity, neighbour in
                neighbour.byAdapter.sorted { $0.key.description < $1.key.description }.map {
                    ([("neighbour", identity.description), ("adapter", $0.key.description)], timestamp($0.value))
                }
            })
        out.add(
            "radio_deaf", "gauge", "1: none of the neighbours is heard; 0 if there is only one.",
            watch.map { [([], $0.isDeaf ? 1 : 0)] } ?? [])
    }
}
