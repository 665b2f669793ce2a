import BootTime
import EventLoop
import Glibc
import Observing
import ProofLink
import Synchronization

/// What the beacon counts and times, since its start. The text that it becomes is Prometheus' exposition format 0.0.4.
struct Metrics {
    var opened = 0
    var verdicts: [Verdict: Int] = [:]
    var reasons: [Reason: Int] = [:]
    var grades: [Evidence.Grade: Int] = [:]
    var linksOpened: [Transport: Int] = [:]
    var brokerConnections = 0
    var brokerSessionsLost = 0
    /// What was refused, by the reason's name: messages, proofs and links.
    var refused: [String: Int] = [:]
    /// From the bytes of a proof to the PUBLISH of the verdict that it decides, written to the broker's connection.
    let proofToPublish = Histogram()
    /// From OBSERVE_REQ, read from the broker's connection, to an open observation, with which a device can be challenged.
    let requestToChallenge = Histogram()
}

/// Counts durations by how long they were; from any thread.
final class Histogram: Sendable {
    /// Seconds. One RSA signature and one sync of a disk are in the middle.
    static let bounds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5]

    private struct Counts {
        var upTo = [Int](repeating: 0, count: Histogram.bounds.count)
        var all = 0
        var sum = 0.0
    }
    private let counts = Mutex(Counts())

    func add(_ duration: Duration) {
        let seconds = duration.inSeconds
        counts.withLock { counts in
            counts.all += 1
            counts.sum += seconds
            for (index, bound) in Histogram.bounds.enumerated() where seconds <= bound { counts.upTo[index] += 1 }
        }
    }

    var snapshot: (upTo: [Int], all: Int, sum: Double) { counts.withLock { ($0.upTo, $0.all, $0.sum) } }
}

/// Writes metrics as Prometheus reads them.
struct Exposition {
    private(set) var text = ""

    /// One value for each set of labels.
    mutating func add(
        _ name: String, _ type: String, _ help: String, _ values: [(labels: [(String, String)], value: Double)]
    ) {
        begin(name, type, help)
        for (labels, value) in values { line(name, labels, value) }
    }

    mutating func add(_ name: String, _ type: String, _ help: String, _ value: Double) {
        add(name, type, help, [([], value)])
    }

    mutating func add(_ name: String, _ help: String, _ histogram: Histogram) {
        begin(name, "histogram", help)
        let counts = histogram.snapshot
        for (bound, count) in zip(Histogram.bounds, counts.upTo) {
            line(name + "_bucket", [("le", "\(bound)")], Double(count))
        }
        line(name + "_bucket", [("le", "+Inf")], Double(counts.all))
        line(name + "_sum", [], counts.sum)
        line(name + "_count", [], Double(counts.all))
    }

    private mutating func begin(_ name: String, _ type: String, _ help: String) {
        text += "# HELP srup_beacon_\(name) \(help)\n# TYPE srup_beacon_\(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        func escaped(_ text: String) -> String {
            text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        }
        let inside = labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
        let number = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
        text += "srup_beacon_\(name)\(inside.isEmpty ? "" : "{\(inside)}") \(number)\n"
    }
}

extension Metrics {
    func addCounters(to out: inout Exposition) {
        out.add("observations_opened_total", "counter", "Requests that were taken up.", Double(opened))
        out.add(
            "verdicts_total", "counter", "Answers, by verdict.",
            Verdict.allCases.map { ([("verdict", $0.rawValue)], Double(verdicts[$0] ?? 0)) })
        out.add(
            "verdict_reasons_total", "counter", "Answers, by reason.",
            Reason.allCases.map { ([("reason", $0.rawValue)], Double(reasons[$0] ?? 0)) })
        out.add(
            "valid_total", "counter", "Answers *valid*, by the grade of their evidence.",
            Evidence.Grade.allCases.map { ([("grade", $0.rawValue)], Double(grades[$0] ?? 0)) })
        out.add(
            "links_opened_total", "counter", "Links of devices, by transport.",
            Transport.allCases.map { ([("transport", $0.rawValue)], Double(linksOpened[$0] ?? 0)) })
        out.add(
            "refused_total", "counter", "Messages, proofs and links that were refused, by reason.",
            refused.sorted { $0.key < $1.key }.map { ([("reason", $0.key)], Double($0.value)) })
        out.add("broker_connections_total", "counter", "Connections that were made.", Double(brokerConnections))
        out.add(
            "broker_sessions_lost_total", "counter", "Connections to a broker that had lost this beacon's session.",
            Double(brokerSessionsLost))
    }

