import BootTime
import Nearby
import ProofLink
import SRUP

/// One join of a load, as it went.
public struct LoadResult: Equatable, Sendable {
    /// As it was planned.
    public var planned: LoadPlan.Join
    /// Its device.
    public var device: Identifier
    /// The token that it had last.
    public var token: String
    /// How it ended.
    public var end: LoadEnd
    /// When it began and ended, since the first.
    public var began: Duration
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public var ended: Duration
    /// How many links its device has opened.
    public var links: Int
    /// The times of the steps that it has completed.
    public var times: [LoadStep: Duration]

    /// A result.
    public init(
        planned: LoadPlan.Join, device: Identifier, token: String, end: LoadEnd, began: Duration, ended: Duration,
        links: Int, times: [LoadStep: Duration]
    ) {
        (self.planned, self.device, self.token, self.end) = (planned, device, token, end)
        (self.began, self.ended, self.links, self.times) = (began, ended, links, times)
    }

    /// Whether it ended as it must.
    public var isAsExpected: Bool { end == LoadEnd(planned.behaviour.expected) }
}

/// What a load has shown: each join, and the times of each step.
public struct LoadReport: Sendable {
    /// What was wanted.
    public let plan: LoadPlan
    /// How the devices reached the beacon.
    public let transport: Transport
    /// In the order in which they ended.
    public internal(set) var results: [LoadResult] = []
    /// From connecting to CONNACK, and from SUBSCRIBE to SUBACK, of each connection to the broker.
    public internal(set) var connections: [(connect: Duration, subscribe: Duration)] = []
    /// Connections to the broker that have ended, or were not made.
    public internal(set) var lost = 0
    /// How the links have ended, and how many each.
    public internal(set) var linkEnds: [String: Int] = [:]
    /// From the first join's begin to the end of the run.
    public internal(set) var elapsed = Duration.zero
    /// The processor time of this process from the first join's begin on: near `elapsed`, the load itself is the bottleneck.
    public internal(set) var processor = Duration.zero
    /// The quantiles of each step.
    public private(set) var steps: [LoadStep: Quantiles] = [:]
    /// How late joins began: above a few milliseconds, the load has waited for its window, its devices, or its processor.
    public private(set) var delay: Quantiles?

    init(_ plan: LoadPlan, over transport: Transport) { (self.plan, self.transport) = (plan, transport) }

    /// A report of joins that have ended.
    public init(
        _ plan: LoadPlan, over transport: Transport, _ results: [LoadResult],
        connections: [(connect: Duration, subscribe: Duration)] = [], elapsed: Duration
    ) {
        self.init(plan, over: transport)
        (self.results, self.connections, self.elapsed) = (results, connections, elapsed)
        close()
    }

    mutating func add(_ join: LoadJoin, of device: Identifier, _ end: LoadEnd, since start: Instant) {
        results.append(
            LoadResult(
                planned: join.planned, device: device, token: join.token.description, end: end,
                began: join.began - start, ended: .now - start, links: join.links, times: join.moments.times))
    }

    /// Everything has come: what is made of all of it.
    mutating func close() {
        for step in LoadStep.allCases {
            let times: [Duration]
            switch step {
            case .connect: times = connections.map(\.connect)
            case .subscribe: times = connections.map(\.subscribe)
            // What a misbehaving device has to wait for says nothing about the beacon.
            case .value, .link, .hello, .challenge, .outcome, .decision, .join:
                times = results.lazy.filter { $0.planned.behaviour == .honest && $0.end == .joined }
                    .compactMap { $0.times[step] }
            }
            steps[step] = Quantiles(times)
        }
        delay = Quantiles(results.map { max(.zero, $0.began - $0.planned.at) })
        if let last = results.map(\.ended).max(), isComplete { elapsed = last }
    }

    /// How many joins ended so.
    public func count(_ end: LoadEnd) -> Int { results.count { $0.end == end } }

    /// A link's end in a few words, which are the same for all links that end so.
    static func name(of how: LinkPlan.Ended) -> String {
        switch how {
        case .unreachable: "not connected"
        case .outcome(let outcome, _): "outcome \(outcome)"
        case .left(let why): "left: \(why)"
        case .closed: "closed without an outcome"
        case .cut: "cut before HELLO"
        }
    }

