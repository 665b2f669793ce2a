/// The wall clocks of several boots, compared by the messages that two of them have recorded: one its sending, the other its arrival. As
/// with NTP, the quickest message in each direction bounds the offset.
struct ClockComparison {
    private struct Moment {
        let boot: String
        let wall: Int64
    }

    /// Offsets that the operator has given, by boot.
    var stated: [String: Int64] = [:]
    private let reference: String
    /// The boots, in the order in which they were met.
    private var boots: [String] = []
    /// Wall clock minus boot clock, by boot: of its first line, so that a wall clock that is set later does not change the order.
    private var differences: [String: Int64] = [:]
    private var sent: [MessageKey: [Moment]] = [:]
    private var received: [MessageKey: [Moment]] = [:]

    init(reference: String) { self.reference = reference }

    mutating func note(_ line: TraceLine) {
        guard let boot = line.boot, let wall = line.wallMicroseconds else { return }
        if differences[boot] == nil {
            boots.append(boot)
            differences[boot] = wall &- line.atMicroseconds
        }
        guard line.via == .mqtt, let isSent = line.isSent, let difference = differences[boot] else { return }
        let moment = Moment(boot: boot, wall: line.atMicroseconds &+ difference)
        if isSent {
            sent[MessageKey(line), default: []].append(moment)
        } else {
            received[MessageKey(line), default: []].append(moment)
        }
    }

    /// The wall clock of the reference at a moment of its boot clock.
    func wall(ofReference moment: Int64) -> Int64? { differences[reference].map { moment &+ $0 } }

    /// What must be added to the times of each boot to get those of the reference.
    func shifts(_ clocks: [TraceMerge.Clock]) -> [String: Int64] {
        guard let base = differences[reference] else { return [:] }
        return clocks.reduce(into: [:]) { shifts, clock in
            shifts[clock.boot] = (differences[clock.boot] ?? base) &- clock.offset &- base
        }
    }

    /// The clock of each boot other than the reference. A boot may have exchanged messages only with another one that is known by then.
    func clocks() -> [TraceMerge.Clock] {
        var known = [reference: TraceMerge.Clock(boot: reference, offset: 0, source: .stated)]
        var missing = boots.filter { $0 != reference }
        for (boot, offset) in stated { known[boot] = TraceMerge.Clock(boot: boot, offset: offset, source: .stated) }
        let quickest = quickest()
        missing.removeAll { known[$0] != nil }
        while let (boot, clock) = missing.lazy.compactMap({ boot in
            estimate(boot, known, quickest).map { (boot, $0) }
        }).first {
            known[boot] = clock
            missing.removeAll { $0 == boot }
        }
        for boot in missing { known[boot] = TraceMerge.Clock(boot: boot, offset: 0, source: .unknown) }
        return boots.compactMap { $0 == reference ? nil : known[$0] }
    }

    private struct Way: Hashable {
        let from: String
        let to: String
    }

    /// Of the messages from one boot to another: the smallest difference between the wall clocks at arrival and sending, and their number.
    private func quickest() -> [Way: (difference: Int64, count: Int)] {
        var ways: [Way: (difference: Int64, count: Int)] = [:]
        for (key, departures) in sent {
            for (departure, arrival) in zip(departures, received[key] ?? []) where departure.boot != arrival.boot {
                let way = Way(from: departure.boot, to: arrival.boot)
                let difference = arrival.wall &- departure.wall
                let before = ways[way] ?? (difference, 0)
                ways[way] = (min(before.difference, difference), before.count + 1)
            }
        }
        return ways
    }

    private func estimate(
        _ boot: String, _ known: [String: TraceMerge.Clock], _ ways: [Way: (difference: Int64, count: Int)]
    ) -> TraceMerge.Clock? {
        for (other, base) in known.sorted(by: { $0.key < $1.key }) {
            let (there, back) = (ways[Way(from: other, to: boot)], ways[Way(from: boot, to: other)])
            switch (there, back) {
            case (let there?, let back?):
                let offset = (there.difference &- back.difference) / 2
                let within = max(0, (there.difference &+ back.difference) / 2)
                return TraceMerge.Clock(
                    boot: boot, offset: base.offset &+ offset,
                    source: base.source.through(within: within, messages: there.count + back.count))
            case (let there?, nil):
                return TraceMerge.Clock(
                    boot: boot, offset: base.offset &+ there.difference, source: .oneWay(messages: there.count))
            case (nil, let back?):
                return TraceMerge.Clock(
                    boot: boot, offset: base.offset &- back.difference, source: .oneWay(messages: back.count))
            case (nil, nil): continue
            }
        }
        return nil
    }
}

extension TraceMerge.Source {
    /// How well a clock is known that was compared with this one in both directions: not better than this one.
    fileprivate func through(within: Int64, messages: Int) -> TraceMerge.Source {
        switch self {
        case .stated, .unknown: .estimated(within: within, messages: messages)
        case .estimated(let base, _): .estimated(within: base &+ within, messages: messages)
        case .oneWay: .oneWay(messages: messages)
        }
    }
}

extension TraceMerge.Clock: CustomStringConvertible {
    /// One line for the operator.
    public var description: String {
        let ahead = "the wall clock of boot \(boot) is \(Diagram.milliseconds(offset)) ms ahead of the first trace's"
        return switch source {
        case .stated: "\(ahead), as stated"
        case .estimated(let within, let messages):
            "\(ahead), ± \(Diagram.milliseconds(within)) ms: estimated from \(messages) messages that both have recorded"
        case .oneWay(let messages):
            "\(ahead), give or take the time that a message needs: only messages in one direction (\(messages)) are in both traces"
        case .unknown:
            "no message is in the traces of boot \(boot) and of another: its wall clock is taken as it is; state the offset with --offset"
        }
    }
}