    func addLatencies(to out: inout Exposition) {
        out.add(
            "proof_to_publish_seconds", "From a proof that decides to its verdict's PUBLISH, written.", proofToPublish)
        out.add(
            "request_to_challenge_seconds", "From OBSERVE_REQ to an observation that is open.", requestToChallenge)
    }
}

extension DaemonState {
    /// Everything, as Prometheus reads it.
    var exposition: String {
        var out = Exposition()
        out.add(
            "info", "gauge", "Which beacon this is, its version, name and site, and the hash of its configuration.",
            [(information, 1)])
        out.add("up_seconds", "gauge", "Since the start.", Double((now - startedAt).components.seconds))
        reports.metrics.addCounters(to: &out)
        addGauges(&out)
        addMonitoring(to: &out)
        reports.metrics.addLatencies(to: &out)
        return out.text
    }

    /// A label without a value is the same to Prometheus as none.
    private var information: [(String, String)] {
        let place = [("name", configuration.place.name), ("site", configuration.place.site)]
        return [("identity", configuration.identity.description), ("version", Shell.version)]
            + place.compactMap { name, value in value.map { (name, $0) } } + [("configuration", configuration.hash)]
    }

    private func addGauges(_ out: inout Exposition) {
        out.add("broker_connected", "gauge", "1: connected and subscribed.", broker.isConnected ? 1 : 0)
        out.add(
            "broker_session_held", "gauge", "1: this broker keeps what is published for the beacon while it is away.",
            brokerVisits.held.map { ([("broker", $0.broker.description)], $0.isHeld ? 1 : 0) })
        out.add(
            "server_member", "gauge", "1: joined to this server.",
            configuration.servers.keys.sorted { $0.number < $1.number }.map {
                ([("server", $0.description)], observer.memberships[$0]?.isMember == true ? 1 : 0)
            })
        out.add(
            "server_set_aside", "gauge", "1: the broker closes the connection for messages to this server.",
            configuration.servers.keys.sorted { $0.number < $1.number }.map {
                ([("server", $0.description)], broker.publishing.setAside[$0] == nil ? 0 : 1)
            })
        out.add("observations_open", "gauge", "Without a verdict yet.", Double(observer.openObservations))
        out.add("links_open", "gauge", "Links of devices.", Double(observer.openLinks))
        out.add(
            "outbox", "gauge", "Messages that no broker has acknowledged.", Double((try? journal?.outboxCount()) ?? 0))
        out.add("journal_writable", "gauge", "0: nothing is acted on.", journal == nil ? 0 : 1)
        out.add(
            "listening", "gauge", "1: listened on, by transport and address.",
            listeners.listeners.map {
                (
                    [("transport", $0.wanted.address.transport.rawValue), ("address", $0.wanted.address.description)],
                    $0.socket == nil ? 0 : 1
                )
            })
        out.add(
            "adapter_ready", "gauge", "1: powered, set up, and well.",
            adapters.adapters.values.filter { $0.supervisor.state != .notWanted }.map {
                let address = $0.supervisor.information?.address.description ?? "unknown"
                return ([("adapter", address)], $0.supervisor.state == .ready ? 1 : 0)
            })
        out.add(
            "adapter_advertising", "gauge", "1: it sends the beacon's LE advertisement; 0: it does not, and should.",
            adapters.adapters.values.filter { $0.supervisor.shouldAdvertise }.map {
                let address = $0.supervisor.information?.address.description ?? "unknown"
                return ([("adapter", address)], $0.supervisor.isAdvertising ? 1 : 0)
            })
        out.add(
            "certificate_renewal_failures", "gauge", "Attempts to renew the client certificate that failed in a row.",
            Double(renewal?.presentFailure?.count ?? 0))
        if let notAfter = certificate?.notAfter {
            out.add(
                "certificate_not_after_seconds", "gauge", "End of the client certificate, since 1970.", Double(notAfter)
            )
        }
    }
}