    /// Whether every join has ended by itself.
    public var isComplete: Bool { results.count == plan.joins.count && count(.interrupted) == 0 }

    /// Joins that did not end as their behaviour requires; those that were interrupted do not count.
    public var unexpected: Int { results.count { !$0.isAsExpected && $0.end != .interrupted } }

    /// Joins that ended with the server's answer, a second.
    public var rate: Double {
        let decided = count(.joined) + count(.refused) + count(.failed)
        return elapsed > .zero ? Double(decided) / elapsed.inSeconds : 0
    }

    /// `960 joined, 40 refused`.
    public var ends: String {
        let found = LoadEnd.allCases.compactMap { end in count(end) > 0 ? "\(count(end)) \(end.rawValue)" : nil }
        return found.isEmpty ? "none" : found.joined(separator: ", ")
    }

    /// The command's exit status: 0 if every join ended as it must, 10 if one did not, 12 if some have not ended.
    public var status: Int32 { unexpected > 0 ? 10 : isComplete ? 0 : 12 }
}

// MARK: - For people

extension LoadReport {
    /// The lines for standard output, without a program's name.
    public var lines: [String] {
        var lines = [
            "\(plan.settings.devices) devices, \(transport.rawValue), \(modes), \(pace), seed \(plan.settings.seed)",
            "behaviour  planned  as it must  otherwise",
        ]
        for behaviour in LoadBehaviour.allCases where plan.count(behaviour) > 0 {
            let ended = results.filter { $0.planned.behaviour == behaviour && $0.end != .interrupted }
            let good = ended.count { $0.isAsExpected }
            lines.append(
                padded(behaviour.rawValue, 9, isLeft: true) + padded(plan.count(behaviour), 9) + padded(good, 12)
                    + padded(ended.count - good, 11))
        }
        lines.append("step         count       p50       p90       p99       max   ms, of honest joins")
        for step in LoadStep.allCases {
            guard let times = steps[step] else { continue }
            lines.append(row(step.rawValue, times))
        }
        if let delay { lines.append(row("late", delay)) }
        if !linkEnds.isEmpty {
            let ends = linkEnds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
            lines.append("links: \(ends.joined(separator: ", "))")
        }
        if lost > 0 { lines.append("\(lost) connections to the broker were lost") }
        return lines + [summary]
    }

    private var summary: String {
        let missing = plan.joins.count - results.count { $0.end != .interrupted }
        let rest = missing > 0 ? "; \(missing) have not ended" : ""
        return "\(results.count { $0.end != .interrupted }) joins in \(decimals(elapsed.inSeconds, 1)) s, "
            + "\(decimals(rate, 1)) a second: \(ends)\(rest)"
    }

    private func row(_ name: String, _ times: Quantiles) -> String {
        let numbers = [times.p50, times.p90, times.p99, times.max].map { padded(Diagram.milliseconds($0), 10) }
        return padded(name, 9, isLeft: true) + padded(times.count, 9) + numbers.joined()
    }

    /// `keyed and challenge`.
    var modes: String { plan.settings.modes.map(\.description).joined(separator: " and ") }

    /// `burst`, `50 a second`.
    var pace: String {
        switch plan.settings.pace {
        case .burst: "burst"
        case .rate(let rate): "\(decimals(rate, rate == rate.rounded() ? 0 : 3)) a second"
        }
    }

    private func padded(_ value: some CustomStringConvertible, _ width: Int, isLeft: Bool = false) -> String {
        let text = value.description
        let blanks = String(repeating: " ", count: max(0, width - text.count))
        return isLeft ? text + blanks : blanks + text
    }
}

/// A number with so many decimals, rounded.
func decimals(_ number: Double, _ places: Int) -> String {
    let factor = (0..<places).reduce(1) { product, _ in product * 10 }
    let scaled = Int64((number * Double(factor)).rounded())
    guard places > 0 else { return "\(scaled)" }
    let rest = String(String(scaled.magnitude % UInt64(factor) + UInt64(factor)).dropFirst())
    return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt64(factor)).\(rest)"
}
