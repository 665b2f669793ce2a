import BootTime
import ProofLink

/// A step of a join, as its device sees it.
public enum LoadStep: String, CaseIterable, Codable, Sendable {
    /// From connecting to the broker to CONNACK: TCP, TLS and MQTT. Once for each connection.
    case connect
    /// From SUBSCRIBE to SUBACK. Once for each connection.
    case subscribe
    /// From OBS_JOIN_REQ to OBS_JOIN_RESP, which has the value.
    case value
    /// From connecting to the beacon to the link; this and the next three of the join's last link.
    case link
    /// From the link to HELLO.
    case hello
    /// From the last READY or CLAIM to CHALLENGE.
    case challenge
    /// From PROOF, or VALUE, to OUTCOME.
    case outcome
    /// From PROOF, or VALUE, to RESPONSE.
    case decision
    /// From OBS_JOIN_REQ to RESPONSE: the whole join.
    case join

    /// Those that belong to a join and not to a connection.
    static let ofJoin = allCases.filter { $0 != .connect && $0 != .subscribe }
}

/// The moments of one join.
struct LoadMoments: Sendable {
    var asked: Instant?
    var answered: Instant?
    var opened: Instant?
    var linked: Instant?
    var greeted: Instant?
    var claimed: Instant?
    var challenged: Instant?
    var proved: Instant?
    var told: Instant?
    var decided: Instant?

    /// A new link: what is known of the one before it is dropped.
    mutating func open(at now: Instant) {
        opened = now
        (linked, greeted, claimed, challenged, proved, told) = (nil, nil, nil, nil, nil, nil)
    }

    /// A frame of the link.
    mutating func note(_ frame: LinkFrame, at now: Instant) {
        switch frame {
        case .hello: greeted = now
        case .ready, .claim: claimed = now
        case .challenge: challenged = now
        case .outcome: told = now
        case .wait, .proof, .value, .sign: break
        }
    }

    /// The time of each step that has been completed.
    var times: [LoadStep: Duration] {
        let steps: [(LoadStep, Instant?, Instant?)] = [
            (.value, asked, answered), (.link, opened, linked), (.hello, linked, greeted),
            (.challenge, claimed, challenged), (.outcome, proved, told), (.decision, proved, decided),
            (.join, asked, decided),
        ]
        return steps.reduce(into: [:]) { times, step in
            if let start = step.1, let end = step.2, end >= start { times[step.0] = end - start }
        }
    }
}

/// Quantiles of durations: the nearest rank, so that each is one that was measured.
public struct Quantiles: Codable, Equatable, Sendable {
    /// How many were measured.
    public var count: Int
    /// Half took at most this long, in microseconds; and so on.
    public var p50: Int64
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public var p90: Int64
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public var p99: Int64
    /// The longest, in microseconds.
    public var max: Int64

    /// Of at least one duration; nil if there is none.
    public init?(_ durations: [Duration]) {
        guard !durations.isEmpty else { return nil }
        let sorted = durations.map(\.wholeMicroseconds).sorted()
        func rank(_ percent: Int) -> Int64 { sorted[Swift.max(0, (percent * sorted.count + 99) / 100 - 1)] }
        (count, p50, p90, p99, max) = (sorted.count, rank(50), rank(90), rank(99), sorted[sorted.count - 1])
    }
}
